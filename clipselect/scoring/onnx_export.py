"""A DDNet as an ONNX file, for programs without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import clipselect
from clipselect.errors import ClipselectError, NetworkError
from clipselect.media.files import check_writable, write_whole
from clipselect.media.optional import innermost_cause, require
from clipselect.scoring.scorer import Scorer, load_ddnet
from clipselect.scoring.weights_file import weights_kind

OPSET = 18
"""Of the ONNX file: what torch's exporter writes without converting; onnxruntime 1.18 and later run it."""
MAX_DIFFERENCE = 1e-4
"""Between scores of torch and of onnxruntime."""
CHECKED_BATCHES = (1, 3)
"""Elements scored at a time by the check: the batch must have become free."""


def export_onnx(path: Path | str, scorer: Path | str | None = None) -> dict[str, str]:
    """Write a DDNet as ONNX: uint8 RGB elements in, scores out, any number at a time.

    The input is `clips` [n, T, height, width, 3] or, of a DDNet for single frames, `frames` [n, height, width, 3]; the
    output is `scores` [n] float32 in (0, 1). Normalisation is part of the network: a caller hands over pixels as every
    decoder makes them, and cannot forget or confuse mean, std, the range of values or the order of axes. The file says
    in its `metadata_props` what must be known of its input.

    The file appears only if onnxruntime gives the same scores as torch, to 1e-4.

    >>> about = export_onnx("ddnet.onnx")
    >>> about["input"], about["frames"], about["height"], about["clip_duration"]
    ('clips', '4', '80', '1.0')

    Args:
        path: of the file to write; one that is there is replaced.
        scorer: a DDNet, as for `load_ddnet`; the shipped DDNet for actions by default.

    Returns:
        The `metadata_props` of the file.

    Raises:
        MissingLibraryError: a library of the extra "onnx" is missing.
        ClipselectError: an unusable model, or the file cannot be written.
        NetworkError: this torch cannot export it, or onnxruntime gives other scores.
    """
    path = Path(path)
    check_writable(path)
    if weights_kind(path) is not None:
        raise ClipselectError(f"{path}: holds weights, which would be lost; choose another name")
    for library in ("onnx", "onnxruntime", "onnxscript"):
        require(library, "exporting to ONNX")
    loaded = load_ddnet(scorer, "cpu")
    about = _description(loaded)
    try:
        data = _onnx_bytes(loaded, about)
        difference = _difference(data, loaded, about["input"])
    except NetworkError:  # its scores are not numbers
        raise
    except Exception as e:  # the errors of torch's exporter and of onnxruntime have no common base
        problem = f"cannot be exported by torch {torch.__version__} ({innermost_cause(e)})"
        raise NetworkError(f"model {loaded.name!r}: {problem}; update torch, onnxscript and onnxruntime") from e
    if not difference <= MAX_DIFFERENCE:
        problem = f"onnxruntime's scores differ from torch's by {difference:.2g}; update torch and onnxruntime"
        raise NetworkError(f"model {loaded.name!r}: {problem}")
    write_whole(path, data)
    return about


class _PixelsToScores(nn.Module):
    """The DDNet with its normalisation in front; its sigmoid in single precision, which every ONNX runtime has."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.net, self.input_spec = scorer.net, scorer.input_spec

    def forward(self, elements: Tensor) -> Tensor:
        return torch.sigmoid(self.net.logits(self.input_spec.normalise(elements)))


def _description(scorer: Scorer) -> dict[str, str]:
    """What must be known of the input, and which DDNet it is: text, as ONNX holds it; lists as JSON."""
    spec, metadata = scorer.input_spec, scorer.metadata
    of_clips = spec.frames is not None
    about: dict[str, Any] = {
        "name": scorer.name,
        "base": metadata.get("base", "unknown"),
        "sha256": metadata["sha256"],
        "input": "clips" if of_clips else "frames",
        "layout": "NTHWC" if of_clips else "NHWC",
        "color": "RGB",
        "dtype": "uint8",
        "value_range": [0, 255],
        "height": spec.height,
        "width": spec.width,
        "resize": "the whole frame, bilinear, without keeping the aspect ratio",
        "normalisation": "(value / 255 - mean) / std, part of the network",
        "mean": spec.mean,
        "std": spec.std,
    }
    if of_clips:
        about["frames"] = spec.frames
        about["frame_times"] = "the middles of equal parts of the clip"
        about["clip_duration"] = scorer.clip_duration
    about["clipselect"] = clipselect.__version__
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}


def _onnx_bytes(scorer: Scorer, about: dict[str, str]) -> bytes:
    example = torch.from_numpy(scorer.input_spec.blank(2))
    with torch.autocast("cpu", enabled=False):  # the caller's autocast must not become part of the network
        program: Any = torch.onnx.export(
            _PixelsToScores(scorer).eval(), (example,), dynamo=True, verbose=False, opset_version=OPSET,
            input_names=[about["input"]], output_names=["scores"], dynamic_shapes=({0: torch.export.Dim("n")},),
        )  # fmt: skip
    model = program.model_proto
    for described in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del described.metadata_props[:]  # torch's notes: file names of this machine
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString())


def _difference(data: bytes, scorer: Scorer, name: str) -> float:
    """The largest between scores of noise by torch and by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    differences = []
    for count in CHECKED_BATCHES:
        elements = random.integers(0, 256, (count, *scorer.input_spec.shape), dtype=np.uint8)
        scores: NDArray[np.float32] = session.run(["scores"], {name: elements})[0]
        differences.append(np.abs(scores - scorer.score(elements)).max())
    return float(np.max(differences))  # a NaN stays one
