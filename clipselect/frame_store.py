"""Frames of training videos: squashed and kept on disk while there is room, decoded anew where there is none."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.clips import read_clip
from clipselect.errors import VideoError
from clipselect.grid import Clip, Timeline, frames_to_score
from clipselect.index import signature
from clipselect.sources import open_source
from clipselect.video import Source, TimelineChanged

STEADY = 3
"""A file that decodes otherwise than its index promised has settled after as many passes."""
COUNT_EVERY = 30.0
"""Seconds after which the folder is counted anew: other processes keep frames there, too."""
BYTES_PER_TIME, BYTES_PER_VIDEO = 24, 256


@dataclass(frozen=True)
class Kept:
    """What the disk holds of a video: [n, size, size, 3] uint8 and when each of the n frames is shown."""

    pictures: NDArray[np.uint8]
    timeline: Timeline


@dataclass
class FrameStore:
    """Clips of videos as [T, size, size, 3] uint8, without decoding a video twice as long as the disk allows.

    Attributes:
        folder: where frames are kept, one .npy per video and one .json with their times.
        size: frames are squashed to size x size.
        rate: at most so many frames per second are kept of a video.
        limit: bytes that the folder may hold; videos that come later are decoded whenever they are needed.
        fps: frames per second of folders of frames.
    """

    folder: Path
    size: int
    rate: Fraction
    limit: int
    fps: float = 30.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.used, self.counted = _bytes_in(self.folder), time.monotonic()

    def duration(self, path: str) -> Fraction:
        """Seconds of the video; decodes and keeps it, if it is not yet.

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
        window = _within(found.timeline, start, length)
        if isinstance(found, Kept):
            return np.asarray(found.pictures[frames_to_score(found.timeline, window, frames)])
        try:
            return read_clip(found, window, self.size, frames)
        except VideoError:  # fewer frames decode than its index promised
            found = _settled(found)
            return read_clip(found, _within(found.timeline, start, length), self.size, frames)

    def _find(self, path: str) -> Kept | Source:
        stem = self.folder / self._key(path)
        frames, times = stem.with_suffix(".npy"), stem.with_suffix(".json")
        return _read(frames, times) or self._keep(path, frames, times)

    def _keep(self, path: str, frames: Path, times: Path) -> Kept | Source:
        """Keep a video; the video itself if there is no room for it."""
        source: Source = open_source(path, fps=self.fps)
        for _ in range(STEADY):
            wanted = _at_rate(source.timeline, self.rate)
            if not self._has_room(len(wanted)):
                return source
            try:
                pictures = np.stack([picture for _, picture in source.frames(wanted, self.size)])
            except TimelineChanged as changed:
                source = source.retime(changed.timeline)
            else:
                break
        else:
            return source
        kept = Kept(pictures, Timeline(source.timeline.pts[wanted], source.timeline.end, source.timeline.time_base))
        part = frames.with_suffix(f".{os.getpid()}.part")  # other processes may be at the same video
        try:
            with part.open("wb") as file:
                np.save(file, kept.pictures, allow_pickle=False)
            part.replace(frames)
            part.write_text(_as_json(kept.timeline))
            part.replace(times)  # last: with it the frames are there whole
        except OSError:  # a full disk is no room
            part.unlink(missing_ok=True)
            self.limit = 0
        else:
            self.used += frames.stat().st_size + times.stat().st_size
        return kept

    def _has_room(self, frames: int) -> bool:
        if time.monotonic() - self.counted > COUNT_EVERY:
            self.used, self.counted = _bytes_in(self.folder), time.monotonic()
        return self.used + frames * (self.size**2 * 3 + BYTES_PER_TIME) + BYTES_PER_VIDEO <= self.limit

    def _key(self, path: str) -> str:
        identity = f"{os.path.realpath(path)} {signature(path)} {self.size} {self.rate} {self.fps}"
        return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _read(frames: Path, times: Path) -> Kept | None:
    """What is kept; None if nothing is, or something that a crash left damaged."""
    try:
        content = json.loads(times.read_text())
        timeline = Timeline(np.array(content["pts"], dtype=np.int64), content["end"], Fraction(content["time_base"]))
        pictures = np.load(frames, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return Kept(pictures, timeline) if len(pictures) == len(timeline.pts) else None


def _as_json(timeline: Timeline) -> str:
    return json.dumps({"pts": timeline.pts.tolist(), "end": timeline.end, "time_base": str(timeline.time_base)})


def _settled(source: Source) -> Source:
    """The source with the times of the frames that really decode."""
    try:
        for _ in source.frames(np.empty(0, np.int64), 1):
            pass
    except TimelineChanged as changed:
        return source.retime(changed.timeline)
    return source


def _bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.iterdir():
        try:
            total += file.stat().st_size
        except FileNotFoundError:  # another process has just given it its name
            continue
    return total


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
