"""Which candidate clips of a video are sampled, and with which weights: what sets the clip samplers apart.

A chooser is a function of one video's `Candidates`. It opens no file and keeps no state.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, whole_number
from clipselect.media.candidate_clips import Clip, spans_of
from clipselect.method.aggregation import weights
from clipselect.method.selection import Selection, check_limits, select, uniform


@dataclass(frozen=True)
class Candidates:
    """The candidate clips of one video.

    Attributes:
        path: of the video.
        clips: in time order.
        start_time: seconds of the container's clock at the first frame.
        scores: [n] float32 in (0, 1), one per clip; empty where no network has scored them.
        in_unit_interval: whether they can be weights; scores of a function may lie anywhere, and cannot.
    """

    path: str
    clips: list[Clip]
    start_time: Fraction
    scores: NDArray[np.float32]
    in_unit_interval: bool = True

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return spans_of(self.clips)


@dataclass(frozen=True)
class ScheduledClip:
    """A clip that will be sampled.

    Attributes:
        weight: of the clip in the video's answer (eq. 8), in [0, 1].
        score: None where no network has scored it.
    """

    clip: Clip
    weight: float = 1.0
    score: float | None = None


Chooser = Callable[[Candidates], list[ScheduledClip]]
"""From the candidates of a video to the clips to sample, in time order."""


def choose_all(candidates: Candidates) -> list[ScheduledClip]:
    """Every candidate, all of weight 1: dense sampling.

    >>> clips = [Clip(Fraction(i), Fraction(i + 1), 25 * i, 25 * i + 24) for i in range(3)]
    >>> len(choose_all(Candidates("a.mp4", clips, Fraction(0), np.empty(0, np.float32))))
    3
    """
    return [ScheduledClip(clip) for clip in candidates.clips]


@dataclass(frozen=True)
class ChooseUniform:
    """`k` candidates spread evenly over the video, all of weight 1; all where there are fewer.

    They overlap only where `k` clips fill the video, or nearly so.

    >>> clips = [Clip(Fraction(i), Fraction(i + 1), 25 * i, 25 * i + 24) for i in range(9)]
    >>> chosen = ChooseUniform(k=3)(Candidates("a.mp4", clips, Fraction(0), np.empty(0, np.float32)))
    >>> [float(one.clip.start) for one in chosen]
    [1.0, 4.0, 7.0]
    """

    k: int

    def __post_init__(self) -> None:
        whole_number(self.k, "k", least=1)

    def __call__(self, candidates: Candidates) -> list[ScheduledClip]:
        count = len(candidates.clips)
        return [ScheduledClip(candidates.clips[i]) for i in uniform(count, min(self.k, count))]


@dataclass(frozen=True)
class ChooseRandom:
    """`k` random candidates that do not overlap, all of weight 1; the same ones for the same `seed` and file name.

    >>> clips = [Clip(Fraction(i), Fraction(i + 1), 25 * i, 25 * i + 24) for i in range(9)]
    >>> video = Candidates("a.mp4", clips, Fraction(0), np.empty(0, np.float32))
    >>> ChooseRandom(k=3, seed=0)(video) == ChooseRandom(k=3, seed=0)(video)
    True
    """

    k: int
    seed: int

    def __post_init__(self) -> None:
        whole_number(self.k, "k", least=1)
        whole_number(self.seed, "seed", least=0)

    def __call__(self, candidates: Candidates) -> list[ScheduledClip]:
        name, count = Path(candidates.path).name, len(candidates.clips)
        random = np.random.default_rng([self.seed, zlib.crc32(name.encode("utf-8", "backslashreplace"))])
        drawn = select(random.random(count), candidates.spans, k=self.k).ordered.tolist()
        return [ScheduledClip(candidates.clips[i]) for i in drawn]


@dataclass(frozen=True)
class ChooseBest:
    """The candidates with the best scores, weighted by them (eq. 7 to 11).

    Attributes:
        k: the largest number of clips; None for all above the `threshold`.
        threshold: in the unit of the scores; only clips with a score above it, and the best clip in any case.
        min_gap: seconds between the end of one chosen clip and the start of the next; 0 forbids overlap, None allows
            it.
        pad_to_k: where fewer than `k` were chosen, some are repeated with weight 0.

    >>> clips = [Clip(Fraction(i), Fraction(i + 1), 25 * i, 25 * i + 24) for i in range(3)]
    >>> video = Candidates("a.mp4", clips, Fraction(0), np.array([0.5, 0.25, 0.75], np.float32))
    >>> [(float(one.clip.start), one.weight) for one in ChooseBest(k=2)(video)]
    [(0.0, 0.5), (2.0, 0.75)]
    """

    k: int | None = None
    threshold: float | None = None
    min_gap: float | None = 0
    pad_to_k: bool = False

    def __post_init__(self) -> None:
        if self.k is None and (self.threshold is None or self.pad_to_k):
            raise ArgumentError("k", "is needed without a threshold, and with pad_to_k=True")
        check_limits(k=self.k, threshold=self.threshold, min_gap=self.min_gap)

    def __call__(self, candidates: Candidates) -> list[ScheduledClip]:
        scores = candidates.scores
        kept = select(scores, candidates.spans, k=self.k, threshold=self.threshold, min_gap=self.min_gap)
        own = weights(scores, kept.ordered, in_unit_interval=candidates.in_unit_interval)
        places, own = padded(kept, own, self.k if self.pad_to_k else None)
        order = kept.ordered[places].tolist()
        clips = candidates.clips
        return [
            ScheduledClip(clips[i], weight, float(scores[i])) for i, weight in zip(order, own.tolist(), strict=True)
        ]


def padded(
    kept: Selection, weights: NDArray[np.float64], k: int | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Kept elements repeated until they are `k`, the best ones first, with weight 0.

    Args:
        weights: [n] of the kept elements, in the order of `kept.ordered`.
        k: None repeats nothing.

    Returns:
        [max(n, k)] places among `kept.ordered`, ascending, and the weights of these.

    >>> kept = select([0.5, 0.25, 0.75], k=2)
    >>> padded(kept, np.array([0.5, 1.0]), k=5)
    (array([0, 0, 1, 1, 1]), array([0.5, 0. , 1. , 0. , 0. ]))
    """
    best_first = np.searchsorted(kept.ordered, kept.ranked)
    places = np.sort(np.resize(best_first, max(len(best_first), k or 0)))
    is_first = np.diff(places, prepend=-1) > 0
    return places, np.where(is_first, weights[places], 0.0)
