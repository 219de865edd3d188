"""Frames of a video file, decoded by PyAV, at clean times: one decoder, and a second one for what threads of the
first lose."""

from collections.abc import Container, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.media.container import LIMITS, open_container, packets, threads_for_all, video_stream
from clipselect.media.cores import core_limit
from clipselect.media.fast import skip_unneeded
from clipselect.media.key_frames import Part
from clipselect.media.unreferenced import unreferenced


class DoubtError(Exception):
    """Frames do not come as their packets went in, so what is missing cannot be known."""


class Clock:
    """A clock that always runs forwards, out of what a container says of frames that arrive one by one.

    Times are integers, in ticks of the stream's time base. A missing time follows the one before by `step` ticks. A
    time that steps back by more than a `second` (in ticks) is a new start, as in joined broadcasts, and the clock runs
    on. A smaller step back becomes one tick after the frame before.
    """

    def __init__(self, step: int, second: int) -> None:
        self.step, self.second = step, second
        self.previous: int | None = None
        self.offset = 0

    def tick(self, pts: int | None) -> int:
        """The cleaned time of the next frame, not counted from the first one."""
        if self.previous is None:
            self.previous = pts if pts is not None else 0
            return self.previous
        now = self.previous + self.step if pts is None else pts + self.offset
        if now < self.previous - self.second:
            self.offset += self.previous + self.step - now
            now = self.previous + self.step
        self.previous = max(now, self.previous + 1)
        return self.previous


def monotonic(pts: Iterable[int | None], step: int, second: int) -> NDArray[np.int64]:
    """Presentation times [n] int64 from 0, strictly increasing: those of a `Clock`, counted from the first frame.

    >>> monotonic([10, 20, None, 15, 40], step=10, second=100).tolist()   # one missing, one a little too early
    [0, 10, 20, 21, 30]
    >>> monotonic([0, 1000, 0, 10], step=10, second=100).tolist()         # two recordings joined
    [0, 1000, 1010, 1020]
    """
    clock = Clock(step, second)
    out = np.array([clock.tick(p) for p in pts], dtype=np.int64)
    return out - out[0] if len(out) else out


@dataclass(frozen=True)
class Decoder:
    """Decodes the video stream of a file. A packet that does not decode is skipped, as players do.

    Attributes:
        path: the file, opened for every pass.
        time_base: seconds per tick of the stream.
        origin: the container's time of the first frame, in ticks.
        step: ticks that a frame without a time of its own lasts.
    """

    path: Path
    time_base: Fraction
    origin: int
    step: int

    @property
    def clock(self) -> Clock:
        return Clock(self.step, second=max(1, round(1 / self.time_base)))

    def frames(
        self,
        threads: int = 0,
        seek_to: int | None = None,
        *,
        fast: bool = False,
        whole: bool = False,
        part: Part | None = None,
    ) -> Generator[av.VideoFrame]:
        """All frames that decode, in order, not converted; their `pts` are ticks from `origin`.

        Args:
            threads: 0 for as many as are fastest, or as `limit_cores` says.
            seek_to: begin at the last key frame at or before this tick.
            fast: skip frames that no other frame needs, and do not smooth the edges between blocks.
            whole: the pass will go on to the end, so the first frames may come late where that makes it faster.
            part: what to decode; everything by default.

        Raises:
            VideoError: the file cannot be opened.
            av.FFmpegError: the container cannot seek.
        """
        clock = self.clock
        with self._opened(threads, seek_to, whole) as (container, stream):
            if fast:
                skip_unneeded(stream)
            for packet in _packets(container, stream, part):
                try:
                    # None asks for what the decoder still holds; a container that breaks off does not.
                    frames = stream.codec_context.decode(None) if packet is None else packet.decode()
                except (av.FFmpegError, ValueError):  # PyAV 19 finds no codec for a stream beyond our limits
                    frames = []
                for frame in frames:
                    assert isinstance(frame, av.VideoFrame)
                    frame.pts = clock.tick(frame.pts) - self.origin
                    yield frame
                if packet is None:
                    stream.codec_context.flush_buffers()  # what comes next does not refer to what came before

    def needed_frames(
        self,
        needed: Container[int],
        threads: int = 0,
        seek_to: int | None = None,
        *,
        whole: bool = False,
        part: Part | None = None,
    ) -> Generator[av.VideoFrame]:
        """The frames at these ticks and those that others refer to, the same as of `frames`, from a key frame on.

        Every packet that goes in must come out as a frame, in the order of their times. Only where `unreferenced` is
        known and the container's times are clean.

        Args:
            needed: ticks from `origin`.
            threads, seek_to, whole, part: as for `frames`.

        Raises:
            DoubtError: a frame does not come, comes damaged, or at another time, or a packet has none.
            VideoError: the file cannot be opened.
            av.FFmpegError: the container cannot seek.
        """
        with self._opened(threads, seek_to, whole) as (container, stream):
            is_unreferenced = unreferenced(container, stream)
            assert is_unreferenced is not None
            expected: list[int] = []  # a heap
            begin: int | None = None  # tick of the key frame that the decoder began with
            for packet in _packets(container, stream, part):
                if packet is not None and packet.size:
                    if packet.pts is None:
                        raise DoubtError
                    tick = packet.pts - self.origin
                    if begin is None and packet.is_keyframe:
                        begin = tick
                    # What is shown before that key frame may refer to what lies before it in the file.
                    if begin is None or tick < begin or (tick not in needed and is_unreferenced(bytes(packet))):
                        continue
                    if not packet.is_discard:  # by an edit list: it is decoded and not shown
                        heappush(expected, tick)
                for frame in _decoded(stream, packet):
                    tick = -1 if frame.pts is None else frame.pts - self.origin
                    if frame.is_corrupt or not expected or tick != heappop(expected):
                        raise DoubtError
                    frame.pts = tick
                    yield frame
                if packet is None:
                    if expected:
                        raise DoubtError
                    stream.codec_context.flush_buffers()
                    begin = None

    @contextmanager
    def _opened(
        self, threads: int, seek_to: int | None, whole: bool
    ) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads or core_limit() or (threads_for_all(stream) if whole else 0)
            stream.codec_context.options = dict(LIMITS)
            if seek_to is not None:
                container.seek(seek_to + self.origin, stream=stream)
            yield container, stream


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream, part: Part | None
) -> "Iterator[av.Packet[Any] | None]":
    """Of everything or of a part; None where the decoder must give what it holds and forget it, and so at the end."""
    read = packets(container, stream)
    return chain(read if part is None else part.packets(read), [None])


