"""What can be scored: a video file through PyAV or decord, or a folder of frames. All of them are a `Source`.

Containers promise frames that their data do not hold, and only a whole pass over a file finds that out. `settled` is
the one place that then reads again; everything above it sees videos as they really decode.
"""

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError, VideoError
from clipselect.media.candidates import Seconds, Timeline, exact_seconds
from clipselect.media.container import LIMITS
from clipselect.media.squash import Frame, squash
from clipselect.media.video import ReadAgain, VideoFile

T = TypeVar("T")

Backend = Literal["pyav", "decord"]

MAX_PASSES = 3
"""A file that decodes otherwise than its index promised decodes the same way the second time; one that cannot be read
fast either needs a third pass."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


class Source(Protocol):
    """A video whose frames can be scored.

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

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Frame]]:
        """Decode once, forwards, and yield (index, [size, size, 3] uint8 RGB, squashed) for every wanted index.

        Read through `settled`: a pass may turn out void.

        Args:
            wanted: increasing frame indices.
            fast: skip what decodes slowly, where that is possible; see `clipselect.media.fast`.
        """
        ...

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        """The frames `first` to `last`, both inclusive, at full size and as stored: not turned upright."""
        ...

    def with_timeline(self, timeline: Timeline) -> "Source":
        """The same video with the times that an earlier pass over it has found."""
        ...


def settled(source: Source, read: Callable[[Source], Iterator[T]]) -> Iterator[T]:
    """What `read` yields for the video as it really decodes.

    A file that decodes otherwise than its container promised is read again, from the start and with the frames that it
    really holds. `read` is then called again with that source, and what it yielded before is void. It is for `read` to
    mark where a pass begins, as `clipselect.media.clips.clip_batches` does, or to yield nothing before a pass is over.

    Why a function that is called again, and not a source that checks itself first: a check costs a whole pass, and
    nearly all files are as their containers say. They are read once. And why a generator: an hour of video must not
    be in memory.

    Raises:
        VideoError: the video decodes differently every time.
    """
    for _ in range(MAX_PASSES):
        try:
            yield from read(source)
            return
        except ReadAgain as again:
            source = again.source
    raise VideoError(f"{source.path}: decodes differently every time; convert it, say to H.264")


def open_source(path: Path | str, *, decoder: Backend = "pyav", fps: Seconds = 30, threads: int = 0) -> Source:
    """A video file or a folder of frames, ready to be scored.

    Args:
        decoder: "pyav" (the default) or "decord", for files.
        fps: frames per second of a folder of frames, which cannot say it itself.
        threads: that decode a file; 0 for as many as pay.

    Raises:
        VideoError: the path does not exist, is not a video, or holds no frames.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return FrameFolder.open(path, fps)
        if not stat.S_ISREG(mode):
            raise VideoError(f"{path}: not a file that can be read twice; save it to a file first")
        with path.open("rb"):
            pass
    except FileNotFoundError as e:
        raise VideoError(f"{path}: no such file; check the path") from e
    except OSError as e:
        raise VideoError(f"{path}: cannot be read ({e.strerror}); check its name and permissions") from e
    except ValueError as e:  # a NUL
        raise VideoError(f"{path}: no possible name of a file; check where it comes from") from e
    return (DecordFile if decoder == "decord" else VideoFile).open(path, threads)


@dataclass
class FrameFolder:
    """A folder with one image per frame, in the natural order of their names (frame2 before frame10).

    An image that cannot be read is replaced by the last one that could, with a warning.
    """

    path: Path
    timeline: Timeline
    images: list[Path]
    first_readable: av.VideoFrame
    warnings: tuple[str, ...] = ()
    start_time: Fraction = Fraction(0)

    @classmethod
    def open(cls, path: Path, fps: Seconds) -> "FrameFolder":
        images = sorted((p for p in path.iterdir() if _is_image(p)), key=lambda p: natural_order(p.name))
        if not images:
            raise VideoError(f"{path}: a folder without frames; give a folder of .jpg or .png images, or video files")
        first_readable = next((frame for image in images if (frame := _read_image(image)) is not None), None)
        if first_readable is None:
            raise VideoError(f"{path}: not one of its {len(images)} images can be read; check the files")
        rate = exact_seconds(fps, "fps").limit_denominator(100_000)
        timeline = Timeline(np.arange(len(images)), len(images), 1 / rate)
        return cls(path, timeline, images, first_readable)

    @property
    def aspect(self) -> float:
        return self.first_readable.width / self.first_readable.height

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Frame]]:
        unreadable = []
        last, before = squash(self.first_readable, size), -1
        for i in wanted.tolist():
            frame = _read_image(self.images[i])
            if frame is None:
                unreadable.append(self.images[i].name)
                between = (_read_image(self.images[j]) for j in range(i - 1, before, -1))
                frame = next((image for image in between if image is not None), None)
            if frame is not None:
                last = squash(frame, size)
            before = i
            yield i, last
        if unreadable:
            self.warnings = (
                f"{len(unreadable)} of the {len(wanted)} images needed cannot be read ({unreadable[0]} is the first); "
                "the image before stands in",
            )

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        before = (_read_image(self.images[i]) for i in range(first, -1, -1))
        frame = next((image for image in before if image is not None), self.first_readable)
        for i in range(first, last + 1):
            frame = _read_image(self.images[i]) or frame
            frame.pts = i
            yield frame

    def with_timeline(self, timeline: Timeline) -> "FrameFolder":
        return replace(self, timeline=timeline)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def natural_order(name: str) -> list[tuple[bool, int, str]]:
    """Sorts names with numbers in them by the numbers: frame2 before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _read_image(path: Path) -> av.VideoFrame | None:
    try:
        with path.open("rb") as file, av.open(file) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = LIMITS
            return next(iter(container.decode(stream)))
    except (av.FFmpegError, OSError, StopIteration, IndexError, ValueError):
        return None


class DecordFile(VideoFile):
    """A video file whose frames for scoring decord decodes; all else is as for `VideoFile`."""

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Frame]]:
        try:
            import decord
        except ImportError as e:
            raise ClipselectError("decord is not installed: pip install 'clipselect[decord]', or decode by pyav") from e
        expected = len(self.timeline.pts)
        try:
            reader = decord.VideoReader(str(self.path), width=size, height=size)
            found = len(reader)
            for i in wanted.tolist() if found == expected else []:
                yield i, reader[i].asnumpy()
        except (decord.DECORDError, RuntimeError) as e:
            raise VideoError(f"{self.path}: decord cannot decode it; try --decoder pyav") from e
        if found != expected:
            raise VideoError(f"{self.path}: decord finds {found} frames, its container {expected}; try --decoder pyav")
