"""How good answers and orders are: accuracy, average precision, AUC, rank correlation. Pure functions over arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.evaluation.metrics.intervals import Floats, Statistic, chunks
from clipselect.media.optional import require


def topk_correct(probabilities: Floats, labels: ArrayLike | Sequence[Sequence[int]], k: int) -> NDArray[np.bool_]:
    """Whether a label of every row is among its `k` largest probabilities; of equal ones the lower class comes first.

    Args:
        probabilities: [n, classes], or anything in their order; no NaN.
        labels: [n] class indices, or n sequences of them where a group may have several: one of them suffices.

    Raises:
        ValueError: shapes that do not fit, a NaN, k < 1, a row without labels, or a label that is no class.

    >>> topk_correct(np.array([[0.7, 0.2, 0.1], [0.1, 0.4, 0.5]]), [1, 2], k=1)
    array([False,  True])
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    rows, wanted = _pairs(probabilities, labels)
    right = np.zeros(len(probabilities), dtype=bool)
    earlier = np.arange(probabilities.shape[1])
    for part in chunks(len(rows), probabilities.shape[1]):
        values, label = probabilities[rows[part]], wanted[part, None]
        own = np.take_along_axis(values, label, axis=1)
        before = (values > own) | ((values == own) & (earlier < label))
        right[rows[part][before.sum(axis=1) < k]] = True
    return right


def mean_average_precisions(probabilities: Floats, labels: Sequence[Sequence[int]]) -> Statistic:
    """Mean average precision as a function of how often each group was drawn [b, n], for `statistic_draws`.

    The mean over the classes of the area under the precision-recall curve, as a sum over its steps without
    interpolation; classes without positives are left out.

    Args:
        probabilities: [n, classes].
        labels: n sequences of class indices.

    >>> statistic = mean_average_precisions(np.array([[0.9, 0.1], [0.2, 0.8]]), [[0], [0, 1]])
    >>> statistic(np.ones((1, 2), np.float32))
    array([1.])
    """
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
    """Chance that a positive outranks a negative, ties counting half: the area under the ROC curve, in [0, 1].

    Args:
        scores: [n] without NaN.
        positive: [n] bool, both kinds present.

    >>> roc_auc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
    0.875
    """
    require("sklearn", "evaluation")
    from sklearn.metrics import roc_auc_score  # slow to import

    truth = np.asarray(positive, dtype=bool)
    if truth.all() or not truth.any():
        raise ValueError("the ROC needs a positive and a negative")
    return float(roc_auc_score(truth, np.asarray(scores)))


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float | None:
    """Spearman's rho of two arrays [n], in [-1, 1]; None where one of them has no order (no values, or all equal).

    >>> rank_correlation([0.1, 0.2, 0.9], [1, 3, 2])
    0.5
    """
    require("scipy", "evaluation")
    from scipy.stats import spearmanr  # slow to import

    a, b = np.asarray(one), np.asarray(other)
    if len(a) == 0 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def _average_precisions(scores: Floats, positive: NDArray[np.bool_], drawn: NDArray[np.float32]) -> NDArray[np.float64]:
    """[b] for groups drawn `drawn` [b, n] times; NaN where no positive was drawn.

    The sum over the steps is one over the positives: each adds the precision among those that score as high or higher.
    """
    hits, weight = np.zeros(len(drawn)), drawn[:, positive].sum(axis=1, dtype=np.float64)
    for part in chunks(int(positive.sum()), len(scores)):
        bar = scores[positive][part]
        # counts are whole and far below 2^24, so float32 adds them exactly
        found = drawn @ (scores[:, None] >= bar).astype(np.float32)
        true = drawn[:, positive] @ (scores[positive][:, None] >= bar).astype(np.float32)
        own = drawn[:, positive][:, part]
        hits += np.divide(own * true, found, out=np.zeros_like(found), where=found > 0).sum(axis=1, dtype=np.float64)
    return np.divide(hits, weight, out=np.full(len(drawn), np.nan), where=weight > 0)


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
