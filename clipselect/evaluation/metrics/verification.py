"""Are two groups of the same identity? One-to-one verification: TAR at FAR, ten-fold accuracy.

Pure functions over the similarities of pairs; higher means more alike, and a pair is accepted from the threshold on
(similarity >= threshold). Pairs that tie are accepted together, since there is no order among them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_ROUNDING_ERROR = 1e-9
"""Relative, of a rate times a number of trials: 1e-3 of 1000 pairs is one pair."""


@dataclass(frozen=True)
class OperatingPoint:
    """How much is found at an allowed rate of false alarms: TAR at FAR, or TPIR at FPIR.

    Attributes:
        allowed: the FAR or FPIR asked for, in (0, 1].
        rate: the TAR or TPIR in [0, 1]; None where there are too few trials, see `why_not`.
        threshold: the most lenient similarity whose measured rate of false alarms is not above `allowed`; infinity if
            none that occurs is strict enough, None with `rate`.
        trials: how many impostor pairs, or probes without a mate, there were.
    """

    allowed: float
    rate: float | None
    threshold: float | None
    trials: int

    @property
    def why_not(self) -> str | None:
        """One sentence where the rate could not be measured, None where it was."""
        if self.rate is not None:
            return None
        needed = min_trials(self.allowed)
        return f"a rate of {self.allowed:g} needs at least {needed} impostor trials, there are {self.trials}"


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy by cross-validation.

    Attributes:
        mean: over the folds, in [0, 1].
        standard_error: of that mean: the folds' standard deviation (n - 1 in its denominator) over sqrt(folds).
        folds: [folds] accuracy of every fold, in the order of the folds' names.
        thresholds: [folds] what it was measured with.
    """

    mean: float
    standard_error: float
    folds: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def tar_at_far(similarities: ArrayLike, same: ArrayLike, fars: Sequence[float]) -> list[OperatingPoint]:
    """True accept rate at given false accept rates.

    Between the points of the ROC (scikit-learn's `roc_curve`) the TAR is interpolated linearly in FAR; where several
    points share the FAR, the highest TAR counts. Unless genuine and impostor pairs tie, that is the TAR of the most
    lenient threshold whose FAR is not above the one asked for; where they tie, it is the mean over all orders of the
    tied pairs.

    Args:
        similarities: [n] finite floats.
        same: [n] bool, whether the pair is genuine; both kinds present.
        fars: each in (0, 1].

    Returns:
        One `OperatingPoint` for every FAR, in their order. A FAR below 1 / impostor pairs cannot be measured: its
        `rate` is None.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, no genuine or no impostor pair, or a FAR
            outside (0, 1].

    >>> [point.rate for point in tar_at_far([0.9, 0.6, 0.4, 0.1], [True, False, True, False], [0.5, 0.1])]
    [1.0, None]
    """
    values, truth = _checked(similarities, same)
    if truth.all() or not truth.any():
        raise ValueError(
            f"verification needs genuine and impostor pairs, there are {truth.sum()} and {(~truth).sum()} of them"
        )
    return operating_points(values[truth], values[~truth], fars)


def ten_fold_accuracy(similarities: ArrayLike, same: ArrayLike, folds: ArrayLike | int = 10) -> FoldAccuracy:
    """The protocol of LFW and of YouTube Faces: each fold by the threshold that is best on all the others.

    Candidate thresholds lie midway between neighbouring similarities of the other folds, and beyond both ends; of
    several equally good ones the middle one is taken.

    Args:
        similarities: [n] finite floats.
        same: [n] bool, whether the pair is genuine.
        folds: [n] the name of every pair's fold; or how many: then the genuine and the impostor pairs are each cut into
            so many parts in their order, which gives the folds of LFW's and YouTube Faces' lists of pairs.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, fewer than two folds, an empty one, or one
            without genuine or impostor pairs in the others.

    >>> ten_fold_accuracy([0.9, 0.1, 0.8, 0.2], [True, False, True, False], folds=[0, 0, 1, 1]).mean
    1.0
    """
    values, truth = _checked(similarities, same)
    names, fold = np.unique(_folds(truth, folds), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"cross-validation needs at least two folds that hold pairs, got {len(names)}")
    order = np.argsort(values)
    values, truth, fold = values[order], truth[order], fold[order]
    accuracies, thresholds = np.empty(len(names)), np.empty(len(names))
    for f in range(len(names)):
        own = fold == f
        thresholds[f] = _best_threshold(values[~own], truth[~own], names[f])
        accuracies[f] = ((values[own] >= thresholds[f]) == truth[own]).mean()
    error = float(accuracies.std(ddof=1) / np.sqrt(len(names)))
    return FoldAccuracy(float(accuracies.mean()), error, accuracies, thresholds)


