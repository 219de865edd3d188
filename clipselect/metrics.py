"""How good answers are, and how sure one can be of it: accuracy, average precision, ROC, bootstrap intervals.

Pure functions over arrays; all results are shares in [0, 1]. Intervals hold 95 % and come from drawing the groups (the
videos) again with replacement. Where several groups stem from one source, `clusters` says which, and whole sources are
drawn: twenty compositions of one video are not twenty independent videos.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]
Statistic = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Of resampled groups: how often each was drawn [b, n], for b draws at once -> the statistic of each draw [b, ...]."""

DRAWS = 2000
MAP_DRAWS = 500
"""For average precision, whose every draw ranks all groups anew."""
QUANTILES = (0.025, 0.975)
CHUNK = 4_000_000
"""Numbers of an intermediate array that are held at a time."""


@dataclass(frozen=True)
class Drawn:
    """A statistic, and what it is over groups drawn again.

    Attributes:
        draws: [b].
    """

    value: float
    draws: NDArray[np.float64]

    def __sub__(self, other: "Drawn") -> "Drawn":
        """The difference, paired over the draws."""
        return Drawn(self.value - other.value, self.draws - other.draws)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, (low, high).

        Groups drawn twice rank side by side, which favours average precision: what all draws are too high by on
        average is taken off the quantiles.
        """
        low, high = np.quantile(self.draws, QUANTILES) - (self.draws.mean() - self.value)
        return float(low), float(high)


def topk_correct(probabilities: Floats, labels: ArrayLike | Sequence[Sequence[int]], k: int) -> NDArray[np.bool_]:
    """Whether a label of every row is among its `k` largest probabilities; of equal ones the lower class comes first.

    Args:
        probabilities: [n, classes], or anything in their order; no NaN.
        labels: [n] class indices, or n sequences of them where a group may have several: one of them suffices.

    Raises:
        ValueError: shapes that do not fit, a NaN, k < 1, a row without labels, or a label that is no class.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    rows, wanted = _pairs(probabilities, labels)
    right = np.zeros(len(probabilities), dtype=bool)
    earlier = np.arange(probabilities.shape[1])
    for part in _chunks(len(rows), probabilities.shape[1]):
        values, label = probabilities[rows[part]], wanted[part, None]
        own = np.take_along_axis(values, label, axis=1)
        before = (values > own) | ((values == own) & (earlier < label))
        right[rows[part][before.sum(axis=1) < k]] = True
    return right


def average_precision(scores: ArrayLike, positive: ArrayLike) -> float:
    """Area under the precision-recall curve as a sum over its steps, without interpolation.

    Args:
        scores: [n], higher is surer.
        positive: [n] bool, at least one true.
    """
    values, truth = np.asarray(scores), np.asarray(positive, dtype=bool)
    if not truth.any():
        raise ValueError("average precision needs at least one positive")
    return float(_average_precisions(values, truth, np.ones((1, len(values)), np.float32))[0])


def mean_average_precision(probabilities: Floats, labels: Sequence[Sequence[int]]) -> float:
    """Mean over the classes of their `average_precision`; classes without positives are left out.

    Args:
        probabilities: [n, classes].
        labels: n sequences of class indices.
    """
    return float(mean_average_precisions(probabilities, labels)(np.ones((1, len(probabilities)), np.float32))[0])


