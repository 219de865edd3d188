"""How sure one can be of a figure: bootstrap intervals over groups. Pure functions over arrays.

Intervals hold 95 % and come from drawing the groups (the videos) again with replacement. Where several groups stem from
one source, `clusters` says which, and whole sources are drawn: twenty compositions of one video are not twenty
independent videos.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.media.optional import require

Floats = NDArray[np.floating]
Statistic = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Of resampled groups: how often each was drawn [b, n], for b draws at once -> the statistic of each draw [b, ...]."""

DRAWS = 2000
MAP_DRAWS = 500
"""For average precision, each draw of which ranks all groups again."""
QUANTILES = (0.025, 0.975)
MAX_NUMBERS = 4_000_000
"""Of an intermediate array that is held at a time."""


@dataclass(frozen=True)
class BootstrapResult:
    """A statistic, and what it is over groups drawn again.

    Attributes:
        draws: [b].
    """

    value: float
    draws: NDArray[np.float64]

    def __sub__(self, other: "BootstrapResult") -> "BootstrapResult":
        """The difference, paired over the draws."""
        return BootstrapResult(self.value - other.value, self.draws - other.draws)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, (low, high): the quantiles of the draws, less their mean bias.

        Groups drawn twice rank side by side, which raises average precision.
        """
        low, high = np.quantile(self.draws, QUANTILES) - (self.draws.mean() - self.value)
        return float(low), float(high)


def bootstrap_interval(
    values: ArrayLike, *, clusters: Sequence[Hashable] | None = None, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval (low, high) of the mean of `values` [n] over groups.

    Args:
        clusters: [n] the source of every group; each is its own by default.

    >>> bootstrap_interval([0.0, 1.0] * 50)
    (0.4, 0.6)
    """
    means = bootstrap_means(np.asarray(values)[:, None], clusters=clusters, draws=draws, seed=seed)
    low, high = np.quantile(means[:, 0], QUANTILES)
    return float(low), float(high)


def extreme_interval(accuracies: NDArray[np.float64], sources: int) -> tuple[float, float] | None:
    """Clopper and Pearson's exact 95 % interval over the sources where all accuracies are 0 or all 1; None otherwise.

    Drawing equal values again gives an interval without width, however few they are.

    >>> low, high = extreme_interval(np.ones(10), sources=10)
    >>> round(low, 4), high
    (0.6915, 1.0)
    """
    require("scipy", "evaluation")
    from scipy.stats import binomtest  # slow to import

    if not (accuracies == accuracies[0]).all() or accuracies[0] not in (0, 1):
        return None
    low, high = binomtest(sources * int(accuracies[0]), sources).proportion_ci(QUANTILES[1] - QUANTILES[0], "exact")
    return float(low), float(high)


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
) -> BootstrapResult:
    """Any statistic of `groups` groups, and what it is over groups drawn again; of equal arguments but the statistic
    the draws are of the same groups, so that two statistics can be compared draw by draw."""
    cluster, count = _cluster_indices(groups, clusters)
    parts = [statistic(drawn[:, cluster].astype(np.float32)) for drawn in _resampled(count, draws, seed, groups)]
    return BootstrapResult(float(statistic(np.ones((1, groups), np.float32))[0]), np.concatenate(parts))


def draw_counts(groups: int, draws: int, seed: int = 0) -> NDArray[np.float32]:
    """How often each group counts [groups, 1 + draws]: once in the first column, then as often as it is drawn."""
    parts = [drawn.T.astype(np.float32) for drawn in _resampled(groups, draws, seed)]
    return np.concatenate([np.ones((groups, 1), np.float32), *parts], axis=1)


def _resampled(count: int, draws: int, seed: int, width: int = 0) -> Iterator[NDArray[np.float64]]:
    """How often each of `count` clusters is drawn, [b, count] for all `draws` in chunks."""
    rng = np.random.default_rng(seed)
    for part in chunks(draws, max(count, width)):
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


def chunks(total: int, width: int) -> Iterator[slice]:
    """Slices of `total` rows of `width` numbers each that hold at most `MAX_NUMBERS` numbers."""
    step = max(1, MAX_NUMBERS // max(width, 1))
    return (slice(i, min(i + step, total)) for i in range(0, total, step))
