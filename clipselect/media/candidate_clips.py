"""Candidate clips of a video in exact time. Pure functions over a `Timeline`; nothing here decodes.

Times are exact `Fraction` seconds from the first frame of the video. A clip is the half-open window [start, end) and
holds the frames whose presentation times lie in it.

>>> timeline = Timeline(np.arange(63), end=63, time_base=Fraction(1, 25))     # 63 frames, 25 per second: 2.52 s
>>> for clip in candidate_clips(timeline, clip_duration=1):
...     print(float(clip.start), float(clip.end), clip.first, clip.last)
0.0 1.0 0 24
1.0 2.0 25 49
1.52 2.52 38 62
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, check_argument

MAX_CANDIDATES = 250_000
"""Per video: nearly three days at a stride of a second."""

MIN_FPS, MAX_FPS = 0.001, 10_000
"""Frames per second of frames that have no clock of their own."""
MAX_OVERSHOOT = 1
"""Seconds by which a caller's window may reach beyond the video, where it is cut: other tools find other ends."""

Seconds = int | float | Fraction
"""A length of time; a fraction such as `Fraction(64, 30)` is exact."""


class TooManyClips(ArgumentError):
    """More candidates than `MAX_CANDIDATES`: the stride is too small, or the times in a file make no sense."""


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


def spans_of(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """[n, 2] start and end of every clip in seconds."""
    return np.array([(clip.start, clip.end) for clip in clips], dtype=np.float64).reshape(-1, 2)


def exact_seconds(value: Seconds, argument: str) -> Fraction:
    """A positive, finite number of seconds as the fraction that a float stands for.

    >>> exact_seconds(0.1, "stride"), exact_seconds(64 / 30, "clip_duration")
    (Fraction(1, 10), Fraction(32, 15))

    Raises:
        ArgumentError: of that argument.
    """
    given = value if isinstance(value, Real) else repr(value)
    in_range = isinstance(value, Real) and 0 < value < math.inf
    check_argument(in_range, argument, f"must be a positive number of seconds, got {given}")
    return _exact(value)


def _exact(value: Seconds) -> Fraction:
    if isinstance(value, Rational):
        return Fraction(value)
    simple = Fraction(float(value)).limit_denominator(1_000_000)
    return simple if float(simple) == value else Fraction(str(float(value)))


def frame_rate(fps: Seconds) -> Fraction:
    """Frames per second as a fraction that a container could hold.

    >>> frame_rate(29.97)
    Fraction(2997, 100)

    Raises:
        ArgumentError: of `fps`: not in [0.001, 10000].
    """
    in_range = isinstance(fps, Real) and MIN_FPS <= fps <= MAX_FPS
    check_argument(in_range, "fps", f"must lie between {MIN_FPS} and {MAX_FPS}, got {fps!r}")
    return _exact(fps).limit_denominator(100_000)


def candidate_clips(timeline: Timeline, clip_duration: Seconds, stride: Seconds | None = None) -> list[Clip]:
    """The candidate clips of a video, in time order; at least one.

    Windows start every `stride` seconds as long as they fit. If frames remain after the last one, one more window
    ends with the video (it is back-padded: it reaches back over frames already covered). A video shorter than a clip
    is one shorter clip. Windows that hold no frame (a long still in a variable frame rate) are left out.

    >>> timeline = Timeline(np.arange(63), end=63, time_base=Fraction(1, 25))  # 63 frames at 25 frames per second
    >>> [(float(clip.start), float(clip.end), clip.first, clip.last) for clip in candidate_clips(timeline, 1)]
    [(0.0, 1.0, 0, 24), (1.0, 2.0, 25, 49), (1.52, 2.52, 38, 62)]

    Args:
        clip_duration: seconds, > 0.
        stride: seconds between the starts of neighbours, > 0; the clip duration by default.

    Raises:
        ArgumentError: a duration or stride that is not a positive number.
        TooManyClips: so small a stride, or so short a clip without one, that there would be more than `MAX_CANDIDATES`.
    """
    length = exact_seconds(clip_duration, "clip_duration")
    step = length if stride is None else exact_seconds(stride, "stride")
    total = timeline.duration
    if total <= length:
        return [Clip(Fraction(0), total, 0, len(timeline.pts) - 1)]
    count = (total - length) // step + 1
    if count > MAX_CANDIDATES:
        argument = "clip_duration" if stride is None else "stride"
        problem = f"of {float(step):g} s gives over {MAX_CANDIDATES} candidate clips; choose a larger {argument}"
        raise TooManyClips(argument, problem)
    clips = [clip for i in range(count) if (clip := _window(timeline, i * step, length)) is not None]
    if clips[-1].last < len(timeline.pts) - 1:
        last = _window(timeline, total - length, length)
        clips += [last] if last is not None else []
    return clips


@dataclass(frozen=True)
class Windows:
    """Candidates of the caller's own instead of the grid of `candidate_clips`: of any length and in any order.

    Attributes:
        spans: exact seconds from the first frame, (start, end).
        rounding: seconds by which a start or end may lie beside the time of the frame that is meant.

    >>> Windows.from_pairs([(0.5, 2), (0, 1)]).spans
    ((Fraction(1, 2), Fraction(2, 1)), (Fraction(0, 1), Fraction(1, 1)))
    """

    spans: tuple[tuple[Fraction, Fraction], ...]
    rounding: Fraction = Fraction(0)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Any], rounding: Fraction = Fraction(0)) -> "Windows":
        """Windows of numbers of seconds (start, end), or of timecodes that say their `seconds` (PySceneDetect's).

        Raises:
            ArgumentError: no pairs, one that holds no two numbers, or a window that is empty, reversed or starts before
                the video.
        """
        spans = []
        pairs = pairs.tolist() if hasattr(pairs, "tolist") else pairs  # an array or a tensor
        try:
            for number, pair in enumerate(pairs, 1):
                spans.append(_span(number, pair))
        except TypeError as e:
            raise ArgumentError("candidates", f"must be pairs of seconds (start, end), got {pairs!r:.80}") from e
        check_argument(bool(spans), "candidates", "must hold at least one window (start, end)")
        check_argument(len(spans) <= MAX_CANDIDATES, "candidates", f"must be at most {MAX_CANDIDATES} windows")
        return cls(tuple(spans), rounding)

    def clips(self, timeline: Timeline) -> list[Clip]:
        """The windows as clips of a video, in time order: by their starts, then by their ends.

        Raises:
            ArgumentError: a window outside of the video, or one that holds no frame.

        >>> timeline = Timeline(np.arange(63), end=63, time_base=Fraction(1, 25))  # 63 frames at 25 frames per second
        >>> Windows.from_pairs([(1, 3)]).clips(timeline)  # cut at the end of the video
        [Clip(start=Fraction(1, 1), end=Fraction(63, 25), first=25, last=62)]
        """
        duration = timeline.duration
        found = []
        for start, end in sorted(self.spans):
            shown = f"window {float(start):.10g} to {float(end):.10g} s"
            lies_inside = start < duration and end <= duration + MAX_OVERSHOOT
            outside = f"must lie in the video, which lasts {float(duration):.2f} s, but {shown} does not"
            check_argument(lies_inside, "candidates", outside)
            first, last = (self._at_frame(edge, timeline) for edge in (start, min(end, duration)))
            clip = _window(timeline, first, last - first)
            if clip is None:
                raise ArgumentError("candidates", f"must hold frames, but {shown} holds none; make it longer")
            found.append(clip)
        return found

    def _at_frame(self, seconds: Fraction, timeline: Timeline) -> Fraction:
        """The time of the frame that is meant, or else the same time."""
        if not self.rounding:
            return seconds
        first = timeline.first_at_or_after(seconds - self.rounding)
        frame_time = (timeline.end if first == len(timeline.pts) else int(timeline.pts[first])) * timeline.time_base
        return frame_time if abs(frame_time - seconds) <= self.rounding else seconds


