"""How well identities are found again: mean average precision and CMC by the protocol of MARS.

For every query, a tracklet, the gallery is ordered by distance. Entries of the query's identity *and* its camera are
left out, so are junk entries (identity -1); distractors (identity 0) stay and are always wrong. A query without a true
match in another camera says nothing: it is excluded, and counted.

Of equal distances the wrong answers come first. So the result depends on the order of neither gallery nor queries, and
a base that maps everything to one point is not rewarded for it.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.data.tracklets import DISTRACTOR, JUNK
from clipselect.evaluation.metrics.intervals import chunks

Metric = Literal["euclidean", "cosine"]
Identities = Sequence[Hashable] | NDArray[np.generic]

RANKS = (1, 5, 20)
MAX_ROUNDING_ERROR = 1e-12
"""Of squared distances, as a fraction of the squared lengths; smaller distances become 0."""


@dataclass(frozen=True)
class Retrieval:
    """What came out for the queries that have a true match; per query, so that intervals can be drawn over identities.

    Attributes:
        queries: [v] indices of those queries among all, ascending.
        average_precision: [v] in [0, 1].
        first_match: [v] rank of the best true match, from 1.
        cmc: share of queries with a true match among the first r, for every rank r asked for.
        excluded: how many queries have no true match.
    """

    queries: NDArray[np.int64]
    average_precision: NDArray[np.float64]
    first_match: NDArray[np.int64]
    cmc: dict[int, float]
    excluded: int

    @property
    def mean_average_precision(self) -> float:
        """In [0, 1]."""
        return float(self.average_precision.mean())


def retrieval(
    query_features: ArrayLike,
    gallery_features: ArrayLike,
    query_ids: Identities,
    query_cameras: Identities,
    gallery_ids: Identities,
    gallery_cameras: Identities,
    *,
    ranks: Sequence[int] = RANKS,
    metric: Metric = "euclidean",
) -> Retrieval:
    """Mean average precision and CMC of features, see the top of this file.

    Average precision is that of the code published with MARS and Market-1501: each true match counts the mean of the
    precision at it and just before it (1 before the first rank).

    Args:
        query_features, gallery_features: [q, d] and [g, d]. A query may be in the gallery as well, as in MARS: it is
            of its own identity and camera.
        query_ids, query_cameras, gallery_ids, gallery_cameras: [q], [q], [g], [g], numbers or text.
        ranks: of the CMC.
        metric: "euclidean" as in the paper, or "cosine".

    Raises:
        ValueError: shapes that do not fit, features that are not finite, an empty gallery, no query with a true match.

    >>> gallery = [[0.0, 1.0], [1.0, 0.1], [1.0, 0.0]]
    >>> found = retrieval([[1.0, 0.0]], gallery, [5], [1], [5, 6, 5], [1, 1, 2], ranks=[1])
    >>> found.mean_average_precision, found.cmc
    (1.0, {1: 1.0})
    """
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f"metric must be 'euclidean' or 'cosine', got {metric!r}")
    if not ranks or min(ranks) < 1:
        raise ValueError(f"ranks must be at least 1, got {[*ranks]}")
    sought, among = _features(query_features, "query"), _features(gallery_features, "gallery")
    if sought.shape[1] != among.shape[1]:
        raise ValueError(f"queries have {sought.shape[1]} features, the gallery {among.shape[1]}")
    lengths = [len(query_ids), len(query_cameras), len(gallery_ids), len(gallery_cameras)]
    if lengths != [len(sought)] * 2 + [len(among)] * 2:
        raise ValueError(
            f"expected identities and cameras of {len(sought)} queries and {len(among)} entries, got {lengths}"
        )
    if not len(among):
        raise ValueError("the gallery is empty; retrieval needs at least one entry")
    numbers: dict[Hashable, int] = {JUNK: 0, DISTRACTOR: 1}
    query, gallery = _numbered(query_ids, gallery_ids, numbers)
    query_camera, camera = _numbered(query_cameras, gallery_cameras, {})
    junk = gallery == numbers[JUNK]
    valid, precisions, firsts = [], [], []
    for i, row in enumerate(_distances(*_prepared(sought, among, metric))):
        own = gallery == query[i]
        left_out = junk | (own & (camera == query_camera[i]))
        right = own & ~left_out & (query[i] != numbers[DISTRACTOR])
        if not right.any():
            continue
        matches = np.sort(row[right])
        found = np.arange(1, len(matches) + 1)
        rank = found + np.searchsorted(np.sort(row[~(left_out | right)]), matches, "right")
        before = np.divide(found - 1, rank - 1, out=np.ones(len(rank)), where=rank > 1)
        valid.append(i)
        precisions.append(float(((before + found / rank) / 2).mean()))
        firsts.append(int(rank[0]))
    if not valid:
        raise ValueError("no query has a true match: none of its identity in another camera is in the gallery")
    first = np.array(firsts, np.int64)
    cmc = {int(r): float((first <= r).mean()) for r in ranks}
    return Retrieval(np.array(valid, np.int64), np.array(precisions), first, cmc, len(sought) - len(valid))


def _numbered(queries: Identities, gallery: Identities, numbers: dict[Hashable, int]) -> list[NDArray[np.int64]]:
    """Every value as a number of its own; `numbers` grows."""
    both = [s.tolist() if isinstance(s, np.ndarray) else s for s in (queries, gallery)]
    return [np.array([numbers.setdefault(v, len(numbers)) for v in values], np.int64) for values in both]


def _features(values: ArrayLike, of: str) -> NDArray[np.float64]:
    features = np.asarray(values, dtype=np.float64)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{of} features must be [n, d], got {[*features.shape]}")
    if not np.isfinite(features).all():
        raise ValueError(f"{of} features must be finite; row {int((~np.isfinite(features)).any(1).argmax())} is not")
    return features


def _prepared(
    query: NDArray[np.float64], gallery: NDArray[np.float64], metric: Metric
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features whose Euclidean distances have the order that is asked for, and squares that do not overflow."""
    if metric == "euclidean":
        _, exponents = np.frexp([np.abs(f).max() for f in (query, gallery) if len(f)] or [1.0])
        down = -int(exponents.max())  # by a power of two, which rounds nothing
        return np.ldexp(query, down), np.ldexp(gallery, down)
    for features, of in ((query, "query"), (gallery, "gallery")):
        if not features.any(axis=1).all():
            row = int((~features.any(axis=1)).argmax())
            raise ValueError(f"{of} features of length 0 have no cosine; row {row} is such")
    scaled = [f / np.abs(f).max(axis=1, keepdims=True) for f in (query, gallery)]
    query, gallery = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in scaled)
    return query, gallery


def _distances(query: NDArray[np.float64], gallery: NDArray[np.float64]) -> Iterator[NDArray[np.float32]]:
    """Squared Euclidean distances [g] of one query after the other.

    Computed in float64 and kept in float32, so that what is equal stays equal wherever in a matrix it stands.
    """
    lengths = np.square(gallery).sum(axis=1)
    for part in chunks(len(query), len(gallery)):
        sums = np.square(query[part]).sum(axis=1)[:, None] + lengths
        squares = sums - 2 * (query[part] @ gallery.T)
        squares[squares < MAX_ROUNDING_ERROR * sums] = 0
        yield from squares.astype(np.float32)
