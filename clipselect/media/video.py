"""A video file through PyAV: the times of all frames first, then passes that convert only the frames asked for.

A pass leaves out frames that nobody needs, where it can; at the least doubt it raises `ReadAgain` for one over all.
A container's index can promise frames that its data do not hold. A pass over all frames compares what it decodes with
what the index promised, and raises `ReadAgain` at its end if they differ, with the video as it really decodes.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import dropwhile, islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Timeline
from clipselect.media.container import has_frame_threads, open_container, read_index, refuse_no_video, video_stream
from clipselect.media.decoder import Decoder, DoubtError, monotonic, with_lost_frames
from clipselect.media.fast import TooFewDecoded, fast_frames
from clipselect.media.images import Image
from clipselect.media.key_frames import Part
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.read_again import ReadAgain
from clipselect.media.scaling import Convert, shown_aspect, squash
from clipselect.media.unreferenced import unreferenced

SEEK_COST = 100
"""Frames: opening a file and decoding from the key frame before the one that is wanted took as long as decoding 26 to
290 frames of fourteen videos at hand, 120 in the middle."""
MAX_SEEKS = 3
"""To earlier and earlier key frames, before a video is decoded from its start."""
MAX_GAP = 1.5
"""Between frames, in parts of the usual gap; a missing packet makes it twice as long."""
FALLBACK_RATE = Fraction(25)
"""Frames per second of a container that does not say."""


@dataclass(frozen=True)
class VideoFile:
    """A video file read by PyAV: its first video stream that is not a cover picture. A `Source`.

    Attributes:
        pixel_aspect: width over height of a pixel.
        packets: what its frames take in the file.
        seekable: the container's own times are clean, so a frame's time identifies it after a seek. AVI has none, and
            FFmpeg guesses them where frames are stored in another order than they are shown.
        threads: that decode; 0 for as many as are fastest.
        fragile: its decoder's threads lose frames after every error, see `with_lost_frames`.
        suits_fast: no fast pass over it has found too many skipped frames in a row.
        can_skip: frames that nobody needs can be left out: none is missing in the file, and no pass has ended in doubt.
        part: what `frames` decodes, and can be asked for; None for everything.
    """

    path: Path
    timeline: Timeline
    start_time: Fraction
    warnings: tuple[str, ...]
    pixel_aspect: Fraction
    decoder: Decoder
    packets: PacketSizes
    seekable: bool
    threads: int = 0
    fragile: bool = False
    suits_fast: bool = True
    can_skip: bool = False
    part: Part | None = None

    @classmethod
    def open(cls, path: Path, threads: int = 0) -> "VideoFile":
        """Read the packets' times, decoding nothing; errors as for `open_source`."""
        with open_container(path) as container:
            stream = video_stream(container, path)
            base = stream.time_base or Fraction(1, 90_000)
            index = read_index(container, stream)
            refuse_no_video(container, len(index.pts), path)
            pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
            rate = stream.average_rate or stream.guessed_rate or FALLBACK_RATE
            guessed = container.format.name == "avi" and stream.codec_context.has_b_frames
            fragile, skips = not has_frame_threads(stream), unreferenced(container, stream) is not None
        if not index.pts:
            raise VideoError(f"{path}: the video stream holds no frames; check the file")
        decoder = Decoder(path, base, origin=index.pts[0] or 0, step=max(1, round(1 / rate / base)))
        pts = monotonic(index.pts, decoder.step, decoder.clock.second)
        seekable = [None if p is None else p - decoder.origin for p in index.pts] == pts.tolist() and not guessed
        timeline = Timeline(pts, int(pts[-1]) + (index.last_duration or _usual_gap(pts) or decoder.step), base)
        warnings = (index.broken,) if index.broken else ()
        start_time = decoder.origin * base
        packets = PacketSizes(
            timeline, start_time, np.array(index.sizes, np.int64), np.array(index.is_key), np.array(index.gop)
        )
        return cls(
            path, timeline, start_time, warnings, pixel_aspect, decoder, packets, seekable, threads, fragile,
            can_skip=skips and seekable and not _has_gaps(pts),
        )  # fmt: skip

    @property
    def seek_cost(self) -> float:
        return SEEK_COST if self.seekable else math.inf

    @cached_property
    def aspect(self) -> float:
        frame = next(iter(self.decode()), None)
        if frame is None:
            raise nothing_decodes(self.path)
        return shown_aspect(frame, self.pixel_aspect)

    def with_timeline(self, timeline: Timeline) -> "VideoFile":
        promised, decoded = self.timeline.pts, timeline.pts
        shift = int(decoded[0])
        warnings = self.warnings
        if len(decoded) < len(promised):
            second = float(np.setdiff1d(promised, decoded)[0] * self.timeline.time_base)
            warnings = ("; ".join([broken_at(second, len(decoded), len(promised), "scored"), *warnings]),)
        return replace(
            self,
            timeline=replace(timeline, pts=decoded - shift, end=timeline.end - shift),
            start_time=self.start_time + shift * timeline.time_base,
            decoder=replace(self.decoder, origin=self.decoder.origin + shift),
            seekable=False,
            can_skip=False,
            warnings=warnings,
        )

    @property
    def can_be_fast(self) -> bool:
        """Whether a fast pass decodes less than all of it; otherwise frames are exact even if asked for fast."""
        return self.seekable and self.suits_fast

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        if fast and self.can_be_fast:
            decoded = self.decode(fast=True, whole=True)
            try:
                yield from fast_frames(decoded, self.timeline.pts, wanted, size)
            except TooFewDecoded:
                raise ReadAgain(replace(self, suits_fast=False)) from None
        else:
            yield from self.converted(wanted, partial(squash, size=size))

    def converted(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        if self.can_skip:
            yield from self._without_others(wanted, convert)
        elif self.part is not None:
            yield from self._of_part(self.part, wanted, convert)
        else:
            yield from self._among_all(wanted, convert)

    def _among_all(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        """Decode every frame, and compare their times with those that the container promised."""
        seen: list[int] = []
        targets = iter(wanted.tolist())
        target = next(targets, None)
        for frame in self.decode(whole=True):
            if target == len(seen):
                yield target, convert(frame)
                target = next(targets, None)
            seen.append(frame.pts or 0)
        self._compare(seen)

    def _of_part(self, part: Part, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        decoded = self.decoder.frames(self.threads, whole=True, part=part)
        found = 0
        for found, frame in enumerate(_at(decoded, self.timeline.pts[wanted].tolist()), start=1):
            yield int(wanted[found - 1]), convert(frame)
        if found < len(wanted):
            raise ReadAgain(replace(self, part=None))

    def _without_others(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        """Decode no frame that is neither wanted nor referred to. The first and the last frame of a video are wanted in
        any case, since containers are wrong there most often."""
        ends = [] if self.part is not None else [0, len(self.timeline.pts) - 1]
        looked_at, to_yield = np.union1d(wanted, ends).astype(np.int64), frozenset(wanted.tolist())
        ticks = self.timeline.pts[looked_at].tolist()
        decoded = self.decoder.needed_frames(frozenset(ticks), self.threads, whole=True, part=self.part)
        found = 0
        with suppress(DoubtError):
            for index, frame in zip(looked_at.tolist(), _at(decoded, ticks), strict=False):
                found += 1
                if index in to_yield:
                    yield index, convert(frame)
            if found == len(looked_at):
                return
        raise ReadAgain(replace(self, part=None, can_skip=False))

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        wanted = self.timeline.pts[first : last + 1].tolist()
        found = 0
        keys = self._keys_before(first) if self.seekable and first > 0 else []
        for key in reversed(keys[-MAX_SEEKS:]):
            with suppress(av.FFmpegError, DoubtError):  # the container cannot seek, or frames do not come as promised
                # Before the first key frame come wrong ones, where a seek has led amidst a group of pictures.
                frames = dropwhile(lambda frame: frame.pts not in keys, self._from_tick(key, wanted))
                for frame in _at(frames, wanted):
                    found += 1
                    yield frame
            if found:
                break
        if found == len(wanted):
            return
        # What damage does to pixels depends on the number of threads: as many as in `frames`.
        decoded = self.decode(whole=not self.seekable)
        if self.seekable:
            yield from _at(decoded, wanted[found:])
        else:
            yield from islice(decoded, first + found, last + 1)

    def _keys_before(self, first: int) -> list[int]:
        """Ticks of the key frames up to this frame. Some containers seek by the times of decoding, or not to every key
        frame, and overshoot; asked for one further back they get there."""
        keys: list[int] = self.timeline.pts[: first + 1][self.packets.is_key[: first + 1]].tolist()
        return keys

    def _from_tick(self, seek_to: int, wanted: list[int]) -> Iterator[av.VideoFrame]:
        """Frames from about this tick on, of which those may be missing that nobody needs."""
        if self.can_skip:
            return self.decoder.needed_frames(frozenset(wanted), self.threads, seek_to)
        return self.decode(seek_to)

    def decode(self, seek_to: int | None = None, *, fast: bool = False, whole: bool = False) -> Iterator[av.VideoFrame]:
        """All frames that decode, in order and not converted; their `pts` are ticks from the first promised frame.

        Args:
            seek_to: begin at the last key frame at or before this tick; only where `seekable`.
            fast, whole: as for `Decoder.frames`; fast only where `seekable`, for a frame without a clean time of its
                own could not be identified among skipped ones.
        """
        frames = self.decoder.frames(self.threads, seek_to, fast=fast, whole=whole)
        if fast or self.threads == 1:
            return frames
        how = {"from_start": seek_to is None, "seekable": self.seekable, "fragile": self.fragile}
        return with_lost_frames(frames, self.decoder, self.timeline.pts, **how)

    def _compare(self, seen: list[int]) -> None:
        """Raise ReadAgain if a pass has seen frames at other ticks than the timeline says."""
        if not seen:
            raise nothing_decodes(self.path)
        if np.array_equal(seen, self.timeline.pts):
            return
        pts = np.array(seen, dtype=np.int64)
        last = self.timeline.end - int(self.timeline.pts[-1]) if pts[-1] == self.timeline.pts[-1] else 0
        end = int(pts[-1]) + (last or _usual_gap(pts) or self.decoder.step)
        raise ReadAgain(self.with_timeline(replace(self.timeline, pts=pts, end=end)))


def nothing_decodes(path: Path | str) -> VideoError:
    return VideoError(f"{path}: not one frame of its video stream can be decoded")


def broken_at(second: float, decoded: int, promised: int, used: str) -> str:
    """A warning of frames that do not decode, the first at that second; `used` is what was done with the others."""
    return f"broken at {second:.2f} s: {decoded} of {promised} frames decode, and only those were {used}"


def _has_gaps(pts: NDArray[np.int64]) -> bool:
    """Whether a packet may be missing, as after a bad connection. What a decoder makes of the frames that refer to it
    depends on all frames that it gets."""
    return len(pts) > 1 and bool(np.diff(pts).max() > MAX_GAP * _usual_gap(pts))


def _usual_gap(pts: NDArray[np.int64]) -> int:
    """The median distance of neighbouring frames in ticks; 0 for a single frame."""
    return round(float(np.median(np.diff(pts)))) if len(pts) > 1 else 0


def _at(frames: Iterator[av.VideoFrame], ticks: list[int]) -> Iterator[av.VideoFrame]:
    """The frames at these ticks, up to the first one that is missing."""
    left = iter(ticks)
    tick = next(left, None)
    if tick is None:
        return
    for frame in frames:
        if (frame.pts or 0) > tick:
            return
        if frame.pts == tick:
            yield frame
            if (tick := next(left, None)) is None:
                return
