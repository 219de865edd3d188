"""Which split a video belongs to: as the data says, or else by a rule that needs nothing but its name.

**Held out where the data names no split, or train alone** (`kinetics_train.csv`): within each class the videos are
ordered by the SHA-1 of their name as the list has it, or relative to the folder of the classes, and the first fifth,
but at least one of two, is val. So it depends neither on the machine, nor on where the data lies, nor on the other
classes. Of Kinetics' uploads with several clips all clips go with the first. Data that names no split but is called
after one (`kinetics400/val`, `hmdb_test.csv`) is val as a whole.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.inputs import is_folder, visible

Split = Literal["train", "val"]
Subset = Literal["train", "val", "test"]

SUBSETS: dict[str, Subset] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validate": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What splits are called, in lower case. A test set serves as val where there is no other."""


def held_out(names: Iterable[str]) -> set[str]:
    """Which videos of one class are val where nothing says so: see the top of this file."""

    def digest(name: str) -> tuple[bytes, str]:
        text = unicodedata.normalize("NFC", name)  # macOS decomposes names of files
        return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest(), name

    ordered = sorted(set(names), key=digest)
    return set(ordered[: max(len(ordered) // 5, 1)] if len(ordered) > 1 else [])


def of_split(names: Iterable[str], split: Split) -> set[str]:
    """The names of one class that belong to a split, where the rule decides."""
    names = set(names)
    val = held_out(names)
    return val if split == "val" else names - val


def is_val_by_name(data: Path) -> bool:
    """Whether data without splits is val as a whole, because it is called so."""
    return SUBSETS.get(_last_word(data)) in ("val", "test")


def refuse_train_of_val(data: Path, split: Split) -> None:
    """Raise a ClipselectError if training videos are asked of data that is val as a whole."""
    if split == "train":
        word = _last_word(data)
        raise ClipselectError(
            f"{data}: holds {word} videos only, by its name; give the data that {split} is in too, or rename it"
        )


def refuse_splits(data: Path, has_splits: bool) -> None:
    """Raise an ArgumentError if all of the data is asked for, and it has splits."""
    if has_splits:
        raise ArgumentError("split", f"must be train or val, since {data} has splits; or give the part that is meant")


def _last_word(data: Path) -> str:
    return re.split(r"[_\-. ]", short_name(data).lower())[-1]


class SplitRoot(NamedTuple):
    """Where in a folder a split lies.

    Attributes:
        path: the folder of its classes.
        undivided: the other split lies there, too; the rule decides which video is of which.
    """

    path: Path
    undivided: bool


def split_root(data: Path, split: Split | None) -> SplitRoot:
    """Where a split lies; None for all of data without splits.

    Raises:
        ClipselectError: it is not in `data`.
        ArgumentError: no split of data that has some.
    """
    folders = split_folders(data)
    if split is None:
        refuse_splits(data, bool(folders))
        return SplitRoot(data, undivided=False)
    if not folders:
        if is_val_by_name(data):
            refuse_train_of_val(data, split)
        return SplitRoot(data, undivided=not is_val_by_name(data))
    if {*folders} == {"train"}:
        return SplitRoot(folders["train"], undivided=True)
    path = folders.get(split) or (folders.get("test") if split == "val" else None)
    if path is None:
        raise ClipselectError(f"{data}: has no folder {split}; add it, or give a folder of classes without splits")
    return SplitRoot(path, undivided=False)


def split_folders(data: Path) -> dict[Subset, Path]:
    """Folders of splits by subset. A single one beside other folders is none: it is a class that is called so."""
    folders = subfolders(data)
    named = {SUBSETS[folder.name.lower()]: folder for folder in reversed(folders) if folder.name.lower() in SUBSETS}
    exact: dict[Subset, Path] = {s: data / s for s in named if data / s in folders}
    lone = len(named) == 1 and (len(folders) > 1 or "test" in named)
    return {} if lone else {**named, **exact}


def subfolders(folder: Path) -> list[Path]:
    return [folder / entry.name for entry in visible(folder) if is_folder(entry)]


def short_name(data: Path) -> str:
    """The name of a folder, or of a file without its suffix."""
    name = os.path.basename(os.path.abspath(data))  # noqa: PTH100, PTH119
    return name if os.path.isdir(data) else Path(name).stem
