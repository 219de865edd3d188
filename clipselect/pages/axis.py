"""The one axis on which scores are drawn: in the terminal, on pages and in plots."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = 20
"""Parts of [0, 1] that the ends of an axis are rounded to."""
MIN_STEPS = 5
"""Of an axis: 0.25, so that small differences look small."""


@dataclass(frozen=True)
class ScoreAxis:
    """From which score to which bars are drawn."""

    low: float
    high: float

    def height(self, score: float) -> float:
        """Of a score's bar, in [0, 1] of the full height."""
        return min(max((score - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def ticks(self) -> list[float]:
        """Scores to label, from the lowest up; five where they are on a scale of their own.

        >>> ScoreAxis(0.4, 0.65).ticks, ScoreAxis(0.1, 0.9).ticks
        ([0.4, 0.45, 0.5, 0.55, 0.6, 0.65], [0.1, 0.3, 0.5, 0.7, 0.9])
        """
        if self.low < 0 or self.high > 1:
            return [self.low + (self.high - self.low) * part / 4 for part in range(5)]
        low, high = round(self.low * STEPS), round(self.high * STEPS)
        return [step / STEPS for step in range(low, high + 1, 1 if high - low <= 6 else 2 if high - low <= 12 else 4)]


def score_axis(scores: Iterable[float], *, of_several: bool = False) -> ScoreAxis:
    """The axis of some scores, at least one: it holds them all, is at least 0.25 long, and ends at multiples of 0.05.

    A fixed axis from 0 to 1 would hide a difference of 0.1, and one from the lowest to the highest score would make a
    mountain of 0.01. Scores that leave [0, 1], as those of a function may, have an axis from the lowest to the highest.

    Args:
        of_several: the video is one of several whose bars shall be compared: the axis is from 0 to 1 for all of them,
            which is known before the others are scored.

    >>> score_axis([0.14, 0.89]), score_axis([0.51, 0.528]), score_axis([0.98])
    (ScoreAxis(low=0.1, high=0.9), ScoreAxis(low=0.4, high=0.65), ScoreAxis(low=0.75, high=1.0))
    >>> score_axis([120, 310]), score_axis([7])
    (ScoreAxis(low=120, high=310), ScoreAxis(low=7, high=8))
    >>> score_axis([0.51, 0.528], of_several=True)
    ScoreAxis(low=0.0, high=1.0)
    """
    scores = [*scores]
    if min(scores) < 0 or max(scores) > 1:
        low, high = min(scores), max(scores)
        return ScoreAxis(low, high if high > low else low + 1)
    if of_several:
        return ScoreAxis(0.0, 1.0)
    low, high = math.floor(min(scores) * STEPS + 1e-6), math.ceil(max(scores) * STEPS - 1e-6)
    low, high = max(low, 0), min(high, STEPS)
    while high - low < MIN_STEPS:
        low = max(low - 1, 0)
        if high - low < MIN_STEPS:
            high = min(high + 1, STEPS)
    return ScoreAxis(low / STEPS, high / STEPS)
