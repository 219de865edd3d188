"""The weights that come with clipselect, by name. They lie in the package `clipselect.zoo`; nothing is fetched."""

from importlib.resources import as_file, files
from pathlib import Path

from clipselect.errors import ClipselectError

DEFAULT_DDNET = "ddnet3d-actions"
FACE_DDNET = "ddnet2d-faces"
PERSON_DDNET = "ddnet2d-persons"
DEFAULT_BASE = "r3d-actions"

DDNETS = {
    DEFAULT_DDNET: "ddnet3d_actions.safetensors",
    FACE_DDNET: "ddnet2d_faces.safetensors",
    PERSON_DDNET: "ddnet2d_persons.safetensors",
}
BASES = {DEFAULT_BASE: "r3d_actions.safetensors"}


def weights_path(model: str | Path, names: dict[str, str]) -> Path:
    """The weights file of a name in `names`, or the file itself if `model` is a path.

    >>> weights_path("ddnet3d-actions", DDNETS).name
    'ddnet3d_actions.safetensors'

    Raises:
        ClipselectError: neither a name nor a file.
    """
    if str(model) in names:
        with as_file(files("clipselect.zoo") / names[str(model)]) as path:
            return path
    if Path(model).is_file():
        return Path(model)
    known = ", ".join(names)
    if Path(model).suffix or Path(model).name != str(model):
        raise ClipselectError(f"{model}: no such file; check the path, or give one of {known}")
    raise ClipselectError(f"unknown model {str(model)!r}: give one of {known}, or the path of a weights file")
