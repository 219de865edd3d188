"""Networks in ONNX files: run on the CPU by onnxruntime, with what the file says of their input."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.optional import require


@dataclass(frozen=True)
class OnnxNetwork:
    """An ONNX file with one input.

    Attributes:
        shape: of the input without its first axis; names where a size is free.
        is_uint8: whether the input is bytes rather than floats.
        about: its `metadata_props`.
        sha256: of the file.
    """

    path: Path
    session: Any = field(repr=False)
    shape: tuple[Any, ...]
    is_uint8: bool
    about: dict[str, str]
    sha256: str

    def run(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """All outputs [n, ...] for inputs [n, *shape], whatever batch the file is made for."""
        model_input = self.session.get_inputs()[0]
        step = model_input.shape[0] if isinstance(model_input.shape[0], int) else len(rows)
        short = -len(rows) % step
        filled = np.concatenate([rows, rows[:1].repeat(short, axis=0)]) if short else rows
        parts = [self.session.run(None, {model_input.name: filled[i : i + step]}) for i in range(0, len(filled), step)]
        return [np.concatenate(output)[: len(rows)] for output in zip(*parts, strict=True)]


def open_onnx(path: Path) -> OnnxNetwork:
    """A network of an ONNX file.

    Raises:
        MissingLibraryError: onnxruntime is missing.
        ClipselectError: not an ONNX file, or one with several inputs.
    """
    ort = require("onnxruntime", f"{path}")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ClipselectError(f"{path}: cannot be read ({e.strerror}); check the path") from e
    import torch  # whose number of threads the caller sets

    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # the runtime's own exceptions have no common base
        raise ClipselectError(f"{path}: not an ONNX network that onnxruntime can run; export it again") from e
    inputs = session.get_inputs()
    if len(inputs) != 1 or not inputs[0].shape:
        raise ClipselectError(f"{path}: must take one input, not {[i.shape for i in inputs]}; export it with one")
    about = dict(session.get_modelmeta().custom_metadata_map)
    is_uint8, shape = inputs[0].type == "tensor(uint8)", tuple(inputs[0].shape[1:])
    return OnnxNetwork(path, session, shape, is_uint8, about, hashlib.sha256(data).hexdigest())
