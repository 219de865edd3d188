"""All videos that a user names, with a label each where there are labels: data as it is, not divided into splits."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clipselect.data.datasets import Dataset, has_classes, read_dataset
from clipselect.data.splits import Split, split_folders
from clipselect.data.unlabelled import read_unlabelled
from clipselect.errors import check_argument
from clipselect.index.inputs import LIST_SUFFIXES
from clipselect.index.score_index import ScoreIndex

Paths = str | Path | Iterable[str | Path]
Labels = list[int] | list[str]


@dataclass(frozen=True)
class VideoList:
    """Videos, and what they show.

    Attributes:
        paths: of files and folders of frames.
        labels: one per path; None where there are none.
        classes: names of the classes if labels are their indices, otherwise empty.
        missing: names in a list or JSON whose file is not there.
    """

    paths: list[str]
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def video_list(
    videos: Paths,
    labels: Sequence[int] | Sequence[str] | None = None,
    *,
    split: Split | None = None,
    prefix: Path | str | None = None,
    classes: Sequence[str] | None = None,
) -> VideoList:
    """The videos of a list, a folder, a file that lists them, or a score index.

    Args:
        videos: paths; or one path: of a folder of classes or of videos, of a list with labels or ActivityNet's JSON, of
            a score index (.parquet), or of a single video.
        labels: of the paths, integers or words. Labels that come with data are integers too: numbers stay as they are,
            and names become indices of `classes`, by default of their sorted names.
        split, prefix, classes: see `clipselect.data.datasets.read_dataset`.

    Raises:
        ArgumentError: no videos, labels of another number, or options that such videos cannot have.
        ClipselectError: as `read_dataset`.

    >>> video_list(["a.mp4", "b.mp4"], [3, 7]).labels
    [3, 7]
    """
    if not isinstance(videos, str | Path):
        check_argument(isinstance(videos, Iterable), "videos", f"must be a path or a list of paths, got {videos!r}")
        given = [*videos]
        odd = next((path for path in given if not isinstance(path, str | Path) or not str(path)), None)
        check_argument(odd is None, "videos", f"must be paths, got {odd!r} among them")
        check_argument(bool(given), "videos", "must be at least one video, got an empty list")
        _refuse({"split": split, "prefix": prefix, "classes": classes}, "a list of paths")
        return VideoList([str(path) for path in given], None if labels is None else _labels(labels, len(given)))
    data = Path(videos)
    _refuse({"labels": labels}, f"{data}, only for a list of paths")
    if data.suffix.lower() == ".parquet":
        _refuse({"split": split, "prefix": prefix, "classes": classes}, f"{data}, a score index")
        paths = ScoreIndex(data).paths()
        check_argument(bool(paths), "videos", f"must hold a video, but {data} is empty")
        return VideoList(paths)
    listed = data.suffix.lower() in LIST_SUFFIXES | {".json"}
    if split is not None or listed or (os.path.isdir(data) and (split_folders(data) or has_classes(data))):
        return _labelled(read_dataset(data, split, prefix=prefix, classes=classes), numbered=classes is None)
    _refuse({"prefix": prefix, "classes": classes}, f"{data}, whose videos have no labels")
    found = read_unlabelled(data)
    return VideoList([video.path for video in found.videos], missing=found.missing)


def _labelled(dataset: Dataset, numbered: bool) -> VideoList:
    names, paths = dataset.classes, [video.path for video in dataset.videos]
    indices = [video.label for video in dataset.videos]
    if numbered and all(name.isascii() and name.isdecimal() for name in names):
        return VideoList(paths, [int(names[i]) for i in indices], (), dataset.missing)
    return VideoList(paths, indices, names, dataset.missing)


def _labels(labels: Any, count: int) -> Labels:
    values = labels.tolist() if hasattr(labels, "tolist") else [*labels]
    check_argument(len(values) == count, "labels", f"must be one per video, got {len(values)} for {count}")
    if all(isinstance(value, str) for value in values):
        return values
    are_integers = all(isinstance(value, int | np.integer) for value in values)
    check_argument(are_integers, "labels", "must be integers, or all of them words")
    return [int(value) for value in values]


def _refuse(options: dict[str, Any], videos: str) -> None:
    for argument, value in options.items():
        check_argument(value is None, argument, f"is not for {videos}; leave it out")
