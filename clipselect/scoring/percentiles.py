"""How a score compares with those of the elements that a DDNet was distilled on; thresholds given as percentiles.

A score of 0.6 says little by itself. That it exceeds the scores of 80 % of the training elements says how good the
element is, and `threshold="p30"` leaves out what scores no better than the worst 30 % of them.
"""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ArgumentError, check_argument
from clipselect.scoring.weights_file import Metadata

QUANTILES_KEY = "score_quantiles"
"""Of the metadata: 101 quantiles of the scores of training elements, from the lowest score to the highest."""
POINTS = 101

Threshold = float | str
"""A score in [0, 1], or a percentile of the scores of the training elements, from "p0" to "p100"."""


def score_quantiles(scores: ArrayLike) -> list[float] | None:
    """101 quantiles, 0 to 1, of the scores [n] of training elements, as the metadata keep them; None without a score.

    >>> score_quantiles([0.25, 0.75])[50]
    0.5
    """
    values = np.asarray(scores, dtype=np.float64)
    return np.quantile(values, np.linspace(0, 1, POINTS)).round(6).tolist() if len(values) else None


def quantiles_of(metadata: Metadata) -> NDArray[np.float64] | None:
    """[101] quantiles of a DDNet's metadata; None if they have none, as those of the first version.

    Raises:
        ValueError: they are not 101 rising numbers.
    """
    if metadata.get(QUANTILES_KEY) is None:
        return None
    quantiles = np.asarray(metadata[QUANTILES_KEY], dtype=np.float64)
    if quantiles.shape != (POINTS,) or not (np.isfinite(quantiles).all() and (np.diff(quantiles) >= 0).all()):
        raise ValueError(f"{QUANTILES_KEY} must be {POINTS} rising numbers")
    return quantiles


def percentiles(scores: ArrayLike, quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Which share of the training elements, in percent [0, 100], each of the scores [n] exceeds.

    >>> percentiles([0.1, 0.25, 0.9], np.linspace(0.2, 0.8, 101)).round(1).tolist()
    [0.0, 8.3, 100.0]
    """
    values = np.asarray(scores, dtype=np.float64)
    above = np.searchsorted(quantiles, values, side="left")  # quantiles that lie below each score
    low, high = quantiles[(above - 1).clip(0)], quantiles[above.clip(max=POINTS - 1)]
    gap = np.where(high > low, high - low, 1.0)
    within = np.where(above == POINTS, 0.0, (values - low) / gap)
    return np.where(above == 0, 0.0, above - 1 + within)


def threshold_score(threshold: Any, scorer: Any) -> float | None:
    """A threshold as a score: a percentile is looked up among the scores of the scorer's training elements.

    Args:
        threshold: a `Threshold`, or None for none. Where scores are those of a function, any finite number.
        scorer: from `load_scorer`: its `name`, `metadata`, and whether its scores are `in_unit_interval`.

    Raises:
        ArgumentError: neither a number in range nor a percentile, or a percentile where nothing is known of scores of
            training elements.
    """
    if threshold is None:
        return None
    if isinstance(threshold, str):
        return _score_at(threshold, scorer)
    if scorer.in_unit_interval:
        in_range, wanted = (
            isinstance(threshold, Real) and 0 <= float(threshold) <= 1,
            "lie in [0, 1], or be a percentile p0 to p100",
        )
    else:
        in_range, wanted = (
            isinstance(threshold, Real) and math.isfinite(threshold),
            f"be a finite number for {scorer.name}",
        )
    check_argument(in_range, "threshold", f"must {wanted}, got {threshold!r}")
    return float(threshold)


def _score_at(text: str, scorer: Any) -> float:
    try:
        percent = float(text.removeprefix("p"))
        valid = text.startswith("p") and 0 <= percent <= 100
    except ValueError:
        percent, valid = math.nan, False
    check_argument(valid, "threshold", f"must be a number, or a percentile from p0 to p100 such as p30, got {text!r}")
    quantiles = quantiles_of(scorer.metadata)
    if quantiles is None:
        raise ArgumentError(
            "threshold",
            f"{text} needs the scores of the clips or frames that {scorer.name} was trained on, which its weights do "
            "not hold; give a number, or give the weights percentiles first (clipselect.add_percentiles)",
        )
    return float(np.interp(percent, np.arange(POINTS), quantiles))
