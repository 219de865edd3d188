"""Folders and lists of videos, as data sets."""

from pathlib import Path
from typing import Any

import pytest

from clipselect.data.datasets import Dataset, read_dataset
from clipselect.errors import ClipselectError

SPLITS = ("train", "val")


def make(folder: Path, *names: str) -> None:
    """Empty files: nothing here is opened."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def labelled(dataset: Dataset, root: Path | None = None) -> dict[str, list[str]]:
    """Names of classes by path, in the order of the videos."""
    return {
        (Path(v.path).relative_to(root) if root else Path(v.path)).as_posix(): [dataset.classes[i] for i in v.labels]
        for v in dataset.videos
    }


def refused(says: str, data: Path | str, split: Any = "train", **how: Any) -> None:
    with pytest.raises(ClipselectError, match=says) as e:
        read_dataset(Path(data), split, **how)
    assert len(str(e.value).splitlines()) == 1


def write_list(folder: Path, *lines: str, name: str = "list.csv") -> Path:
    """A list, and all files that it could mean are made by the caller."""
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return folder / name
