"""Scorers by name or file that are no DDNets: FILE.py:NAME, FILE.onnx, the qualities of frames, LightQNet."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.scoring.cheap_scores import motion
from clipselect.scoring.frame_qualities import area, jpeg_bytes, lightqnet, sharpness
from clipselect.scoring.function_scorer import CLIP_SECONDS, FunctionScorer
from clipselect.scoring.input_spec import NORMALISATIONS, InputSpec
from clipselect.scoring.onnx_network import open_onnx
from clipselect.scoring.user_code import run_code, split_code

QUALITIES = {  # no networks, so none of the multiply-adds that are counted
    "sharpness": FunctionScorer(sharpness, "sharpness", multiply_adds=0),
    "jpeg-bytes": FunctionScorer(jpeg_bytes, "jpeg-bytes", multiply_adds=0),
    "area": FunctionScorer(area, "area", multiply_adds=0),
    "motion": FunctionScorer(motion, "motion", elements="clips", multiply_adds=0),
}
LIGHTQNET = "lightqnet:"


def named_scorer(name: str | Path) -> Any:
    """The scorer of a text that names no DDNet: a `FunctionScorer`, or whatever scorer the user's code holds.

    None for any other text.

    Raises:
        ClipselectError: the file cannot be read, or holds something else.
    """
    text = str(name)
    if text in QUALITIES:
        return QUALITIES[text]
    if code := split_code(text):
        return run_code(*code, _made, "a function that scores a batch of elements")
    if text.startswith(LIGHTQNET):
        return lightqnet(text.removeprefix(LIGHTQNET))
    file, _, normalisation = text.rpartition(":")
    if file.endswith(".onnx"):
        return onnx_scorer(Path(file), normalisation)
    return onnx_scorer(Path(text)) if text.endswith(".onnx") else None


def onnx_scorer(path: Path, normalisation: str | None = None) -> FunctionScorer:
    """A network in an ONNX file, on the CPU; of its outputs, the one that has a number per element is the score.

    Its one input is [n, 3, height, width] or [n, 3, T, height, width], floats, or [n, height, width, 3] or
    [n, T, height, width, 3] uint8 RGB, as `export_onnx` writes it; all sizes but n are fixed.

    Args:
        normalisation: of an input of floats, a name of `clipselect.scoring.input_spec.NORMALISATIONS`. The file
            does not say it, and a wrong one gives wrong scores, so it has no default.

    Raises:
        MissingLibraryError: onnxruntime is missing.
        ClipselectError: not an ONNX file, another kind of input or output, or no normalisation where one is needed.
    """
    network = open_onnx(path)
    channels, sides = (
        (network.shape[-1:], network.shape[:-1]) if network.is_uint8 else (network.shape[:1], network.shape[1:])
    )
    if channels != (3,) or len(sides) not in (2, 3) or not all(isinstance(side, int) for side in sides):
        raise ClipselectError(
            f"{path}: must take RGB frames [n, 3, height, width] or clips [n, 3, T, height, width] of one size, not "
            f"[n, {', '.join(map(str, network.shape))}]; export it so"
        )
    if not network.is_uint8 and normalisation not in NORMALISATIONS:
        given = f", got {normalisation}" if normalisation else ""
        raise ClipselectError(
            f"{path}: takes floats, so say how they are normalised: {path.name}:NAME with one of "
            f"{', '.join(NORMALISATIONS)}{given}"
        )
    if network.is_uint8 and normalisation:
        raise ClipselectError(f"{path}: takes bytes, which are not normalised; leave out {normalisation}")
    *time, height, width = sides
    mean, std = NORMALISATIONS[normalisation or "unit"]
    spec = InputSpec(height, width, mean, std, *time)

    def outputs(elements: NDArray[np.uint8]) -> list[NDArray[Any]]:
        return network.run(elements if network.is_uint8 else np.ascontiguousarray(spec.normalise(elements).numpy()))

    try:
        found = [np.asarray(one) for one in outputs(spec.blank(2))]
    except Exception as e:  # the runtime's own exceptions have no common base
        raise ClipselectError(f"{path}: cannot be run on {[2, *spec.shape]} ({e}); export it again") from e
    scores = [i for i, one in enumerate(found) if one.size == len(one) == 2]
    if len(scores) != 1:
        shapes = [[*one.shape] for one in found]
        raise ClipselectError(f"{path}: must have one output of a number per element, not {shapes} for 2 elements")
    try:
        return FunctionScorer(
            lambda elements: outputs(elements)[scores[0]].reshape(-1), name=path.stem, size=(height, width),
            elements="clips" if time else "frames", **({"num_frames": time[0]} if time else {}),
            clip_duration=float(network.about.get("clip_duration", CLIP_SECONDS)),
        )  # fmt: skip
    except (ValueError, ArgumentError) as e:
        raise ClipselectError(f"{path}: {e}; export it again") from e


def _made(found: Any) -> Any:
    """A scorer, or a function that becomes one; of a class, what it makes."""
    found = found() if isinstance(found, type) else found
    if not callable(found) and not hasattr(found, "score_images"):
        raise TypeError(f"it is no function of a batch of elements, but {found!r}")
    return FunctionScorer(found) if callable(found) else found