def min_trials(rate: float) -> int:
    """The fewest impostor trials with which a rate of false alarms can be measured.

    >>> min_trials(0.01)
    100
    """
    return math.ceil((1 - MAX_ROUNDING_ERROR) / rate)


def operating_points(
    genuine: NDArray[np.float64], impostor: NDArray[np.float64], allowed: Sequence[float]
) -> list[OperatingPoint]:
    """See `tar_at_far`; minus infinity stands for what no threshold accepts."""
    trials, points = len(impostor), []
    values = np.unique(np.concatenate([genuine, impostor]))
    values = values[values > -np.inf]
    # how many of each kind are accepted at infinity, and at every value that occurs from the highest down
    thresholds = np.r_[np.inf, values[::-1]]
    found, alarms = (
        np.r_[0, (len(kind) - np.searchsorted(np.sort(kind), values, "left"))[::-1]] for kind in (genuine, impostor)
    )
    for rate in map(float, allowed):
        if not 0 < rate <= 1:
            raise ValueError(f"a rate of false alarms must lie in (0, 1], got {rate}")
        count = rate * trials
        if abs(count - round(count)) <= MAX_ROUNDING_ERROR * count:
            count = round(count)
        if count < 1:
            points.append(OperatingPoint(rate, None, None, trials))
            continue
        tar = float(np.interp(count, alarms, found)) / len(genuine)
        threshold = float(thresholds[np.searchsorted(alarms, count, "right") - 1])
        points.append(OperatingPoint(rate, tar, threshold, trials))
    return points


def _checked(similarities: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, truth = np.asarray(similarities, dtype=np.float64), np.asarray(same)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"expected similarities [n] and same [n], got {[*values.shape]} and {[*truth.shape]}")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("same must be true or false for every pair")
    if not np.isfinite(values).all():
        raise ValueError("similarities hold a NaN or infinity")
    return values, truth.astype(bool)


def _folds(truth: NDArray[np.bool_], folds: ArrayLike | int) -> NDArray[np.generic]:
    """Name [n] of every pair's fold."""
    if isinstance(folds, int | np.integer):
        if not 2 <= folds <= len(truth):
            raise ValueError(f"folds must lie in [2, {len(truth)}] for {len(truth)} pairs, got {folds}")
        fold = np.empty(len(truth), np.int64)
        for kind in (truth, ~truth):
            rows = np.flatnonzero(kind)
            fold[rows] = np.arange(len(rows)) * int(folds) // max(len(rows), 1)
        if len(np.unique(fold)) < folds:
            raise ValueError(f"{len(truth)} pairs do not fill {folds} folds; take fewer")
        return fold
    names = np.asarray(folds)
    if names.shape != truth.shape:
        raise ValueError(f"expected one fold per pair, got {[*names.shape]} for {len(truth)}")
    return names


def _best_threshold(values: NDArray[np.float64], truth: NDArray[np.bool_], fold: object) -> float:
    """Of `values` [n] in rising order."""
    if truth.all() or not truth.any():
        raise ValueError(f"the folds other than {fold!s} need genuine and impostor pairs, to choose a threshold")
    # with the cut before element i, the impostors before it and the genuine pairs from it on are right
    right = np.r_[0, np.cumsum(np.where(truth, -1, 1))]
    cuts = np.r_[True, values[1:] > values[:-1], True]  # ties cannot be parted
    best = np.flatnonzero(cuts & (right == right[cuts].max()))
    i = int(best[(len(best) - 1) // 2])
    if i == 0:
        return float(np.nextafter(values[0], -np.inf))
    if i == len(values):
        return float(np.nextafter(values[-1], np.inf))
    return float(max(values[i - 1] / 2 + values[i] / 2, np.nextafter(values[i - 1], np.inf)))  # above the lower one


def decidability(similarities: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """How far genuine and impostor pairs lie apart, in standard deviations (d', Daugman 2000); 0 is chance.

    Unlike a rate at a threshold it changes smoothly, and it does not stop at 100 percent.

    >>> round(decidability(np.array([0.9, 0.7, 0.1, -0.1]), np.array([True, True, False, False])), 2)
    8.0

    Args:
        similarities: [p] of pairs, at least one of each kind.
        same: [p] whether each is of one identity.
    """
    genuine, impostor = similarities[same], similarities[~same]
    spread = math.sqrt((float(genuine.var()) + float(impostor.var())) / 2)
    return (float(genuine.mean()) - float(impostor.mean())) / max(spread, MAX_ROUNDING_ERROR)
