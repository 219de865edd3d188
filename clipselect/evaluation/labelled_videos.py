"""Labelled videos and the base that is evaluated on them: which output of the base is which class of the data."""

import warnings
from pathlib import Path

from clipselect.data.datasets import Dataset, read_dataset
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.media.text import printable
from clipselect.zoo.base import Base
from clipselect.zoo.loading import read_classes


def labelled_videos(
    data: Path, base: Base, *, prefix: Path | None = None, classes: Path | None = None
) -> tuple[Dataset, Base, str]:
    """The held-out videos, the base with the names of its classes, and where these names come from.

    Args:
        data, prefix: see `clipselect.data.datasets.read_dataset`.
        classes: a file with the names of the base's outputs, one a line, in order; without it those that the base
            knows, or else those of the data, in their order.

    Warns:
        ClipselectWarning: names are taken from the data.

    Raises:
        ClipselectError: data or names that cannot be read, or that do not fit the outputs of the base.
    """
    if classes is not None:
        names = read_classes(classes)
        if len(names) != len(base.classes):
            raise ClipselectError(
                f"{classes}: names {len(names)} classes, and the base has {len(base.classes)} outputs; name each"
            )
        return read_dataset(data, "val", prefix=prefix, classes=names), base.named(names), printable(classes)
    if base.has_names:
        return read_dataset(data, "val", prefix=prefix, classes=base.classes), base, "named by the base"
    dataset = read_dataset(data, "val", prefix=prefix)
    if {*dataset.classes} <= {*base.classes}:
        numbered = read_dataset(data, "val", prefix=prefix, classes=base.classes)
        return numbered, base, "numbers, in the data as in the base"
    if len(dataset.classes) == len(base.classes):
        warnings.warn(
            f"the outputs of {base.name} have no names; taken are those of the data, sorted "
            f"({dataset.classes[0]}, ...); a file of classes names them in another order",
            ClipselectWarning,
            stacklevel=2,
        )
        return dataset, base.named(dataset.classes), "those of the data, assumed to be sorted"
    raise ArgumentError(
        "classes",
        f"must name the {len(base.classes)} outputs of the base, which have no names: {data} has"
        f" {len(dataset.classes)} classes",
    )
