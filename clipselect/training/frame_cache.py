"""Frames of training videos: squashed and kept on disk while there is room, decoded anew where there is none.

A clip is the same either way: it is chosen among the frames that would be kept, by the times at which they really
decode, not those that the container promises. Finding these takes one pass over a video, whose result is kept:

    FOLDER/KE/KEY.json    when the frames of a video are shown, all of them; some kilobytes, for every video
    FOLDER/KE/KEY.npy     the frames that are kept of it, `rate` a second at most
    FOLDER/ledger         one byte for every `BLOCK` that any process has kept: its length tells the others
"""

import errno
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from clipselect.errors import check_argument
from clipselect.index.score_index import signature
from clipselect.media.candidates import Clip, Timeline, frames_to_score
from clipselect.media.clips import read_frames
from clipselect.media.sources import Source, open_source, settled
from clipselect.scoring.input_spec import InputSpec

MAX_VIDEO_FRACTION = 0.1
"""A video that takes more than this share of the limit is not kept: it would keep out many others."""
COUNT_EVERY = 600.0
"""Seconds after which the folder is counted anew; in between, the ledger tells what all processes keep."""
STALE = 3600.0
"""Seconds without a write after which a file that is not whole is what a killed process left."""
BLOCK, HEADER = 1 << 16, 128
"""Bytes that a byte of the ledger stands for, and bytes of an .npy before its frames."""
CROP_MARGIN, FRAME_DENSITY = 1.15, 2
"""Frames are cached a little larger than the clips, which are crops of them, and twice as dense in time."""
OPENED = 64
"""Videos of which a process remembers what their containers say."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class CachedFrames:
    """The frames of a video from the disk: [n, size, size, 3] uint8, and when each of the n is shown."""

    pictures: NDArray[np.uint8]
    timeline: Timeline

    def read(self, shown: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.asarray(self.pictures[shown])


@dataclass(frozen=True)
class DecodedFrames:
    """The same frames from the video, where they are those of indices `wanted` [n]."""

    source: Source
    wanted: NDArray[np.int64]
    size: int
    timeline: Timeline

    def read(self, shown: NDArray[np.int64]) -> NDArray[np.uint8]:
        return read_frames(self.source, self.wanted[shown], self.size)


@dataclass
class FrameCache:
    """Clips of videos as [T, size, size, 3] uint8, without decoding a video twice as long as the disk allows.

    Attributes:
        folder: where frames and times are kept, see the top of this file; processes may share it.
        size: frames are squashed to size x size.
        rate: at most so many frames per second are kept of a video, and shown in its clips.
        limit: bytes that frames may take on the disk; videos that come later, and those that would take more than a
            tenth of it, are decoded whenever they are needed. 0 in this process once the disk is full.
        fps: frames per second of folders of frames.
    """

    folder: Path
    size: int
    rate: Fraction
    limit: int
    fps: float = 30.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._count()

    def duration(self, path: str) -> Fraction:
        """Seconds of the video, as far as it decodes.

        Raises:
            VideoError: the video cannot be read.
        """
        return self._find(path).timeline.duration

    def clip(self, path: str, start: Fraction, length: Fraction, frames: int) -> NDArray[np.uint8]:
        """[frames, size, size, 3]: what is on screen in the middle of `frames` equal parts of the window, which is
        moved and cut so that it lies within the video.

        Raises:
            VideoError: the video cannot be read.
        """
        found = self._find(path)
        return found.read(frames_to_score(found.timeline, _within(found.timeline, start, length), frames))

    def _find(self, path: str) -> CachedFrames | DecodedFrames:
        key = self._key(path)
        frames, times = (self.folder / key[:2] / f"{key}{suffix}" for suffix in (".npy", ".json"))
        timeline = _read_times(times)
        if timeline is not None and (kept := self._kept(frames, timeline)):
            return kept
        if timeline is None or self._has_room(timeline):
            timeline = self._decode(path, key, frames, times)
            if kept := self._kept(frames, timeline):
                return kept
        source = _opened(path, self.fps, key, _threads())
        if not np.array_equal(source.timeline.pts, timeline.pts):
            source = source.with_timeline(timeline)  # without where it began, but its `pictures` only count
        wanted = _at_rate(timeline, self.rate)
        return DecodedFrames(source, wanted, self.size, _only(timeline, wanted))

    def _kept(self, frames: Path, timeline: Timeline) -> CachedFrames | None:
        """What is kept of a video; None if nothing is, or something damaged."""
        wanted = _at_rate(timeline, self.rate)
        try:
            pictures = np.load(frames, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = pictures.shape == (len(wanted), self.size, self.size, 3)
        return CachedFrames(pictures, _only(timeline, wanted)) if whole else None

    def _decode(self, path: str, key: str, frames: Path, times: Path) -> Timeline:
        """One pass over a video, which keeps its frames if there is room, and its times in any case."""

        def read(source: Source) -> Iterator[Timeline]:
            if not (self._has_room(source.timeline) and self._keep(source, frames)):
                for _ in source.frames(np.empty(0, np.int64), self.size):
                    pass
            yield source.timeline

        [timeline] = settled(_opened(path, self.fps, key, _threads()), read)
        self._put(times, [_as_json(timeline)])
        return timeline

    def _keep(self, source: Source, frames: Path) -> bool:
        with suppress(OSError), (self.folder / "ledger").open("ab") as ledger:
            ledger.write(bytes(-(-self._bytes(source.timeline) // BLOCK)))
        return self._put(frames, _as_npy(source, _at_rate(source.timeline, self.rate), self.size))

    def _put(self, file: Path, content: Iterable[bytes]) -> bool:
        """Write a file piece by piece, whole or not at all; False if the disk does not let us."""
        part = file.with_name(f"{file.name}.{platform.node()}.{os.getpid()}.part")  # others may be at the same video
        try:
            file.parent.mkdir(exist_ok=True)
            with part.open("wb") as opened:
                opened.writelines(content)
            part.replace(file)
        except av.FFmpegError:  # from the video, though it may be an OSError, too
            raise
        except OSError as e:
            if e.errno in FULL:
                self.limit = 0
            return False
        finally:
            with suppress(OSError):
                part.unlink()
        return True

    def _has_room(self, timeline: Timeline) -> bool:
        needed = self._bytes(timeline)
        if needed > MAX_VIDEO_FRACTION * self.limit:
            return False
        if time.monotonic() - self.last_count > COUNT_EVERY:
            self._count()
        since = BLOCK * (_length(self.folder / "ledger") - self.ledger_then)
        return self.used + since + needed <= self.limit

    def _bytes(self, timeline: Timeline) -> int:
        return HEADER + len(_at_rate(timeline, self.rate)) * self.size**2 * 3

    def _count(self) -> None:
        self.last_count, self.ledger_then = time.monotonic(), _length(self.folder / "ledger")
        self.used = _tidy(self.folder)

    def _key(self, path: str) -> str:
        identity = f"{os.path.realpath(path)} {signature(path)} {self.size} {self.rate} {self.fps}"
        return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def frame_cache(work: Path, input_spec: InputSpec, clip_duration: Fraction, gigabytes: float, fps: float) -> FrameCache:
    """The cache in a work folder for training on such clips.

    Raises:
        ArgumentError: `fps` out of its range.
    """
    check_argument(0.001 <= fps <= 10_000, "fps", f"must lie between 0.001 and 10000, got {fps}")
    rate = FRAME_DENSITY * input_spec.clip_frames / clip_duration
    return FrameCache(work / "frames", round(CROP_MARGIN * input_spec.size), rate, int(min(gigabytes, 1e9) * 1e9), fps)


@lru_cache(OPENED)
def _opened(path: str, fps: float, key: str, threads: int) -> Source:
    """The video as it is under that key, its packets' times read once."""
    return open_source(path, fps=fps, threads=threads)


