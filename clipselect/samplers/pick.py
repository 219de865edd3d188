"""One candidate clip of a video with its score, and one picked clip."""

from dataclasses import dataclass

from clipselect.samplers.explanation import Explanation


@dataclass(frozen=True)
class Candidate:
    """A clip of a video with its score.

    Attributes:
        start, end: seconds from the first frame of the video; the clip is [start, end).
        first_frame, last_frame: its frames, both inclusive, counted from 0.
        score: in (0, 1); that of a function may lie anywhere.
        rank: among all candidates, 1 for the best.
        percentile: which share of the training elements the score exceeds, in percent; None where that is not known.
    """

    start: float
    end: float
    first_frame: int
    last_frame: int
    score: float
    rank: int
    percentile: float | None


@dataclass(frozen=True)
class Pick(Candidate):
    """A picked clip of a video.

    Attributes:
        weight: how much it counts in the video's answer, in [0, 1] (eq. 8).
        explanation: what a base sees in it, if it was asked for.
    """

    weight: float
    explanation: Explanation | None = None
