"""Untrimmed videos cut into pieces, each of which gets its own answer; which clips of a piece show which action."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from clipselect.data.datasets import BACKGROUND, LabelledVideo, shown_class
from clipselect.evaluation.method_entry import IntArray
from clipselect.media.candidate_clips import Clip

MIN_LAST_PIECE = 0.5
"""A last piece shorter than this fraction of the others is joined to the one before."""

Shown = dict[int, NDArray[np.bool_]]
"""By class: which of n clips show it. A clip may show several."""


def piece_edges(duration: float, length: float | None) -> list[float]:
    """The seconds at which the pieces of a video begin, and the end of the last; without a length it is one piece.

    >>> piece_edges(70, 30), piece_edges(75, 30), piece_edges(4, 30)
    ([0, 30, 70], [0, 30, 60, 75], [0, 4])
    """
    if length is None:
        return [0, duration]
    count = max(1, math.floor(duration / length + 1 - MIN_LAST_PIECE))
    return [*(i * length for i in range(count)), duration]


def clips_within(spans: NDArray[np.float64], start: float, end: float) -> IntArray:
    """The places of the clips [n, 2] that lie wholly in [start, end]."""
    return np.flatnonzero((spans[:, 0] >= start - 1e-9) & (spans[:, 1] <= end + 1e-9))


def actions_shown(spans: NDArray[np.float64], video: LabelledVideo) -> Shown:
    """Which clips [n, 2] of an annotated video show which of its actions, see `shown_class`; each counts by itself."""
    windows = [Clip(Fraction(start), Fraction(end), 0, 0) for start, end in spans.tolist()]
    found: Shown = {}
    for label in video.labels:
        alone = LabelledVideo(video.path, (label,), tuple(s for s in video.segments if s.label == label))
        found[label] = np.array([shown_class(window, alone) != BACKGROUND for window in windows])
    return found


def shown_within(shown: Shown, clips: IntArray) -> Shown:
    """The same for some of the clips, without the actions that none of them shows, the one most shown first.

    >>> shown_within({4: np.array([True, False, False]), 7: np.array([False, True, True])}, np.array([1, 2]))
    {7: array([ True,  True])}
    """
    within = {label: shows[clips] for label, shows in shown.items() if shows[clips].any()}
    return dict(sorted(within.items(), key=lambda entry: -int(entry[1].sum())))


def rarest(shown: Shown) -> NDArray[np.bool_] | None:
    """Which clips show the action that the fewest show; None where there is no action, or all clips show it.

    >>> rarest({4: np.array([True, True, False]), 7: np.array([False, False, True])})
    array([False, False,  True])
    """
    fewest = min(shown.values(), key=lambda shows: int(shows.sum()), default=None)
    return None if fewest is None or fewest.all() else fewest