def mean_average_precisions(probabilities: Floats, labels: Sequence[Sequence[int]]) -> Statistic:
    """`mean_average_precision` as a function of how often each group was drawn, for `statistic_draws`."""
    rows, wanted = _pairs(probabilities, labels)
    classes = np.unique(wanted).tolist()

    def statistic(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        total, counted = np.zeros(len(drawn)), np.zeros(len(drawn))
        for c in classes:
            truth = np.zeros(len(probabilities), dtype=bool)
            truth[rows[wanted == c]] = True
            values = _average_precisions(probabilities[:, c], truth, drawn)
            total += np.nan_to_num(values)
            counted += np.isfinite(values)
        return total / np.maximum(counted, 1)

    return statistic


def roc_auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Chance that a positive outranks a negative, ties counting half: the area under the ROC curve.

    Args:
        scores: [n] without NaN.
        positive: [n] bool, both kinds present.
    """
    values, truth = np.asarray(scores), np.asarray(positive, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise ValueError("the ROC needs a positive and a negative")
    below = np.sort(values[~truth])
    wins = np.searchsorted(below, values[truth], "left") + np.searchsorted(below, values[truth], "right")
    return float(wins.sum() / 2 / positives / negatives)


def bootstrap_interval(
    values: ArrayLike, *, clusters: Sequence[Hashable] | None = None, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval (low, high) of the mean of `values` [n] over groups.

    Args:
        clusters: [n] the source of every group; each is its own by default.
    """
    means = bootstrap_means(np.asarray(values)[:, None], clusters=clusters, draws=draws, seed=seed)
    low, high = np.quantile(means[:, 0], QUANTILES)
    return float(low), float(high)


def proportion_interval(
    values: ArrayLike, *, clusters: Sequence[Hashable] | None = None, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """`bootstrap_interval` of shares in [0, 1], or `extreme_interval` where all are 0 or all are 1."""
    shares = np.asarray(values, dtype=np.float64)
    extreme = extreme_interval(shares, len(shares) if clusters is None else len({*clusters}))
    return extreme or bootstrap_interval(shares, clusters=clusters, draws=draws, seed=seed)


def extreme_interval(shares: NDArray[np.float64], sources: int) -> tuple[float, float] | None:
    """Where all shares are 0 or all are 1, the exact 95 % interval (Clopper and Pearson's) over so many sources; None
    otherwise. Drawing equal values again gives an interval without width, however few they are."""
    if not (shares == shares[0]).all() or shares[0] not in (0, 1):
        return None
    width = 1 - QUANTILES[0] ** (1 / sources)
    return (0.0, width) if shares[0] == 0 else (1 - width, 1.0)


def difference_interval(
    a: ArrayLike, b: ArrayLike, *, clusters: Sequence[Hashable] | None = None, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval (low, high) of the mean of a - b, both [n] over the same groups in the same order."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"a paired difference needs the same groups, got {len(first)} and {len(second)}")
    return bootstrap_interval(first - second, clusters=clusters, draws=draws, seed=seed)


def bootstrap_means(
    values: ArrayLike, *, clusters: Sequence[Hashable] | None = None, draws: int = DRAWS, seed: int = 0
) -> NDArray[np.float64]:
    """Means [draws, m] of the columns of `values` [n, m] over groups drawn again, the same ones for all columns.

    Raises:
        ValueError: no groups, numbers that are not finite, or clusters of another length.
    """
    columns = np.asarray(values, dtype=np.float64)
    if columns.ndim != 2 or not len(columns) or not np.isfinite(columns).all():
        raise ValueError("a bootstrap needs at least one group and finite numbers")
    cluster, count = _cluster_indices(len(columns), clusters)
    sums = np.stack([np.bincount(cluster, column, count) for column in columns.T], axis=1)
    sizes = np.bincount(cluster, minlength=count).astype(np.float64)
    parts = [(drawn @ sums) / (drawn @ sizes)[:, None] for drawn in _resampled(count, draws, seed)]
    return np.concatenate(parts)


def statistic_draws(
    statistic: Statistic,
    groups: int,
    *,
    clusters: Sequence[Hashable] | None = None,
    draws: int = MAP_DRAWS,
    seed: int = 0,
) -> Drawn:
    """Any statistic of `groups` groups, and what it is over groups drawn again; of equal arguments but the statistic
    the draws are of the same groups, so that two statistics can be compared draw by draw."""
    cluster, count = _cluster_indices(groups, clusters)
    parts = [statistic(drawn[:, cluster].astype(np.float32)) for drawn in _resampled(count, draws, seed, groups)]
    return Drawn(float(statistic(np.ones((1, groups), np.float32))[0]), np.concatenate(parts))


def _average_precisions(scores: Floats, positive: NDArray[np.bool_], drawn: NDArray[np.float32]) -> NDArray[np.float64]:
    """[b] for groups drawn `drawn` [b, n] times; NaN where no positive was drawn.

    The sum over the steps is one over the positives: each adds the precision among those that score as high or higher.
    """
    hits, weight = np.zeros(len(drawn)), drawn[:, positive].sum(axis=1, dtype=np.float64)
    for part in _chunks(int(positive.sum()), len(scores)):
        bar = scores[positive][part]
        # counts are whole and far below 2^24, so float32 adds them exactly
        found = drawn @ (scores[:, None] >= bar).astype(np.float32)
        true = drawn[:, positive] @ (scores[positive][:, None] >= bar).astype(np.float32)
        own = drawn[:, positive][:, part]
        hits += np.divide(own * true, found, out=np.zeros_like(found), where=found > 0).sum(axis=1, dtype=np.float64)
    return np.divide(hits, weight, out=np.full(len(drawn), np.nan), where=weight > 0)


def _resampled(count: int, draws: int, seed: int, width: int = 0) -> Iterator[NDArray[np.float64]]:
    """How often each of `count` clusters is drawn, [b, count] for all `draws` in chunks."""
    rng = np.random.default_rng(seed)
    for part in _chunks(draws, max(count, width)):
        b = part.stop - part.start
        picked = rng.integers(count, size=(b, count)) + count * np.arange(b)[:, None]
        yield np.bincount(picked.ravel(), minlength=b * count).reshape(b, count).astype(np.float64)


def _cluster_indices(groups: int, clusters: Sequence[Hashable] | None) -> tuple[NDArray[np.int64], int]:
    """The cluster [n] of every group, numbered as they first appear, and how many there are."""
    if clusters is None:
        return np.arange(groups), groups
    if len(clusters) != groups:
        raise ValueError(f"expected one cluster per group, got {len(clusters)} for {groups}")
    number: dict[Hashable, int] = {}
    index = np.array([number.setdefault(c, len(number)) for c in clusters], dtype=np.int64)
    return index, len(number)


def _pairs(
    probabilities: Floats, labels: ArrayLike | Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(row, label) [p] each, of all labels of all rows."""
    if probabilities.ndim != 2 or np.isnan(probabilities).any():
        raise ValueError("probabilities must be [n, classes] without NaN")
    several = [np.atleast_1d(np.asarray(row, dtype=np.int64)) for row in labels]  # type: ignore[union-attr]
    if len(several) != len(probabilities) or not all(len(row) for row in several):
        raise ValueError("expected at least one label for every row of probabilities")
    rows = np.repeat(np.arange(len(several)), [len(row) for row in several])
    wanted = np.concatenate(several) if several else np.empty(0, np.int64)
    if len(wanted) and not 0 <= wanted.min() <= wanted.max() < probabilities.shape[1]:
        raise ValueError(f"labels must lie in [0, {probabilities.shape[1]})")
    return rows, wanted


def _chunks(total: int, width: int) -> Iterator[slice]:
    """Slices of `total` rows of `width` numbers each that hold at most `CHUNK` numbers."""
    step = max(1, CHUNK // max(width, 1))
    return (slice(i, min(i + step, total)) for i in range(0, total, step))
