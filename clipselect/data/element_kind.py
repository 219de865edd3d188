"""Which elements to distil for, clips of videos or single frames of identities: as the base or the data show."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from clipselect.data.splits import split_folders
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.inputs import VIDEO_SUFFIXES, is_folder, visible
from clipselect.media.frame_folder import IMAGE_SUFFIXES
from clipselect.scoring import shipped
from clipselect.scoring.scorer import Elements as ElementKind
from clipselect.scoring.weights_file import weights_kind
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.embedder_loading import EMBEDDERS
from clipselect.zoo.networks import NETWORKS

MAX_FILES = 2000
"""Videos and images that are looked at in a folder."""


def kind_of_base(base: str | Path | Base | Embedder) -> ElementKind | None:
    """What a base is for, if it says so: a network, the name of one before a colon, or a file of weights.

    None for FILE.py:NAME, whose code is not run to see, and for what is no base.
    """
    if isinstance(base, Base | Embedder):
        return "clips" if isinstance(base, Base) else "frames"
    network, path = str(base).partition(":")[0], Path(base)
    if network in (*NETWORKS, "torchvision", "hf") or str(base) in shipped.BASES:
        return "clips"
    if network in EMBEDDERS or path.suffix == ".onnx":
        return "frames"
    kinds: dict[str | None, ElementKind] = {"base": "clips", "embedder": "frames"}
    return kinds.get(weights_kind(path)) if path.is_file() else None


def element_kind(data: Sequence[Path]) -> ElementKind:
    """What can be distilled from some data sets, by what lies in them.

    A file is a video, a list or a JSON of videos: clips. A folder of videos: clips. A folder with images in it, or in
    its folders: frames, since every folder is an identity. Images deeper than that may be the frames of a video or an
    identity with a folder per camera: the caller must choose.

    Raises:
        ClipselectError: nothing there, no videos and no images, videos and images, or images that may be either.
    """
    kinds = {_kind(folder) for folder in data}
    if len(kinds) != 1:
        raise ArgumentError("elements", "must be clips or frames, since some of the data are videos and some images")
    return kinds.pop()


def _kind(data: Path) -> ElementKind:
    if not os.path.exists(data):
        raise ClipselectError(f"{data}: no such file or folder; check the path")
    if not os.path.isdir(data):
        return "clips"
    found: set[str] = set()
    for root in {**split_folders(data)}.values() or [data]:
        for seen, what in enumerate(_files(root)):
            found.add(what)
            if len(found) > 1 or seen >= MAX_FILES:
                break
    if not found:
        raise ClipselectError(f"{data}: holds no videos and no images; check the path")
    if found == {"video"}:
        return "clips"
    if found == {"image"}:
        return "frames"
    problem = "videos and images" if "video" in found else "images that may be frames of videos or of identities"
    raise ArgumentError("elements", f"must be clips or frames, since {data} holds {problem}")


def _files(folder: Path, depth: int = 0, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """What the files of a folder and those below it are: "video", "image", or "deep image"."""
    real = os.path.realpath(folder)
    if real in above:
        return
    entries = visible(folder)
    for entry in entries:
        suffix = Path(entry.name).suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            yield "video"
        elif suffix in IMAGE_SUFFIXES:
            yield "image" if depth < 2 else "deep image"
    for entry in entries:
        if is_folder(entry):
            yield from _files(folder / entry.name, depth + 1, above | {real})