def _span(number: int, pair: Any) -> tuple[Fraction, Fraction]:
    start, end = (getattr(edge, "seconds", edge) for edge in _two(number, pair))
    good = all(isinstance(edge, Real) and not isinstance(edge, bool) and math.isfinite(edge) for edge in (start, end))
    check_argument(good, "candidates", f"must be numbers of seconds, but window {number} is {pair!r:.80}")
    check_argument(start >= 0, "candidates", f"must start at 0 s or later, but window {number} is {start} to {end} s")
    ends_later = f"must end after they start, but window {number} is {start} to {end} s"
    check_argument(start < end, "candidates", ends_later)
    return _exact(start), _exact(end)


def _two(number: int, pair: Any) -> tuple[Any, Any]:
    try:
        start, end = pair
    except (TypeError, ValueError) as e:
        raise ArgumentError("candidates", f"must be pairs of seconds, but window {number} is {pair!r:.80}") from e
    return start, end


def _window(timeline: Timeline, start: Fraction, length: Fraction) -> Clip | None:
    first = timeline.first_at_or_after(start)
    last = timeline.first_at_or_after(start + length) - 1
    return Clip(start, start + length, first, last) if first <= last else None


def frames_to_score(timeline: Timeline, clip: Clip, count: int) -> NDArray[np.int64]:
    """Indices [count] int64 of the frames of a clip that a network looks at.

    They are the frames on screen in the middle of `count` equal parts of the clip, for variable frame rates as well. A
    clip of fewer frames repeats some.

    >>> timeline = Timeline(np.array([0, 1, 2]), end=10, time_base=Fraction(1, 10))   # the last one is shown for 0.8 s
    >>> frames_to_score(timeline, candidate_clips(timeline, 1)[0], 4).tolist()
    [1, 2, 2, 2]
    """
    ticks_start, ticks_length = clip.start / timeline.time_base, (clip.end - clip.start) / timeline.time_base
    middles = [math.floor(ticks_start + ticks_length * (2 * i + 1) / (2 * count)) for i in range(count)]
    shown = np.searchsorted(timeline.pts, np.array(middles, dtype=np.int64), side="right") - 1
    return shown.clip(clip.first, clip.last)


def window_within(timeline: Timeline, start: Fraction, length: Fraction) -> Clip:
    """A window moved and cut so that it lies within the video, as a clip whose `frames_to_score` may be any frames."""
    length = min(length, timeline.duration)
    start = min(max(start, Fraction(0)), timeline.duration - length)
    return Clip(start, start + length, 0, len(timeline.pts) - 1)
