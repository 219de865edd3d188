"""Reading videos for scoring: the times of all frames first, then one forward pass that converts only the frames asked
for, scaled inside the decoder.

A container's index can promise frames that its data do not hold. The reader compares what it decodes with what the
index promised and raises `ReadAgain` at the end of a pass that differed, with the video as it really decodes.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain
from pathlib import Path

import av
import numpy as np
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
from clipselect.media.fast import TooFewDecoded, fast_frames
from clipselect.media.orientation import orientation
from clipselect.media.squash import Frame, squash

FALLBACK_RATE = Fraction(25)


class ReadAgain(Exception):
    """A pass over a video met other frames than its timeline promises; what the pass has yielded is void.

    Only `clipselect.media.sources.settled` catches it.

    Attributes:
        source: the video as it really decodes, to be read instead.
    """

    def __init__(self, source: "VideoFile") -> None:
        super().__init__("the decoded frames differ from the container's index")
        self.source = source


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
    suits_fast: bool = True  # no fast pass has found that it lacks too many frames in a row

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

    def with_timeline(self, timeline: Timeline) -> "VideoFile":
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

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Frame]]:
        if fast and self.seekable and self.suits_fast:
            decoded = self.decode(fast=True, whole=True)
            try:
                yield from fast_frames(decoded, self.timeline.pts, wanted, size)
            except TooFewDecoded:
                raise ReadAgain(replace(self, suits_fast=False)) from None
            return
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
        end = int(pts[-1]) + (last or _usual_gap(pts) or self.step)
        raise ReadAgain(self.with_timeline(replace(self.timeline, pts=pts, end=end)))


def _usual_gap(pts: NDArray[np.int64]) -> int:
    """The median distance of neighbouring frames in ticks; 0 for a single frame."""
    return round(float(np.median(np.diff(pts)))) if len(pts) > 1 else 0
