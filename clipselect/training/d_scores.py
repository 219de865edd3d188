"""D-scores of all training elements: what a DDNet learns, in one Parquet file that can be looked at.

One row per element, or per label that a background clip is paired with. All have `path`, `discriminability` (eq. 3) and
`d_score` (eq. 4); further columns are

- of clips: `video` (its number), `variant` (0 is the clip as it is, others are augmented), `start` and `end` in
  seconds, `label` (the class that the two are computed for), `shows` (the class that the clip shows, or null for
  background), `confidence` (the base's largest probability) and `predicted` (its answer);
- of frames: `image` (its number), `variant` (0 is the image as it is, others are degraded) and `identity`.
"""

from dataclasses import dataclass
from pathlib import Path

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
from clipselect.training.clip_elements import ClipElements
from clipselect.training.elements import NO_CENTROID, Elements, Target
from clipselect.training.feature_store import FeatureStore


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
        """Rows [p] of the elements and a label [p] for each, see `Elements.pairs`."""
        known = np.flatnonzero(~self.centroids[: len(self.classes)].isnan().any(dim=1).numpy())
        return elements.pairs(self.target, known, self.seed)

    def discriminability(self, elements: Elements) -> Tensor:
        """Eq. 2 and 3: [p] float64 for the `pairs` of the elements."""
        rows, labels = self.pairs(elements)
        if self.target == "confidence":
            assert isinstance(elements, ClipElements)
            return torch.from_numpy(elements.confidence[rows]).double()
        return discriminability(
            torch.from_numpy(elements.features[rows]), torch.from_numpy(labels), self.centroids,
            metric=self.metric, contrast=self.contrast,
        )  # fmt: skip


def centroids_from(store: FeatureStore) -> Tensor:
    """Centroids of the classes and of background, streamed; see `centroid_rows` of the data for what each is of.

    Returns:
        [centroids, d] float64; NaN for what has no elements.

    Raises:
        ClipselectError: no elements, those of one class or of background alone, or none of a class without which
            nothing can be learnt.
    """
    data, accumulator = store.data, None
    for elements in store:
        if accumulator is None:
            accumulator = CentroidAccumulator(data.centroid_count, elements.features.shape[1])
        rows = data.centroid_rows(elements)
        counted = rows != NO_CENTROID
        accumulator.update(torch.from_numpy(elements.features[counted]), torch.from_numpy(rows[counted]))
    if accumulator is None:
        raise nothing_read(store)
    lost = [name for i, name in enumerate(data.classes) if i in data.required and not accumulator.count[i]]
    if lost:
        raise ClipselectError(
            f"class {lost[0]!r}: not one clip shows it; repair its videos, or leave it out ({len(lost)} such)"
        )
    if not accumulator.count[: len(data.classes)].any():
        raise ClipselectError(
            f"not one of the {data.items} that can be read shows a class, by their labels or by the base's answers; "
            "add some that do, and check the base"
        )
    if int((accumulator.count > 0).sum()) < 2:
        raise ClipselectError(
            f"the {data.items} that can be read are all of one class, by their labels or by the base's answers; "
            "D-scores need two: add some of another, and check the base"
        )
    return accumulator.compute()


def write_d_scores(store: FeatureStore, target: DScoreTarget, path: Path) -> Normalisation:
    """Write the D-scores of all elements; two passes over the store, in memory 8 bytes per element.

    Returns:
        the statistics of eq. 4.
    """
    parts = [target.discriminability(elements) for elements in store]
    if not parts:
        raise nothing_read(store)
    norm = normalisation(torch.cat(parts))
    with whole_file(path) as part, pq.ParquetWriter(part, store.data.schema, compression="zstd") as writer:
        for elements, values in zip(store, parts, strict=True):
            rows, labels = target.pairs(elements)
            columns = {
                **elements.columns(store.data.classes, rows, labels),
                "path": [utf8(store.data.paths[i]) for i in elements.item[rows].tolist()],
                "discriminability": values.numpy(),
                "d_score": d_scores(values, norm).numpy(),
            }
            writer.write_table(pa.table(columns, schema=store.data.schema))
    return norm


def nothing_read(store: FeatureStore) -> ClipselectError:
    return ClipselectError(f"not one of the {store.data.items} can be read; look at the errors above")
