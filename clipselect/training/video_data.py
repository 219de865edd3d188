"""The videos that a DDNet is distilled on: training and held-out ones, with labels or without, and background."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipselect.data.datasets import Dataset, LabelledVideo, read_background, read_dataset
from clipselect.data.splits import Split
from clipselect.data.unlabelled import read_unlabelled_split
from clipselect.zoo.base import Base


@dataclass(frozen=True)
class Videos:
    """The videos of a split.

    Attributes:
        videos: those of the classes, then background, which has no labels.
        domains: domain of the background by path.
    """

    videos: Sequence[LabelledVideo]
    domains: Mapping[str, str]


@dataclass(frozen=True)
class VideoData:
    """The videos of a distillation.

    Attributes:
        name: short name of the data.
        base: with the names of its classes, which a checkpoint does not know.
        missing: what a list names and is not there.
    """

    name: str
    base: Base
    training: Videos
    held_out: Videos
    missing: tuple[str, ...]


def read_videos(
    data: Path,
    base: Base,
    *,
    prefix: str | Path | None = None,
    background: str | Path | None = None,
    unlabelled: bool = False,
    max_held_out: int = 2000,
) -> VideoData:
    """Find the videos of a distillation.

    Args:
        data: as for `clipselect.data.datasets.read_dataset`; unlabelled any folder or list of videos.
        background: videos that show none of the classes, see `clipselect.data.datasets.read_background`.
        max_held_out: of the held-out videos, and of the held-out background, no more than this many, evenly chosen.

    Raises:
        ClipselectError: as for the functions that read data, or a base with another number of classes.
    """
    prefix = None if prefix is None else Path(prefix)
    if unlabelled:
        training, held_out = read_unlabelled_split(data, prefix=prefix, most_held_out=max_held_out)
    else:
        training, held_out, base = _read_labelled(data, prefix, base)
    return VideoData(
        training.name,
        base,
        _with_background(training.videos, background, "train"),
        _with_background(_evenly(held_out.videos, max_held_out), background, "val", max_held_out),
        (*training.missing, *held_out.missing),
    )


def _read_labelled(data: Path, prefix: Path | None, base: Base) -> tuple[Dataset, Dataset, Base]:
    training = read_dataset(data, "train", prefix=prefix, classes=base.classes if base.has_names else None)
    if not base.has_names:
        if all(name in base.classes for name in training.classes):  # PyTorchVideo's lists number the outputs
            training = read_dataset(data, "train", prefix=prefix, classes=base.classes)
        else:
            base = base.named(training.classes)
    return training, read_dataset(data, "val", prefix=prefix, classes=base.classes), base


def _with_background(
    videos: Sequence[LabelledVideo], folder: str | Path | None, split: Split, most: int | None = None
) -> Videos:
    found = read_background(Path(folder), split) if folder else {}
    domains = {path: domain for domain, paths in found.items() for path in paths}
    background = [LabelledVideo(path, ()) for path in domains]
    return Videos([*videos, *(background if most is None else _evenly(background, most))], domains)


def _evenly(videos: list[LabelledVideo], most: int) -> list[LabelledVideo]:
    return videos if len(videos) <= most else [videos[i * len(videos) // most] for i in range(most)]
