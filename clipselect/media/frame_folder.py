"""A folder of images as a video."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Seconds, Timeline, frame_rate
from clipselect.media.container import LIMITS
from clipselect.media.images import Image
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.scaling import Convert, shown_aspect, squash

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


@dataclass
class FrameFolder:
    """A folder with one image per frame, in the natural order of their names (frame2 before frame10). A `Source`.

    The image before stands in for one that cannot be read, with a warning.

    Attributes:
        first_readable: the first image that can be read, which stands in for those before it.
    """

    path: Path
    timeline: Timeline
    images: list[Path]
    first_readable: av.VideoFrame
    warnings: tuple[str, ...] = ()
    start_time: Fraction = Fraction(0)

    @classmethod
    def open(cls, path: Path, fps: Seconds) -> "FrameFolder":
        """List the images; errors as for `open_source`."""
        images = sorted((p for p in path.iterdir() if _is_image(p)), key=lambda p: natural_order(p.name))
        if not images:
            raise VideoError(f"{path}: a folder without frames; give a folder of .jpg or .png images, or video files")
        first_readable = _first_readable(images)
        if first_readable is None:
            raise VideoError(f"{path}: not one of its {len(images)} images can be read; check the files")
        rate = frame_rate(fps)
        timeline = Timeline(np.arange(len(images)), len(images), 1 / rate)
        return cls(path, timeline, images, first_readable)

    @property
    def seek_cost(self) -> float:
        return 0

    @property
    def packets(self) -> PacketSizes:
        sizes = np.array([image.stat().st_size for image in self.images], np.int64)
        return PacketSizes(self.timeline, self.start_time, sizes, np.ones(len(sizes), bool), np.arange(len(sizes)))

    @property
    def aspect(self) -> float:
        return shown_aspect(self.first_readable)

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        return self.converted(wanted, partial(squash, size=size))

    def converted(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        unreadable = []
        last, before = convert(self.first_readable), -1
        for i in wanted.tolist():
            frame = _read_image(self.images[i])
            if frame is None:
                unreadable.append(self.images[i].name)
                frame = _first_readable(reversed(self.images[before + 1 : i]))
            if frame is not None:
                last = convert(frame)
            before = i
            yield i, last
        if unreadable:
            self.warnings = (
                f"{len(unreadable)} of the {len(wanted)} images needed cannot be read ({unreadable[0]} is the first); "
                "the image before stands in",
            )

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        frame = None
        for i in range(first, last + 1):
            frame = _read_image(self.images[i]) or frame or _first_readable(reversed(self.images[:i]))
            frame = frame or self.first_readable
            frame.pts = i
            yield frame

    def with_timeline(self, timeline: Timeline) -> "FrameFolder":
        return replace(self, timeline=timeline)


def natural_order(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names with numbers in them by the numbers.

    >>> sorted(["frame10", "frame2"], key=natural_order)
    ['frame2', 'frame10']
    """
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _first_readable(images: Iterable[Path]) -> av.VideoFrame | None:
    return next((frame for image in images if (frame := _read_image(image)) is not None), None)


def _read_image(path: Path) -> av.VideoFrame | None:
    try:
        with path.open("rb") as file, av.open(file) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = LIMITS
            return next(iter(container.decode(stream)))
    except (av.FFmpegError, OSError, StopIteration, IndexError, ValueError):
        return None
