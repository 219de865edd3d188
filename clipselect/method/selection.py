"""Which elements reach the base: equation 7, as the top K or as a threshold. Pure functions over arrays of scores."""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ArgumentError, check_argument, whole_number

T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """The elements of a group that were kept.

    Attributes:
        ranked: [k] int64 indices of the kept elements, best first; never empty.
    """

    ranked: NDArray[np.int64]

    @property
    def ordered(self) -> NDArray[np.int64]:
        """[k] int64, the same indices in element (time) order."""
        return np.sort(self.ranked)


def score_array(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores as an array [n] of at least one number, which may be infinite or NaN; an ArgumentError if they are not."""
    problem = "must be a list of at least one number"
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArgumentError("scores", f"{problem}, got {type(scores).__name__}: {e}") from e
    check_argument(values.ndim == 1 and len(values) > 0, "scores", f"{problem}, got an array of shape {values.shape}")
    return values


def ranking(scores: ArrayLike) -> NDArray[np.int64]:
    """Indices [n] of all elements, best first; of equal scores the earlier element comes first.

    Raises:
        ArgumentError: no scores, or a NaN among them.

    >>> ranking([0.2, 0.9, 0.4, 0.9])
    array([1, 3, 2, 0])
    """
    values = score_array(scores)
    check_argument(not np.isnan(values).any(), "scores", "hold a NaN; leave that element out")
    return np.argsort(-values, kind="stable")


def ranks(scores: ArrayLike) -> NDArray[np.int64]:
    """Rank [n] of every element, 1 for the best; the inverse of `ranking`.

    >>> ranks([0.2, 0.9, 0.4, 0.9])
    array([4, 1, 3, 2])
    """
    order = ranking(scores)
    out = np.empty_like(order)
    out[order] = np.arange(1, len(order) + 1)
    return out


def top_k(scores: ArrayLike, k: int, *, spans: ArrayLike | None = None, min_gap: float | None = 0) -> Selection:
    """Keep the best `k` elements (eq. 7 by number), or all when there are fewer.

    The choice is greedy in rank order, so the top k are always part of the top k + 1, with a gap or without.

    Args:
        scores: [n] floats.
        k: at least 1.
        spans: [n, 2] start and end of every element in seconds; without them elements are single moments, such as
            frames, of which no two overlap.
        min_gap: seconds that must lie between the end of one kept element and the start of the next; 0 forbids
            overlap, None allows it. So fewer than k may be kept.

    >>> top_k([0.2, 0.9, 0.4, 0.6], 2).ranked
    array([1, 3])
    >>> spans = [(0, 2), (1, 3), (2, 4), (3, 5)]
    >>> top_k([0.2, 0.9, 0.8, 0.6], 2, spans=spans).ranked
    array([1, 3])
    >>> top_k([0.2, 0.9, 0.8, 0.6], 2, spans=spans, min_gap=None).ranked
    array([1, 2])
    >>> top_k([0.2, 0.9, 0.8, 0.6], 2, spans=spans, min_gap=0.5).ranked
    array([1])
    """
    return select(scores, spans, k=k, min_gap=min_gap)


def above(
    scores: ArrayLike, threshold: float, *, spans: ArrayLike | None = None, min_gap: float | None = 0
) -> Selection:
    """Keep every element whose score is above `threshold` (eq. 7 as printed), and the best one in any case.

    Args:
        threshold: in the unit of the scores; the paper uses 0.15 for faces.
        scores, spans, min_gap: as for `top_k`.

    >>> above([0.2, 0.9, 0.4, 0.6], 0.5).ranked
    array([1, 3])
    >>> above([0.2, 0.9, 0.4, 0.6], 0.95).ranked
    array([1])
    """
    return select(scores, spans, threshold=threshold, min_gap=min_gap)


def select(
    scores: ArrayLike,
    spans: ArrayLike | None = None,
    *,
    k: int | None = None,
    share: float | None = None,
    threshold: float | None = None,
    min_gap: float | None = 0,
) -> Selection:
    """Keep the best elements within all the limits that are given (eq. 7); the best one in any case.

    Args:
        scores: [n] floats.
        spans: as for `top_k`; needed with a `min_gap` above 0.
        k: at most this many elements.
        share: at most this share of the n elements, in (0, 1], rounded up.
        threshold: in the unit of the scores; only elements with a score above it.
        min_gap: as for `top_k`, among the elements above the threshold.

    Raises:
        ArgumentError: no scores, a NaN among them, or a limit out of its range.

    >>> select([0.2, 0.9, 0.4, 0.6, 0.3], share=0.5).ranked
    array([1, 3, 2])
    >>> select([0.2, 0.9, 0.4, 0.6, 0.3], share=0.5, threshold=0.5).ranked
    array([1, 3])
    """
    check_limits(k=k, share=share, threshold=threshold, min_gap=min_gap)
    ranked, values = ranking(scores), score_array(scores)
    if threshold is not None:
        ranked = ranked[: max(int((values > threshold).sum()), 1)]
    check_argument(
        not min_gap or spans is not None, "min_gap", "needs the spans of the elements; give them, or leave min_gap out"
    )
    if min_gap is not None and spans is not None:
        ranked = _apart(ranked, _span_array(spans, len(values)), min_gap)
    most = len(values) if k is None else k
    if share is not None:
        most = min(most, max(math.ceil(share * len(values) - 1e-9), 1))
    return Selection(ranked[:most])


def check_limits(
    *, k: int | None = None, share: float | None = None, threshold: float | None = None, min_gap: float | None = None
) -> None:
    """The limits of a selection, see `select`; None sets no limit.

    Args:
        share: of the elements, in (0, 1].

    >>> check_limits(k=5, threshold=0.15)
    >>> check_limits(share=1.5)
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: share must lie in (0, 1], got 1.5
    """
    if k is not None:
        whole_number(k, "k", least=1)
    if share is not None and not (isinstance(share, Real) and 0 < share <= 1):
        raise ArgumentError("share", f"must lie in (0, 1], got {share!r}")
    if threshold is not None and not (isinstance(threshold, Real) and math.isfinite(threshold)):
        raise ArgumentError("threshold", f"must be a finite number, got {threshold!r}")
    if min_gap is not None and not (isinstance(min_gap, Real) and 0 <= min_gap < math.inf):
        raise ArgumentError("min_gap", f"must be at least 0, got {min_gap!r}")


def uniform(candidates: int, k: int) -> NDArray[np.int64]:
    """Indices [k] of clips spread evenly over the candidates: the middles of k equal parts; 1 <= k <= candidates.

    >>> uniform(10, 3)
    array([1, 5, 8])
    """
    return ((np.arange(k) + 0.5) * candidates / k).astype(np.int64)


def uniform_within(parts: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Indices [k], rising, spread evenly within the parts of a video, such as its shots; 1 <= k <= candidates.

    The k are shared among the parts by their length: each next one goes to the part with most candidates per one that
    it would then have, of equals to the first. With a single part this is `uniform`.

    Args:
        parts: [candidates] which part each of them lies in, rising.

    >>> uniform_within(np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2]), 3)
    array([1, 4, 7])
    """
    _, first, counts = np.unique(parts, return_index=True, return_counts=True)
    given = np.zeros_like(counts)
    for _ in range(k):
        given[np.argmax(counts / (given + 1))] += 1
    return np.concatenate([at + uniform(n, own) for at, n, own in zip(first, counts, given, strict=True)])


def evenly(items: Sequence[T], most: int) -> list[T]:
    """`most` items spread evenly over all, or all if there are fewer.

    >>> evenly("abcdefghi", 3), evenly("ab", 3)
    (['b', 'e', 'h'], ['a', 'b'])
    """
    return [items[i] for i in uniform(len(items), min(most, len(items))).tolist()]


def _span_array(spans: ArrayLike, elements: int) -> NDArray[np.float64]:
    problem = f"must be the start and end in seconds of each of the {elements} elements"
    try:
        values = np.asarray(spans, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArgumentError("spans", f"{problem}, got {type(spans).__name__}: {e}") from e
    check_argument(values.shape == (elements, 2), "spans", f"{problem}, got an array of shape {values.shape}")
    return values


def _apart(ranked: NDArray[np.int64], spans: NDArray[np.float64], min_gap: float) -> NDArray[np.int64]:
    """Those of `ranked` that keep their distance from every better one that was kept."""
    kept: list[int] = []
    taken: list[tuple[float, float]] = []  # in time order; they never overlap, so only neighbours can be too close
    for i in ranked.tolist():
        start, end = spans[i].tolist()
        at = bisect.bisect(taken, (start, end))
        after_previous = at == 0 or start - taken[at - 1][1] >= min_gap - 1e-9
        before_next = at == len(taken) or taken[at][0] - end >= min_gap - 1e-9
        if after_previous and before_next:
            kept.append(i)
            taken.insert(at, (start, end))
    return np.array(kept, dtype=np.int64)
