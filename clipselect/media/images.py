"""Images: any file that OpenCV decodes, as RGB, and squashed as frames of videos are (`clipselect.media.scaling`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ImageError
from clipselect.media.optional import require

Image = NDArray[np.uint8]
"""[h, w, 3] uint8 RGB: an image, or a frame of a video."""
Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class FrameOrigin:
    """Where a frame of a group comes from.

    Attributes:
        path: of an image.
        frame: number in its video, counted from 0.
        time: seconds from the first frame of the video.
        box: left, top, width and height in pixels of where it was found.
    """

    path: Path | None = None
    frame: int | None = None
    time: float | None = None
    box: tuple[float, float, float, float] | None = None


def opencv() -> ModuleType:
    """OpenCV's `cv2`, which images need and videos do not.

    Never a requirement: its two distributions overwrite each other, and many have the other one already.

    Raises:
        MissingLibraryError: see `require`.
    """
    return require("cv2", "work on images")


def read_image(path: Path | str) -> Image:
    """An image file as [h, w, 3] uint8 RGB, turned upright by its EXIF orientation.

    Grey becomes three equal channels, transparency is dropped (the colours beneath it stay), 16 bits are scaled to 8.

    Raises:
        ImageError: missing, unreadable, cut off, or not an image.
    """
    cv2 = opencv()

    try:
        data = np.fromfile(path, np.uint8)  # OpenCV's own reading fails on some file names and prints to the terminal
    except (OSError, ValueError) as e:
        raise ImageError(f"{path}: cannot be read ({getattr(e, 'strerror', e)}); check its name and permissions") from e
    if _cut_off(data.tobytes()):
        raise ImageError(f"{path}: is cut off, as by a broken download; fetch it again, or remove it")
    try:
        with silent_opencv():
            found = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:
        found = None
    if found is None:
        raise ImageError(f"{path}: not an image that can be read; convert it to JPEG or PNG, or remove it")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end. Older OpenCV would make a half grey picture of such a JPEG."""
    if data.startswith(b"\xff\xd8"):
        scan, end = data.rfind(b"\xff\xda"), data.rfind(b"\xff\xd9")  # the last ones: thumbnails have them as well
        return end < scan
    if data.startswith(b"\x89PNG"):
        return not 0 <= data.rfind(b"IEND") <= len(data) - 8  # the chunk's name and its checksum
    return False


@contextmanager
def silent_opencv() -> Iterator[None]:
    """Keep OpenCV from printing what it thinks of a damaged file: our error names it."""
    cv2 = opencv()

    log: Any = getattr(cv2.utils, "logging", cv2)  # where it is depends on OpenCV's version
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)


def check_image(image: Image) -> None:
    """Raise a ValueError unless an array is [h, w, 3] uint8 and not empty."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"images must be [h, w, 3] uint8 RGB, got {image.dtype} {[*image.shape]}")


def height_and_width(size: int | Size) -> Size:
    """Of frames of that size; a tuple or list is not checked.

    >>> height_and_width(80), height_and_width((128, 64))
    ((80, 80), (128, 64))
    """
    return cast(Size, tuple(size)) if isinstance(size, tuple | list) else (size, size)


def squash_image(image: Image, height: int, width: int) -> Image:
    """[h, w, 3] -> [height, width, 3]; averages where the image shrinks, interpolates linearly where it grows.

    >>> image = np.array([[[0, 0, 0], [100, 100, 100]]], np.uint8)      # 1 x 2 pixels
    >>> squash_image(image, height=1, width=1).tolist()
    [[[50, 50, 50]]]

    Raises:
        ValueError: not [h, w, 3] uint8.
    """
    cv2 = opencv()

    check_image(image)
    smaller = min(image.shape[1], width), min(image.shape[0], height)
    for size, how in ((smaller, cv2.INTER_AREA), ((width, height), cv2.INTER_LINEAR)):  # a side each, perhaps
        if image.shape[1::-1] != size:
            image = np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
    return image
