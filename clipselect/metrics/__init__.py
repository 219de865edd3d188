"""How good answers are, and how sure one can be of it: classification, verification, retrieval, intervals."""

from clipselect.metrics.accuracy import (
    average_precision,
    mean_average_precision,
    mean_average_precisions,
    roc_auc,
    topk_correct,
)
from clipselect.metrics.intervals import (
    QUANTILES,
    Drawn,
    Floats,
    Statistic,
    bootstrap_interval,
    bootstrap_means,
    difference_interval,
    extreme_interval,
    proportion_interval,
    statistic_draws,
)
from clipselect.metrics.retrieval import Retrieval, retrieval, retrieval_from_distances

__all__ = [
    "QUANTILES",
    "Drawn",
    "Floats",
    "Retrieval",
    "Statistic",
    "average_precision",
    "bootstrap_interval",
    "bootstrap_means",
    "difference_interval",
    "extreme_interval",
    "mean_average_precision",
    "mean_average_precisions",
    "proportion_interval",
    "retrieval",
    "retrieval_from_distances",
    "roc_auc",
    "statistic_draws",
    "topk_correct",
]
