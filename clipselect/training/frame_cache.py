"""Frames of training videos: scaled and cached on disk while there is room, decoded again where there is none.

A clip is the same either way: it is chosen among the frames that would be cached, by the times at which they really
decode, not those that the container promises. Finding these takes one pass over a video, whose result is cached:

    FOLDER/KE/KEY.json    when the frames of a video are shown, all of them, and the size at which they are cached; some
                          kilobytes, for every video
    FOLDER/KE/KEY.npy     the cached frames, at most `rate` per second
    FOLDER/ledger         the sizes of the .npy files, see `SizeLedger`
    FOLDER/parts          files that are not whole yet

Why no cache library (diskcache): it makes room by evicting, and in a training, which visits all videos in turn, a video
is evicted before its turn comes again; this cache keeps the first ones and decodes the rest. And its SQLite database in
WAL mode must not lie on a network drive, where the machines of one training share this folder.
"""

import hashlib
import io
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import check_argument
from clipselect.index.index_file import signature
from clipselect.media.candidate_clips import Timeline, frame_rate, frames_to_score, window_within
from clipselect.media.clip_decoding import read_frames
from clipselect.media.files import DISK_FULL
from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.read_again import settled
from clipselect.media.scaling import Convert, scaled
from clipselect.media.sources import Source, open_source
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.threads import decoding_threads
from clipselect.training.size_ledger import SizeLedger

MAX_VIDEO_FRACTION = 0.1
"""A video that takes more than this fraction of the limit is not cached: it would keep out many others."""
MIN_STALE_SECONDS = 3600.0
"""Time without a write after which a file that is not whole was left by a process that was killed."""
HEADER_BYTES = 128
"""Bytes of an .npy before its frames."""
CROP_MARGIN, FRAME_DENSITY = 1.15, 2
"""Frames are cached a little larger than the clips, which are crops of them, and twice as dense in time."""
MAX_OPEN_SOURCES = 64
"""Videos of which a process remembers what their containers say."""
MAX_LAYOUTS = 512
"""Videos of which a process remembers what a pass has seen: about 25 KB for each minute."""


Frames = tuple[Timeline, Callable[[NDArray[np.int64]], NDArray[np.uint8]]]
"""When each of a video's n frames at the rate of the cache is shown, and what reads k of them by their indices [k]:
[k, h, w, 3]."""


@dataclass(frozen=True)
class Layout:
    """When all frames of a video are shown, which of them are cached, and at what height and width."""

    timeline: Timeline
    wanted: NDArray[np.int64]
    shape: tuple[int, int]