def _decoded(stream: av.VideoStream, packet: "av.Packet[Any] | None") -> list[av.VideoFrame]:
    """What comes out of the decoder for this packet; of None, all that it still holds."""
    try:
        return stream.codec_context.decode(packet)
    except av.EOFError:  # it has been emptied already
        return []
    except (av.FFmpegError, ValueError):
        raise DoubtError from None


def with_lost_frames(
    frames: Generator[av.VideoFrame],
    decoder: Decoder,
    promised: NDArray[np.int64],
    *,
    from_start: bool,
    seekable: bool,
    fragile: bool,
) -> Iterator[av.VideoFrame]:
    """The frames of a decoder with several threads, and those that it has lost after damage.

    Several threads lose more than one does. All of them give up the frames that they hold when an error comes near the
    end of the file; those of dav1d (AV1) lose frames after every error. So frames are compared with the times that the
    container promises, and where some are missing, a second decoder with one thread decodes the rest. A file then has
    the same frames with any number of threads; an undamaged file is decoded once.

    Args:
        promised: [n] ticks of the frames that the container promises.
        from_start: the frames begin with the first of the file, not after a seek.
        seekable: a frame's time identifies it, so the second decoder need not begin at the start of the file.
        fragile: the threads lose frames after every error, not only near the end.
    """
    count, last = 0, -1
    for frame in frames:
        if fragile and from_start and count < len(promised) and frame.pts != promised[count]:
            break
        count, last = count + 1, frame.pts or 0
        yield frame
    frames.close()
    ends_early = last < promised[-1] if seekable else count < len(promised)
    if ends_early and (count or from_start):
        yield from _frames_after(last, decoder, seekable)


def _frames_after(last: int, decoder: Decoder, seekable: bool) -> Iterator[av.VideoFrame]:
    """All frames after this tick, by one thread."""
    if seekable and last >= 0:
        with suppress(av.FFmpegError):  # the container cannot seek
            frames = decoder.frames(1, last)
            first = next(frames, None)
            if first is not None and (first.pts or 0) <= last:
                yield from (frame for frame in frames if (frame.pts or 0) > last)
                return
            frames.close()
    yield from (frame for frame in decoder.frames(1) if (frame.pts or 0) > last)
