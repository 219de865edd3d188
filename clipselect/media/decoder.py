"""Frames of a video file, decoded by PyAV, at clean times: one decoder, and a second one for what threads of the
first lose."""

from collections.abc import Container, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.media.container import LIMITS, open_container, packets, threads_for_all, video_stream
from clipselect.media.cores import core_limit
from clipselect.media.fast import skip_unneeded
from clipselect.media.key_frames import Part


class BadPacketError(Exception):
    """A packet does not decode, in a pass that skips frames: which ones are missing cannot be known."""


SKIPPING = frozenset({"h264", "hevc", "mpeg2video"})
"""Decoders that may be told packet by packet to skip a frame that no other frame refers to. That of MPEG-4 could be,
too, but some of its files hold two frames in a packet, and then the others get wrong times."""


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
        needed: Container[int] | None = None,
    ) -> Generator[av.VideoFrame]:
        """All frames that decode, in order, not converted; their `pts` are ticks from `origin`.

        Args:
            threads: 0 for as many as are fastest, or as `limit_cores` says.
            seek_to: begin at the last key frame at or before this tick.
            fast: skip frames that no other frame needs, and do not smooth the edges between blocks.
            whole: the pass will go on to the end, so the first frames may come late where that makes it faster.
            part: what to decode; everything by default.
            needed: ticks of frames that must be decoded; others are skipped where none refers to them. Only where a
                frame's time identifies it, and `can_skip` says that the decoder can. All by default.

        Raises:
            VideoError: the file cannot be opened.
            av.FFmpegError: the container cannot seek.
            BadPacketError: with `needed`: a packet does not decode.
        """
        clock = self.clock
        with open_container(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads or core_limit() or (threads_for_all(stream) if whole else 0)
            stream.codec_context.options = dict(LIMITS)
            if fast:
                skip_unneeded(stream)
            if seek_to is not None:
                container.seek(seek_to + self.origin, stream=stream)
            read = packets(container, stream)
            for packet in chain(read if part is None else part.packets(read), [None]):
                if needed is not None and packet is not None:
                    is_needed = packet.pts is None or packet.pts - self.origin in needed
                    stream.codec_context.skip_frame = "DEFAULT" if is_needed else "NONREF"
                try:
                    # None asks for what the decoder still holds; a container that breaks off does not.
                    frames = stream.codec_context.decode(None) if packet is None else packet.decode()
                except (av.FFmpegError, ValueError):  # PyAV 19 finds no codec for a stream beyond our limits
                    if needed is not None and packet is not None and packet.size:
                        raise BadPacketError from None
                    frames = []
                for frame in frames:
                    assert isinstance(frame, av.VideoFrame)
                    frame.pts = clock.tick(frame.pts) - self.origin
                    yield frame
                if packet is None:
                    stream.codec_context.flush_buffers()  # what comes next does not refer to what came before


def can_skip(container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    """Whether its decoder can be told which frames are needed, see `Decoder.frames`. AVI keeps no times by which a
    packet's frame could be known before it is decoded."""
    return stream.codec_context.name in SKIPPING and container.format.name != "avi"


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
