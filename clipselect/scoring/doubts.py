"""When the order of a video's clips is a guess, and the sentences that say so."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.scoring.scorer import AnyScorer
from clipselect.scoring.training_domain import UNLIKE, Features

MIN_RIGHT = 2 / 3
"""Below this share of pairs in the right order the order is called a guess; chance is 1/2."""
ORDER_POINTS = 20
MIN_PAIRS = 20
"""Fewer say nothing about how often the order is right."""


def order_table(differences: ArrayLike, is_right: ArrayLike) -> dict[str, list[float]] | None:
    """How often two clips are in the right order if their scores differ by at most so much; None of too few pairs.

    The table starts with the twentieth of the pairs that differ least, so that no share rests on a handful of them.

    >>> order_table(np.linspace(0, 1, 40), [False] * 10 + [True] * 30)["right"][-1]
    0.75

    Args:
        differences: [p] of the scores of pairs of clips, >= 0.
        is_right: [p] whether the clip with the higher score is the more discriminable one.

    Returns:
        "difference": percentiles of the differences, ascending; "right": for each, the share of the pairs that differ
        by no more and are in the right order.
    """
    difference, right = np.asarray(differences, dtype=np.float64), np.asarray(is_right, dtype=np.float64)
    if len(difference) < MIN_PAIRS:
        return None
    order = np.argsort(difference, kind="stable")
    counts = (np.arange(1, ORDER_POINTS + 1) * len(order) / ORDER_POINTS).round().astype(int)
    in_order = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    return {
        "difference": difference[order][counts - 1].round(6).tolist(),
        "right": in_order[counts - 1].round(4).tolist(),
    }


def fraction_in_order(table: dict[str, list[float]], difference: float) -> float:
    """The share in [0, 1] of a table for scores that differ by at most `difference`; below its first one, the first."""
    return float(np.interp(difference, table["difference"], table["right"]))


def doubts(scorer: AnyScorer, scores: NDArray[np.float32], features: Features | None = None) -> tuple[str, ...]:
    """Why the order of a video's clips is a guess, one text for each reason; none where there is no doubt.

    The last one ends with what to do about it.

    Args:
        scores: [n] of all candidates.
        features: [n, d] of the candidates, from `Scorer.outputs`.
    """
    name, are_many, found = scorer.name, len(scores) > 1, []
    domain = scorer.training_domain
    if domain is not None and features is not None and domain.fraction_nearer(features) >= UNLIKE:
        found.append(
            f"unlike the videos that {name} was trained on, so its {'order' if are_many else 'score'} is a guess"
        )
    table: Any = (scorer.metadata.get("held_out") or {}).get("order")
    if table and are_many:
        spread = float(np.ptp(scores))
        if (right := fraction_in_order(table, spread)) < MIN_RIGHT:
            found.append(
                f"the scores of its best and worst clip differ by only {spread:.3f}. Of pairs of clips that are this "
                f"close, {name} puts {100 * right:.0f} % in the right order (chance: 50 %), so their order is a guess"
            )
    if found:
        evenly = "take evenly spread clips, or " * are_many
        found[-1] += f": {evenly}distil a DDNet on videos like this one (clipselect distill)"
    return tuple(found)
