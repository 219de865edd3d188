"""D-scores of all training elements: what a DDNet learns, in one Parquet file that can be looked at.

One row per element, or per label that a background element is tried with: `video` (its number), `path`, `start` and
`end` in seconds, `label` (the class of the video that it stands in; of several, the main one), `shows` (the class that
it shows, or null for background), `discriminability` (eq. 3), `d_score` (eq. 4), `confidence` (the base's largest
probability) and `predicted` (its answer for the whole video).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.errors import ClipselectError
from clipselect.media.files import whole_file
from clipselect.media.text import utf8
from clipselect.method.discriminability import (
    CentroidAccumulator,
    Contrast,
    Metric,
    Normalisation,
    d_scores,
    discriminability,
    normalisation,
)
from clipselect.training.feature_files import BACKGROUND, Elements, FeatureFiles

Target = Literal["labels", "head", "confidence"]
"""Centroids and labels of the training set; the head's rows and its own answers; the base's largest probability."""

NOTHING = "not one of the training videos can be read; look at the errors above"
SCHEMA = pa.schema(
    [
        ("video", pa.int64()), ("path", pa.string()), ("start", pa.float64()), ("end", pa.float64()),
        ("label", pa.string()), ("shows", pa.string()), ("discriminability", pa.float64()), ("d_score", pa.float64()),
        ("confidence", pa.float32()), ("predicted", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class DScoreTarget:
    """How D-scores are computed.

    Attributes:
        classes: names; further rows of the centroids are background, which can only be a negative.
        centroids: [at least classes, d] float64; NaN rows for what has no elements.
    """

    classes: tuple[str, ...]
    centroids: Tensor
    target: Target = "labels"
    metric: Metric = "cosine"
    contrast: Contrast = "ratio"
    seed: int = 0

    def pairs(self, elements: Elements) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows [p] of elements and a label [p] for each: that of its video or, unlabelled, the base's answer for it.

        Background of no video is tried with four: two that the base finds likely, and two at random.
        """
        open_rows = np.flatnonzero(elements.label == BACKGROUND)
        if self.target != "labels":
            label = elements.label.copy()
            wanted = slice(None) if self.target == "head" else open_rows
            label[wanted] = elements.predicted[wanted]
            return np.arange(len(label)), label
        fixed = np.flatnonzero(elements.label != BACKGROUND)
        rng = np.random.default_rng([self.seed, *elements.video[:1]])
        tried = np.hstack(
            [elements.likely[open_rows][:, [0, -1]], rng.integers(len(self.classes), size=(len(open_rows), 2))]
        )
        rows = np.concatenate([fixed, np.repeat(open_rows, tried.shape[1])])
        return rows, np.concatenate([elements.label[fixed], tried.ravel()])

    def discriminability(self, elements: Elements) -> Tensor:
        """[p] float64 of the `pairs` of the elements."""
        rows, labels = self.pairs(elements)
        if self.target == "confidence":
            return torch.from_numpy(elements.confidence[rows]).double()
        return discriminability(
            torch.from_numpy(elements.features[rows]), torch.from_numpy(labels), self.centroids,
            metric=self.metric, contrast=self.contrast,
        )  # fmt: skip


def centroids_of(files: FeatureFiles, classes: Sequence[str], domains: Mapping[str, str] | None = None) -> Tensor:
    """Centroids of the elements by what they show, streamed: of every class, then of the background within labelled
    videos, then of every domain of background videos. Streets and stadiums share no centroid worth the name.

    Args:
        domains: domain of background videos by path.

    Returns:
        [classes + 1 + different domains, d] float64; NaN for a background that has no elements.

    Raises:
        ClipselectError: a class that the videos are labelled with and that not one element shows, or no elements.
    """
    accumulator: CentroidAccumulator | None = None
    domains = domains or {}
    row = {domain: i for i, domain in enumerate(sorted(set(domains.values())), start=len(classes) + 1)}
    for elements in files:
        if accumulator is None:
            accumulator = CentroidAccumulator(len(classes) + 1 + len(row), elements.features.shape[1])
        paths = [files.videos[video].path for video in elements.video.tolist()]
        background = np.array([row[domains[path]] if path in domains else len(classes) for path in paths])
        shows = np.where(elements.shows == BACKGROUND, background, elements.shows)
        accumulator.update(torch.from_numpy(elements.features), torch.from_numpy(shows))
    if accumulator is None:
        raise ClipselectError(NOTHING)
    centroids = accumulator.compute()
    named = {label for video in files.videos for label in video.labels}  # others are classes of the base alone
    lost = [name for i, name in enumerate(classes) if i in named and bool(centroids[i].isnan().any())]
    if lost:
        raise ClipselectError(
            f"class {lost[0]!r}: not one clip shows it; repair its videos, or leave it out ({len(lost)} such)"
        )
    return centroids


def write_targets(files: FeatureFiles, measure: DScoreTarget, path: Path) -> Normalisation:
    """Write the D-scores of all elements; two passes over the files, in memory 8 bytes per element.

    Returns:
        the statistics of eq. 4.
    """
    parts = [measure.discriminability(elements) for elements in files]
    if not parts:
        raise ClipselectError(NOTHING)
    norm = normalisation(torch.cat(parts))
    with whole_file(path) as part, pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
        for elements, values in zip(files, parts, strict=True):
            writer.write_table(_table(elements, values, files, measure, norm))
    return norm


def right_share(files: FeatureFiles) -> float | None:
    """How often the base is right about the training videos, clip by clip; None if none of them have labels."""
    right = total = 0
    for elements in files:
        labelled = elements.shows != BACKGROUND
        right += int((elements.likely[labelled, 0] == elements.shows[labelled]).sum())
        total += int(labelled.sum())
    return right / total if total else None


def _table(
    elements: Elements, values: Tensor, files: FeatureFiles, measure: DScoreTarget, norm: Normalisation
) -> pa.Table:
    def names(indices: NDArray[np.int64]) -> list[str | None]:
        return [None if i == BACKGROUND else measure.classes[i] for i in indices.tolist()]

    rows, labels = measure.pairs(elements)
    columns: dict[str, Any] = {
        "video": elements.video[rows],
        "path": [utf8(files.videos[i].path) for i in elements.video[rows].tolist()],
        "start": elements.start[rows],
        "end": elements.end[rows],
        "label": names(labels),
        "shows": names(elements.shows[rows]),
        "discriminability": values.numpy(),
        "d_score": d_scores(values, norm).numpy(),
        "confidence": elements.confidence[rows],
        "predicted": names(elements.predicted[rows]),
    }
    return pa.table(columns, schema=SCHEMA)
