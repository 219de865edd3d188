"""Reading videos for scoring: the times of all frames first, then one forward pass that converts only the frames asked
for, scaled inside the decoder.

The one input_spec that training and scoring share is a *squash*: the whole frame, upright as a player shows it, scaled
to a square. Nothing is cropped away, since an action at the edge of a wide frame must be able to win, and non-square
pixels need no special case.

A container's index can promise frames that its data do not hold. The reader compares what it decodes with what the
index promised, and raises `TimelineChanged` at the end of a pass that differed; callers start over with the times
that were really seen (`retime`), which a second pass always meets.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.media.candidates import Clock, Timeline, monotonic
from clipselect.media.container import (
    LIMITS,
    has_frame_threads,
    open_container,
    packets,
    read_index,
    threads_for_all,
    video_stream,
)
from clipselect.media.orientation import orientation

Frame = NDArray[np.uint8]

FALLBACK_RATE = Fraction(25)


class TimelineChanged(Exception):
    """A decoding pass met other frames than the container's index promised.

    `timeline` holds what was decoded, its ticks still counted from the first frame that was promised.
    """

    def __init__(self, timeline: Timeline) -> None:
        super().__init__("the decoded frames differ from the container's index")
        self.timeline = timeline


class Source(Protocol):
    """Something whose frames can be scored: a file through PyAV or decord, or a folder of frames.

    Attributes:
        path: as the user gave it.
        timeline: times of all frames.
        start_time: seconds in the container's own clock at which the first frame is shown.
        aspect: width over height as shown, for thumbnails.
        warnings: what the user should know about the file, one sentence each.
    """

    @property
    def path(self) -> Path: ...
    @property
    def timeline(self) -> Timeline: ...
    @property
    def start_time(self) -> Fraction: ...
    @property
    def aspect(self) -> float: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...

    def frames(self, wanted: NDArray[np.int64], size: int) -> Iterator[tuple[int, Frame]]:
        """Decode once, forwards, and yield (index, [size, size, 3] uint8 RGB, squashed) for every wanted index.

        Args:
            wanted: increasing frame indices.

        Raises:
            TimelineChanged: after the last frame, if the pass met other frames than `timeline` says.
        """
        ...

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        """The frames `first` to `last`, both inclusive, at full size and as stored: not turned upright."""
        ...

    def retime(self, timeline: Timeline) -> "Source":
        """The same source with the times that a pass has really seen."""
        ...


@dataclass(frozen=True)
class VideoFile:
    """A video file read by PyAV: the first video stream that is not a cover picture."""

    path: Path
    timeline: Timeline
    start_time: Fraction
    warnings: tuple[str, ...]
    pixel_aspect: Fraction
    origin: int  # presentation time of the first frame, in ticks of the stream
    step: int  # ticks that a frame without a time of its own lasts
    seekable: bool  # the container's own times are clean, so a seek can be checked against them
    threads: int = 0  # that decode; 0 for as many as pay
    fragile: bool = False  # its decoder's threads drop frames after every error, not after one near the end alone (AV1)

    @classmethod
    def open(cls, path: Path, threads: int = 0) -> "VideoFile":
        """Read the packets' times, decoding nothing.

        Raises:
            VideoError: not a video, no video stream, or no frames in it.
        """
        with open_container(path) as container:
            stream = video_stream(container, path)
            base = stream.time_base or Fraction(1, 90_000)
            index = read_index(container, stream)
            pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
            rate = stream.average_rate or stream.guessed_rate or FALLBACK_RATE
            fragile = not has_frame_threads(stream)
        step = max(1, round(1 / rate / base))
        if not index.pts:
            raise VideoError(f"{path}: the video stream holds no frames; there is nothing to score")
        origin = index.pts[0] or 0
        pts = monotonic(index.pts, step, second=max(1, round(1 / base)))
        seekable = [None if p is None else p - origin for p in index.pts] == pts.tolist()
        timeline = Timeline(pts, int(pts[-1]) + (index.last_duration or _usual_gap(pts) or step), base)
        warnings = (index.broken,) if index.broken else ()
        return cls(path, timeline, origin * base, warnings, pixel_aspect, origin, step, seekable, threads, fragile)

    @cached_property
    def aspect(self) -> float:
        frame = next(self.pictures(0, 0), None)
        if frame is None:
            raise VideoError(f"{self.path}: not one frame of its video stream can be decoded")
        ratio = float(frame.width * self.pixel_aspect / frame.height)
        return 1 / ratio if orientation(frame).transpose else ratio

    def retime(self, timeline: Timeline) -> "VideoFile":
        promised, decoded = self.timeline.pts, timeline.pts
        shift = int(decoded[0])
        warnings = self.warnings
        if len(decoded) < len(promised):
            second = float(np.setdiff1d(promised, decoded)[0] * self.timeline.time_base)
            lost = (
                f"broken at {second:.2f} s: {len(decoded)} of {len(promised)} frames decode, and only those were scored"
            )
            warnings = ("; ".join([lost, *warnings]),)
        return replace(
            self,
            timeline=replace(timeline, pts=decoded - shift, end=timeline.end - shift),
            start_time=self.start_time + shift * timeline.time_base,
            origin=self.origin + shift,
            seekable=False,
            warnings=warnings,
        )

    def frames(self, wanted: NDArray[np.int64], size: int) -> Iterator[tuple[int, Frame]]:
        seen: list[int] = []
        targets = iter(wanted.tolist())
        target = next(targets, None)
        for frame in self.decode(whole=True):
            if target == len(seen):
                yield target, squash(frame, size)
                target = next(targets, None)
            seen.append(frame.pts or 0)
        self._compare(seen)

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        wanted = self.timeline.pts[first : last + 1].tolist()
        given = 0
        if self.seekable and first > 0:
            with suppress(av.FFmpegError):  # a container that cannot seek is decoded from its start below
                for frame in self.decode(seek_to=wanted[0]):
                    if given == len(wanted) or frame.pts > wanted[given]:
                        break  # done, or the seek overshot
                    if frame.pts == wanted[given]:
                        given += 1
                        yield frame
        if given < len(wanted):
            # Damage is hidden in a way that depends on the number of threads: the same as in `frames`.
            for i, frame in enumerate(self.decode(whole=not self.seekable), start=-first):
                if i == len(wanted):
                    break
                if i >= given:
                    yield frame

    def decode(self, seek_to: int | None = None, *, fast: bool = False, whole: bool = False) -> Iterator[av.VideoFrame]:
        """All decodable frames in order, not converted, their `pts` replaced by ticks from the first promised frame.

        A packet that does not decode is skipped, as players do.

        Args:
            seek_to: begin at the last key frame at or before this tick; only where `seekable`.
            fast: leave out frames that no other frame needs, and the smoothing of edges between blocks; only where
                `seekable`, since the clock cannot tell what was left out.
            whole: the pass will go on to the end, so the first frames may come late where that makes it faster.
        """
        given, last, promised = 0, -1, self.timeline.pts
        watch = self.fragile and self.threads != 1 and not fast and seek_to is None
        for frame in self._decode(self.threads, seek_to, fast, whole):
            if watch and given < len(promised) and frame.pts != promised[given]:
                break
            given, last = given + 1, frame.pts or 0
            yield frame
        ends_early = last < promised[-1] if self.seekable else given < len(promised)
        if ends_early and self.threads != 1 and not fast and (given or seek_to is None):
            yield from self._after(last)

    def _after(self, last: int) -> Iterator[av.VideoFrame]:
        """The frames after this tick by one thread: several lose what follows an error, near the end or anywhere."""
        if self.seekable and last >= 0:
            with suppress(av.FFmpegError):  # cannot seek
                again = self._decode(1, last)
                first = next(again, None)
                if first is not None and (first.pts or 0) <= last:
                    yield from (frame for frame in again if (frame.pts or 0) > last)
                    return
                again.close()
        yield from (frame for frame in self._decode(1) if (frame.pts or 0) > last)

    def _decode(
        self, threads: int, seek_to: int | None = None, fast: bool = False, whole: bool = False
    ) -> Generator[av.VideoFrame]:
        clock = Clock(self.step, second=max(1, round(1 / self.timeline.time_base)))
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads or (threads_for_all(stream) if whole else 0)
            stream.codec_context.options = {**LIMITS, **({"skip_loop_filter": "all"} if fast else {})}
            if fast:
                stream.codec_context.skip_frame = "NONREF"
            if seek_to is not None:
                container.seek(seek_to + self.origin, stream=stream)
            for packet in chain(packets(container, stream), [None]):
                try:
                    # A container that breaks off does not ask for what the decoder holds; after others that is nothing.
                    frames = stream.codec_context.decode(None) if packet is None else packet.decode()
                except av.FFmpegError:
                    continue
                for frame in frames:
                    assert isinstance(frame, av.VideoFrame)
                    frame.pts = clock.tick(frame.pts) - self.origin
                    yield frame

    def _compare(self, seen: list[int]) -> None:
        if not seen:
            raise VideoError(f"{self.path}: not one frame of its video stream can be decoded")
        if np.array_equal(seen, self.timeline.pts):
            return
        pts = np.array(seen, dtype=np.int64)
        last = self.timeline.end - int(self.timeline.pts[-1]) if pts[-1] == self.timeline.pts[-1] else 0
        raise TimelineChanged(
            replace(self.timeline, pts=pts, end=int(pts[-1]) + (last or _usual_gap(pts) or self.step))
        )


def squash(frame: av.VideoFrame, size: int) -> Frame:
    """[size, size, 3] uint8 RGB of the whole frame, upright; the aspect ratio is given up."""
    # One scaler for all frames of a thread, without threads of its own: freeing those hangs a forked process.
    scaler: VideoReformatter | None = getattr(_scalers, "scaler", None)
    if scaler is None:
        scaler = _scalers.scaler = VideoReformatter()
    small: Any = scaler.reformat(frame, size, size, "rgb24", interpolation="BILINEAR", threads=1).to_ndarray()
    return orientation(frame).apply(small)


_scalers = threading.local()


def _usual_gap(pts: NDArray[np.int64]) -> int:
    """The median distance of neighbouring frames in ticks; 0 for a single frame."""
    return round(float(np.median(np.diff(pts)))) if len(pts) > 1 else 0
