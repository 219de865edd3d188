"""Candidate clips of a video in exact time. Pure functions over a `Timeline`; nothing here decodes.

Times are exact `Fraction` seconds from the first frame of the video. A clip is the half-open window [start, end) and
holds the frames whose presentation times lie in it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError

MAX_CANDIDATES = 250_000

Seconds = int | float | Fraction


class TooManyClips(ClipselectError):
    """More candidates than `MAX_CANDIDATES`: the stride is too small, or a file's clock says nonsense."""


@dataclass(frozen=True)
class Timeline:
    """When the frames of a video are shown.

    Attributes:
        pts: [n] int64, strictly increasing, in ticks from the first frame, so `pts[0] == 0`; n >= 1.
        end: tick at which the last frame stops being shown.
        time_base: seconds per tick.
    """

    pts: NDArray[np.int64]
    end: int
    time_base: Fraction

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last one."""
        return self.end * self.time_base

    def first_at_or_after(self, seconds: Fraction) -> int:
        """Index of the first frame shown at `seconds` or later; n if there is none."""
        return int(np.searchsorted(self.pts, min(math.ceil(seconds / self.time_base), self.end), side="left"))


@dataclass(frozen=True)
class Clip:
    """The window [start, end) in seconds and its frames `first` to `last`, both inclusive, counted from 0."""

    start: Fraction
    end: Fraction
    first: int
    last: int

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


def exact_seconds(value: Seconds, name: str) -> Fraction:
    """A positive, finite number of seconds as the fraction that a float stands for: 0.1 is 1/10, 64 / 30 is 32/15.

    Raises:
        ArgumentError: it is none.
    """
    if not isinstance(value, Real) or not 0 < value < math.inf:
        given = value if isinstance(value, Real) else repr(value)
        raise ArgumentError(name, f"must be a positive number of seconds, got {given}")
    if isinstance(value, Rational):
        return Fraction(value)
    simple = Fraction(float(value)).limit_denominator(1_000_000)
    return simple if float(simple) == value else Fraction(str(float(value)))


def candidate_clips(timeline: Timeline, clip_duration: Seconds, stride: Seconds | None = None) -> list[Clip]:
    """The candidate clips of a video, in time order; at least one.

    Windows start every `stride` seconds as long as they fit. If frames remain after the last one, one more window
    ends with the video (it is back-padded: it reaches back over frames already covered). A video shorter than a clip
    is one shorter clip. Windows that hold no frame (a long still in a variable frame rate) are left out.

    Args:
        timeline: the frames' times.
        clip_duration: seconds, > 0.
        stride: seconds between the starts of neighbours, > 0; the clip duration by default.

    Raises:
        ArgumentError: a duration or stride that is not a positive number.
        TooManyClips: so small a stride that there would be more than `MAX_CANDIDATES`.
    """
    length = exact_seconds(clip_duration, "clip_duration")
    step = length if stride is None else exact_seconds(stride, "stride")
    total = timeline.duration
    if total <= length:
        return [Clip(Fraction(0), total, 0, len(timeline.pts) - 1)]
    count = (total - length) // step + 1
    if count > MAX_CANDIDATES:
        raise TooManyClips(
            f"a stride of {float(step):g} s gives over {MAX_CANDIDATES} candidate clips; choose a larger stride"
        )
    clips = [clip for i in range(count) if (clip := _window(timeline, i * step, length)) is not None]
    if not clips or clips[-1].last < len(timeline.pts) - 1:
        last = _window(timeline, total - length, length)
        clips += [last] if last is not None else []
    return clips


def _window(timeline: Timeline, start: Fraction, length: Fraction) -> Clip | None:
    first = timeline.first_at_or_after(start)
    last = timeline.first_at_or_after(start + length) - 1
    return Clip(start, start + length, first, last) if first <= last else None


def frames_to_score(timeline: Timeline, clip: Clip, count: int) -> NDArray[np.int64]:
    """Indices [count] of the frames the DDNet looks at: those on screen in the middle of `count` equal parts of the
    clip. Exact for variable frame rates; a clip with fewer frames repeats some."""
    ticks_start, ticks_length = clip.start / timeline.time_base, (clip.end - clip.start) / timeline.time_base
    middles = [math.floor(ticks_start + ticks_length * (2 * i + 1) / (2 * count)) for i in range(count)]
    shown = np.searchsorted(timeline.pts, np.array(middles, dtype=np.int64), side="right") - 1
    return shown.clip(clip.first, clip.last)


def monotonic(pts: Iterable[int | None], step: int, second: int) -> NDArray[np.int64]:
    """Presentation times [n] int64 from 0, strictly increasing, out of what a container says.

    A missing time follows the one before by `step` ticks. A time that steps back by more than a `second` (ticks) is a
    new start, as in joined broadcasts, and the clock runs on; a smaller step back comes one tick after its
    predecessor.
    """
    clock = Clock(step, second)
    out = np.array([clock.tick(p) for p in pts], dtype=np.int64)
    return out - out[0] if len(out) else out


class Clock:
    """The running state of `monotonic`, for frames that arrive one by one."""

    def __init__(self, step: int, second: int) -> None:
        self.step, self.second = step, second
        self.previous: int | None = None
        self.offset = 0

    def tick(self, pts: int | None) -> int:
        """The cleaned time of the next frame."""
        if self.previous is None:
            self.previous = pts if pts is not None else 0
            return self.previous
        now = self.previous + self.step if pts is None else pts + self.offset
        if now < self.previous - self.second:
            self.offset += self.previous + self.step - now
            now = self.previous + self.step
        self.previous = max(now, self.previous + 1)
        return self.previous