@dataclass
class FrameCache:
    """Clips of videos as [T, h, w, 3] uint8, without decoding a video twice as long as the disk allows.

    Attributes:
        folder: see the top of this file; processes may share it.
        size: pixels of the shorter side of frames, and of both where the geometry squashes.
        rate: the most frames per second that are cached of a video, and shown in its clips.
        limit: bytes that frames may take on the disk; videos that come later, and those that would take more than a
            tenth of it, are decoded whenever they are needed. 0 in this process once the disk is full.
        fps: frames per second of folders of frames.
        geometry: how frames are scaled; what is cropped is up to the caller.
    """

    folder: Path
    size: int
    rate: Fraction
    limit: int
    fps: float = 30.0
    geometry: Geometry = SQUASH

    def __post_init__(self) -> None:
        self.parts = self.folder / "parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        self.ledger = SizeLedger(self.folder / "ledger")
        for part in self.parts.iterdir():
            with suppress(OSError):  # another process has just given it its name
                if time.time() - part.stat().st_mtime > MIN_STALE_SECONDS:
                    part.unlink()

    def duration(self, path: str) -> Fraction:
        """Seconds of the video, as far as it decodes.

        Raises:
            VideoError: the video cannot be read.
        """
        timeline, _ = self._find(path)
        return timeline.duration

    def clip(self, path: str, start: Fraction, length: Fraction, frames: int) -> NDArray[np.uint8]:
        """[frames, h, w, 3]: what is on screen in the middle of `frames` equal parts of the window, which is
        moved and cut so that it lies within the video.

        Raises:
            VideoError: the video cannot be read.
        """
        timeline, read = self._find(path)
        return read(frames_to_score(timeline, window_within(timeline, start, length), frames))

    def _find(self, path: str) -> Frames:
        key = self._key(path)
        frames, times = (self.folder / key[:2] / f"{key}{suffix}" for suffix in (".npy", ".json"))
        layout = self._layout(times)
        if layout is not None and (cached := self._cached(frames, layout)):
            return cached
        if layout is None or self._reserve(frames, layout):
            layout = self._decode(path, key, frames, times)
            if cached := self._cached(frames, layout):
                return cached
        source, timeline = _opened(path, self.fps, key, decoding_threads()), layout.timeline
        if not np.array_equal(source.timeline.pts, timeline.pts):
            source = source.with_timeline(timeline)  # without where it began, but its `pictures` only count
        wanted = layout.wanted
        return _only(timeline, wanted), lambda shown: read_frames(source, wanted[shown], _scale_to(layout.shape))

    def _layout(self, times: Path) -> Layout | None:
        """What a pass has seen; None if there was none, or what a crash left of it."""
        try:
            return _read_layout(times, times.stat().st_mtime_ns, self.rate)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _cached(self, frames: Path, layout: Layout) -> Frames | None:
        """The cached frames of a video; None if there are none, or they are damaged."""
        timeline, wanted = layout.timeline, layout.wanted
        try:
            pictures = np.load(frames, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if pictures.shape != (len(wanted), *layout.shape, 3):
            return None
        return _only(timeline, wanted), lambda shown: np.asarray(pictures[shown])

    def _decode(self, path: str, key: str, frames: Path, times: Path) -> Layout:
        """One pass over a video, which caches its frames if there is room, and its times in any case."""
        opened = _opened(path, self.fps, key, decoding_threads())
        aspect = 1.0 if self.geometry == SQUASH else opened.aspect
        shape = self.geometry.tight(self.size).picture_size(self.size, aspect)

        def read(source: Source) -> Iterator[Layout]:
            wanted = _at_rate(source.timeline, self.rate)
            layout = Layout(source.timeline, wanted, shape)
            if not (self._reserve(frames, layout) and self._put(frames, _as_npy(source, wanted, shape))):
                for _ in source.converted(wanted, _scale_to(shape)):
                    pass
            yield layout

        [layout] = settled(opened, read)
        self._put(times, [_as_json(layout)])
        return layout

    def _reserve(self, frames: Path, layout: Layout) -> bool:
        """Whether there is room for the frames of a video, which then counts as taken."""
        size = HEADER_BYTES + len(layout.wanted) * math.prod(layout.shape) * 3
        if size > MAX_VIDEO_FRACTION * self.limit:
            return False
        try:
            return self.ledger.reserve(frames.name, size, self.limit)
        except OSError as e:
            self._note(e)
            return False

    def _put(self, file: Path, content: Iterable[bytes]) -> bool:
        """Write a file piece by piece, whole or not at all; False if the disk does not let us."""
        part = self.parts / f"{file.name}.{platform.node()}.{os.getpid()}"  # others may be at the same video
        try:
            file.parent.mkdir(exist_ok=True)
            with part.open("wb") as opened:
                opened.writelines(content)
            part.replace(file)
        except av.FFmpegError:  # from the video, though it may be an OSError, too
            raise
        except OSError as e:
            self._note(e)
            return False
        finally:
            with suppress(OSError):
                part.unlink()
        return True

    def _note(self, error: OSError) -> None:
        """A full disk is not tried again."""
        if error.errno in DISK_FULL:
            self.limit = 0

    def _key(self, path: str) -> str:
        identity = f"{os.path.realpath(path)} {signature(path)} {self.size} {self.geometry} {self.rate} {self.fps}"
        return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def frame_cache(work: Path, input_spec: InputSpec, clip_duration: Fraction, gigabytes: float, fps: float) -> FrameCache:
    """The cache in a work folder for training on such clips.

    Raises:
        ArgumentError: `fps` or the size out of its range.
    """
    frame_rate(fps)
    check_argument(gigabytes >= 0, "cache_gigabytes", f"must be at least 0, got {gigabytes}")
    rate = FRAME_DENSITY * input_spec.clip_frames / clip_duration
    size, limit = round(CROP_MARGIN * input_spec.size), int(min(gigabytes, 1e9) * 1e9)
    return FrameCache(work / "frames", size, rate, limit, fps, input_spec.geometry.tight(size))


@lru_cache(MAX_OPEN_SOURCES)
def _opened(path: str, fps: float, key: str, threads: int) -> Source:
    """The video as it is under that key, its packets' times read once."""
    return open_source(path, fps=fps, threads=threads)


@lru_cache(MAX_LAYOUTS)
def _read_layout(times: Path, modified: int, rate: Fraction) -> Layout:
    """What a pass has seen; `modified` is the file's time of modification, so that another file is read again."""
    content = json.loads(times.read_bytes())
    height, width = content["shape"]
    pts, time_base = np.array(content["pts"], dtype=np.int64), Fraction(content["time_base"])
    timeline = Timeline(pts, content["end"], time_base)
    return Layout(timeline, _at_rate(timeline, rate), (height, width))


def _as_json(layout: Layout) -> bytes:
    timeline = layout.timeline
    content = {"pts": timeline.pts.tolist(), "end": timeline.end, "time_base": str(timeline.time_base)}
    content["shape"] = layout.shape
    return json.dumps(content).encode()


def _scale_to(shape: tuple[int, int]) -> Convert:
    height, width = shape
    return partial(scaled, width=width, height=height)


def _as_npy(source: Source, wanted: NDArray[np.int64], picture: tuple[int, int]) -> Iterator[bytes]:
    """The wanted frames as the pieces of an .npy: never more than one is in memory.

    Not a memory map: written beyond the end of a full disk, that kills the process.
    """
    header = io.BytesIO()
    shape = (len(wanted), *picture, 3)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for _, pixels in source.converted(wanted, _scale_to(picture)):
        yield pixels.tobytes()


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