def _threads() -> int:
    """That decode: workers are many already."""
    return int(get_worker_info() is not None)


def _read_times(times: Path) -> Timeline | None:
    """The times that a pass has seen; None if there was none, or what a crash left of them."""
    try:
        content = json.loads(times.read_bytes())
        return Timeline(np.array(content["pts"], dtype=np.int64), content["end"], Fraction(content["time_base"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _as_json(timeline: Timeline) -> bytes:
    content = {"pts": timeline.pts.tolist(), "end": timeline.end, "time_base": str(timeline.time_base)}
    return json.dumps(content).encode()


def _as_npy(source: Source, wanted: NDArray[np.int64], size: int) -> Iterator[bytes]:
    """The wanted frames as the pieces of an .npy: never more than one is in memory.

    Not a memory map: written beyond the end of a full disk, that kills the process.
    """
    header = io.BytesIO()
    shape = (len(wanted), size, size, 3)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for _, picture in source.frames(wanted, size):
        yield picture.tobytes()


def _tidy(folder: Path) -> int:
    """Bytes of all frames that are kept; removes what a killed process has left half-written."""
    total = 0
    for file in folder.glob("[0-9a-f][0-9a-f]/*"):
        with suppress(OSError):  # another process has just given it its name
            if file.suffix == ".npy":
                total += file.stat().st_size
            elif file.suffix == ".part" and time.time() - file.stat().st_mtime > STALE:
                file.unlink()
    return total


def _length(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _only(timeline: Timeline, wanted: NDArray[np.int64]) -> Timeline:
    return Timeline(timeline.pts[wanted], timeline.end, timeline.time_base)


def _at_rate(timeline: Timeline, rate: Fraction) -> NDArray[np.int64]:
    """Indices of the frames on screen at every 1 / rate seconds; all of them where the video has no more."""
    ticks = 1 / rate / timeline.time_base
    count = max(int(timeline.end / ticks), 1)
    if count >= len(timeline.pts):
        return np.arange(len(timeline.pts))
    shown = np.searchsorted(timeline.pts, np.arange(count) * float(ticks), side="right") - 1
    return np.unique(shown)


def _within(timeline: Timeline, start: Fraction, length: Fraction) -> Clip:
    length = min(length, timeline.duration)
    start = min(max(start, Fraction(0)), timeline.duration - length)
    return Clip(start, start + length, 0, len(timeline.pts) - 1)
