"""How good answers are, and how sure one can be of it: classification, verification, retrieval, intervals."""

from clipselect.evaluation.metrics.accuracy import (
    average_precision,
    mean_average_precision,
    mean_average_precisions,
    rank_correlation,
    roc_auc,
    topk_correct,
)
from clipselect.evaluation.metrics.identification import RankAccuracy, rank_accuracy, tpir_at_fpir
from clipselect.evaluation.metrics.intervals import (
    QUANTILES,
    BootstrapResult,
    Floats,
    Statistic,
    bootstrap_interval,
    bootstrap_means,
    difference_interval,
    extreme_interval,
    proportion_interval,
    statistic_draws,
)
from clipselect.evaluation.metrics.retrieval import Retrieval, retrieval, retrieval_from_distances
from clipselect.evaluation.metrics.templates import pool_by_media
from clipselect.evaluation.metrics.verification import (
    FoldAccuracy,
    OperatingPoint,
    Roc,
    roc,
    tar_at_far,
    ten_fold_accuracy,
)

__all__ = [
    "QUANTILES",
    "BootstrapResult",
    "Floats",
    "FoldAccuracy",
    "OperatingPoint",
    "RankAccuracy",
    "Retrieval",
    "Roc",
    "Statistic",
    "average_precision",
    "bootstrap_interval",
    "bootstrap_means",
    "difference_interval",
    "extreme_interval",
    "mean_average_precision",
    "mean_average_precisions",
    "pool_by_media",
    "proportion_interval",
    "rank_accuracy",
    "rank_correlation",
    "retrieval",
    "retrieval_from_distances",
    "roc",
    "roc_auc",
    "statistic_draws",
    "tar_at_far",
    "ten_fold_accuracy",
    "topk_correct",
    "tpir_at_fpir",
]
