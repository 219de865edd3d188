"""Are two groups of the same identity? One-to-one verification: rates that can be measured, thresholds of ten folds.

Pure functions over the similarities of pairs; higher means more alike, and a pair is accepted from the threshold on
(similarity >= threshold). Pairs that tie are accepted together, since there is no order among them.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_ROUNDING_ERROR = 1e-9
"""Relative, of a rate times a number of trials: 1e-3 of 1000 pairs is one pair."""


def fold_thresholds(similarities: ArrayLike, same: ArrayLike, folds: ArrayLike) -> NDArray[np.float64]:
    """[folds] the threshold for each fold that is best on all the others, in the order of the folds' names: the
    protocol of LFW and of YouTube Faces.

    Candidate thresholds lie midway between neighbouring similarities of the other folds, and beyond both ends; of
    several equally good ones the middle one is taken.

    Args:
        similarities: [n] finite floats.
        same: [n] bool, whether the pair is genuine.
        folds: [n] the name of every pair's fold.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, fewer than two folds, or one without genuine
            or impostor pairs in the others.

    >>> fold_thresholds([0.9, 0.1, 0.8, 0.2], [True, False, True, False], folds=[0, 0, 1, 1])
    array([0.5, 0.5])
    """
    values, truth = checked_pairs(similarities, same)
    of_pairs = np.asarray(folds)
    if of_pairs.shape != truth.shape:
        raise ValueError(f"expected one fold per pair, got {[*of_pairs.shape]} for {len(truth)}")
    names = np.unique(of_pairs)
    if len(names) < 2:
        raise ValueError(f"cross-validation needs at least two folds that hold pairs, got {len(names)}")
    order = np.argsort(values)
    values, truth, of_pairs = values[order], truth[order], of_pairs[order]
    others = [of_pairs != name for name in names]
    return np.array([_best_threshold(values[o], truth[o], name) for o, name in zip(others, names, strict=True)])


def min_trials(rate: float) -> int:
    """The fewest impostor trials with which a rate of false alarms can be measured.

    >>> min_trials(0.01)
    100
    """
    return math.ceil((1 - MAX_ROUNDING_ERROR) / rate)


def checked_pairs(similarities: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Both as arrays [n]; a ValueError if they are not of finite similarities, and of truths."""
    values, truth = np.asarray(similarities, dtype=np.float64), np.asarray(same)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"expected similarities [n] and same [n], got {[*values.shape]} and {[*truth.shape]}")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("same must be true or false for every pair")
    if not np.isfinite(values).all():
        raise ValueError("similarities hold a NaN or infinity")
    return values, truth.astype(bool)


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
