"""Which form a folder of faces has, and the sets in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from clipselect.data.splits import split_root
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.sets.face_sets import FaceSets, drawn_sets, listed_sets, sets_in_folders
from clipselect.evaluation.sets.ijb import ijba, ijbc
from clipselect.index.inputs import is_folder, visible

Form = Literal["ijbc", "ijba", "sets", "images"]
YOUTUBE_PAIRS = "splits.txt"
SET_SIZES = (5, 10)


def form_of(folder: Path) -> Form:
    """The form of a folder, by what is in it.

    - "ijbc": `*_face_tid_mid.txt`, there or in meta/;
    - "ijba": `verify_metadata_N.csv`, anywhere below;
    - "sets": IDENTITY/SET/frames, perhaps in val/;
    - "images": anything else, which should be IDENTITY/*.jpg, perhaps in val/.

    Raises:
        ClipselectError: no such folder.
    """
    if not folder.is_dir():
        raise ClipselectError(f"{folder}: no such folder; give one with faces")
    if any(folder.glob("*_face_tid_mid.txt")) or any(folder.glob("meta/*_face_tid_mid.txt")):
        return "ijbc"
    if next(folder.rglob("verify_metadata_*.csv"), None) is not None:
        return "ijba"
    people = [Path(entry.path) for entry in visible(split_root(folder, "val")[0]) if is_folder(entry)]
    return "sets" if any(is_folder(entry) for person in people for entry in visible(person)) else "images"


def read_face_sets(
    folder: Path, set_list: Path | None, pairs: Path | None, set_size: Sequence[int] | None, seeds: Sequence[int]
) -> FaceSets:
    """The sets of a folder; see `clipselect.evaluation.sets.faces.FaceEvaluation` for the arguments.

    Raises:
        ArgumentError: an argument that does not apply to data of this form.
        ClipselectError: data that cannot be used.
    """
    form = form_of(folder)
    for file in (set_list, pairs):
        if file is not None and not file.is_file():
            raise ClipselectError(f"{file}: no such file; check the path")
    if set_size is not None and (form != "images" or set_list is not None):
        raise ArgumentError("set_size", f"is for drawn sets, and {folder} has its own; leave it out")
    root = split_root(folder, "val")[0]
    found = pairs or (folder / YOUTUBE_PAIRS if (folder / YOUTUBE_PAIRS).is_file() else None)
    if set_list is not None:
        return listed_sets(folder, set_list, found)
    if form in ("ijbc", "ijba"):
        if pairs is not None:
            raise ArgumentError("pairs", f"is for sets in folders, and {folder} has the pairs of IJB; leave it out")
        return ijbc(folder) if form == "ijbc" else ijba(folder)
    if form == "sets":
        return sets_in_folders(root, found)
    if found is not None:
        raise ArgumentError("pairs", f"names sets, and {root} holds none but images of identities; leave it out")
    return drawn_sets(folder, set_size or SET_SIZES, seeds)
