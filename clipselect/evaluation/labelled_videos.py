"""Labelled videos and the base that is evaluated on them: which output of the base is which class of the data."""

import warnings
from functools import partial
from pathlib import Path

from clipselect.data.datasets import Dataset, read_dataset, read_whole_dataset
from clipselect.errors import ArgumentError, ArgumentWarning, ClipselectError, ClipselectWarning
from clipselect.media.text import printable
from clipselect.zoo.base import Base
from clipselect.zoo.loading import read_classes


def labelled_videos(
    data: Path, base: Base, *, prefix: Path | None = None, classes: Path | None = None, all_videos: bool = False
) -> tuple[Dataset, Base, str]:
    """The videos to evaluate, the base with the names of its classes, and where these names come from.

    Args:
        data, prefix: see `clipselect.data.datasets.read_dataset`.
        classes: a file with the names of the base's outputs, one a line, in order; without it those that the base
            knows, or else those of the data, in their order.
        all_videos: whether to take all videos; by default the held-out ones, of val or by the rule of
            `clipselect.data.splits`.

    Warns:
        ClipselectWarning: names are taken from the data; videos are left out although the data does not say so.

    Raises:
        ClipselectError: data or names that cannot be read, or that do not fit the outputs of the base.
    """
    dataset, base, named_by = _named(data, base, prefix, classes, all_videos)
    if dataset.other_split:
        left_out = (
            f"{data} names no val split: {len(dataset.videos)} held-out videos are evaluated, a fifth of every class, "
            f"and {dataset.other_split} are left out, which the base may have been trained on"
        )
        warnings.warn(ArgumentWarning(left_out, "all_videos", "takes them, too"), stacklevel=2)
    return dataset, base, named_by


def _named(
    data: Path, base: Base, prefix: Path | None, classes: Path | None, all_videos: bool
) -> tuple[Dataset, Base, str]:
    read = partial(read_whole_dataset, data) if all_videos else partial(read_dataset, data, "val")
    if classes is not None:
        names = read_classes(classes)
        if len(names) != len(base.classes):
            raise ClipselectError(
                f"{classes}: names {len(names)} classes, and the base has {len(base.classes)} outputs; name each"
            )
        return read(prefix=prefix, classes=names), base.named(names), printable(classes)
    if base.has_names:
        return read(prefix=prefix, classes=base.classes), base, "named by the base"
    dataset = read(prefix=prefix)
    if {*dataset.classes} <= {*base.classes}:
        numbered = read(prefix=prefix, classes=base.classes)
        return numbered, base, "numbers, in the data as in the base"
    if len(dataset.classes) == len(base.classes):
        warnings.warn(
            f"the outputs of {base.name} have no names; taken are those of the data, sorted "
            f"({dataset.classes[0]}, ...); a file of classes names them in another order",
            ClipselectWarning,
            stacklevel=3,
        )
        return dataset, base.named(dataset.classes), "those of the data, assumed to be sorted"
    raise ArgumentError(
        "classes",
        f"must name the {len(base.classes)} outputs of the base, which have no names: {data} has"
        f" {len(dataset.classes)} classes",
    )
