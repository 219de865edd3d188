"""Loading embedders: from checkpoints and ONNX files, weights that clipselect wrote, or out of the user's own code."""

from dataclasses import replace
from pathlib import Path

from clipselect.errors import ClipselectError
from clipselect.zoo.embedder import NORMALISATIONS, Embedder
from clipselect.zoo.loading import code_fingerprint, from_code
from clipselect.zoo.onnx_embedder import of_onnx


def load_embedder(model: str | Path, device: str = "auto", *, normalisation: str | None = None) -> Embedder:
    """An embedder by file.

    Args:
        model: a .onnx file; or FILE.py:NAME, your own code, which is run, and in it an `Embedder` or a function that
            makes one.
        normalisation: of the input, a name of `clipselect.zoo.embedder.NORMALISATIONS`; what the network was published
            with by default, "imagenet" for .onnx.

    Raises:
        ClipselectError: unknown model, weights that do not fit or cannot be read, or a normalisation of one's own code.
    """
    if normalisation is not None and normalisation not in NORMALISATIONS:
        raise ClipselectError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {normalisation}")
    name, _, rest = str(model).rpartition(":")
    if name.endswith(".py"):
        if normalisation is not None:
            raise ClipselectError(f"{model}: its code says how its input is normalised; leave out {normalisation}")
        made = from_code(Path(name), rest, Embedder)
        return replace(made, sha256=f"{made.sha256} {code_fingerprint(Path(name), rest)}")
    path = Path(model)
    if path.suffix == ".onnx":
        return of_onnx(path, normalisation=normalisation or "imagenet")
    raise ClipselectError(f"unknown base {str(model)!r}: give a .onnx file or FILE.py:NAME")
