"""Pixels of decoded frames: upright as a player shows them, at full size, scaled, or as a network sees them.

*Squashing* scales the whole frame: nothing is cropped away, since an action at the edge of a wide frame must be able to
win, and non-square pixels need no special case. `clipselect.media.images.squash_image` does the same to images. A DDNet
sees squashed frames; a base sees what it was trained on, see `clipselect.media.geometry`.
"""

import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from clipselect.media.geometry import Geometry
from clipselect.media.images import Image


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become the picture a player shows: transposed first, then flipped.

    Phones store pictures as the sensor sees them and say how to turn them.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, pixels: Image) -> Image:
        """[h, w, 3] as stored -> as shown.

        >>> stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
        >>> Orientation(transpose=True, flip_x=True).apply(stored)[..., 0].tolist()     # a quarter turn, clockwise
        [[3, 0], [4, 1], [5, 2]]
        """
        pixels = pixels.swapaxes(0, 1) if self.transpose else pixels
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def orientation(frame: av.VideoFrame) -> Orientation:
    """The frame's display matrix, rotations and mirrorings alike; a skewed one counts as the nearest of these."""
    matrix = _display_matrix(frame)
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])  # shown x = a x + c y, shown y = b x + d y
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, flip_x=a < 0, flip_y=d < 0)
    return Orientation(True, flip_x=c < 0, flip_y=b < 0)


def _display_matrix(frame: av.VideoFrame) -> bytes | None:
    # frame.side_data makes a reference cycle, which would hold the frame's pixels until the next garbage collection.
    # PyAV fails at kinds of side data that it does not know, such as EXIF, and has those before them by then; FFmpeg
    # puts the matrix that it makes of EXIF before it.
    known: Any = SideDataContainer.__new__(SideDataContainer)
    with suppress(ValueError):
        known.__init__(frame)
    with suppress(ValueError):
        return next((bytes(data) for data in known if data.type is Type.DISPLAYMATRIX), None)
    return None


def shown_aspect(frame: av.VideoFrame, pixel_aspect: Fraction = Fraction(1)) -> float:
    """Width over height as shown.

    Args:
        pixel_aspect: of the pixels as stored.
    """
    ratio = float(frame.width * pixel_aspect / frame.height)
    return 1 / ratio if orientation(frame).transpose else ratio


def upright(frame: av.VideoFrame) -> Image:
    """[h, w, 3] uint8 RGB of the frame as shown, at full size."""
    rgb: Any = _scalers.whole.reformat(frame, frame.width, frame.height, "rgb24", threads=1)
    return np.ascontiguousarray(orientation(frame).apply(rgb.to_ndarray()))


Convert = Callable[[av.VideoFrame], NDArray[np.uint8]]
"""What is made of every decoded frame."""


class _Scalers(threading.local):
    """Scalers of one thread. They have no threads of their own: to free those hangs a forked process."""

    def __init__(self) -> None:
        self.exact, self.smaller, self.to_rgb = VideoReformatter(), VideoReformatter(), VideoReformatter()
        self.whole = VideoReformatter()


_scalers = _Scalers()


def scaled(frame: av.VideoFrame, width: int, height: int) -> Image:
    """[height, width, 3] uint8 RGB of the whole frame, upright."""
    turned = orientation(frame)
    stored = (height, width) if turned.transpose else (width, height)
    small: Any = _scalers.exact.reformat(frame, *stored, "rgb24", interpolation="BILINEAR", threads=1)
    return turned.apply(small.to_ndarray())


def squash(frame: av.VideoFrame, size: int) -> Image:
    """[size, size, 3] uint8 RGB of the whole frame, upright; the aspect ratio is given up."""
    return scaled(frame, size, size)


def cropped(frame: av.VideoFrame, geometry: Geometry, size: int, aspect: float) -> NDArray[np.uint8]:
    """[size, size, 3], or with several crops [crops, size, size, 3] uint8 RGB: what a network sees of a frame.

    Where frames shrink, pixels are averaged; torchvision's own presets, which do not (antialias=False), see a little
    more noise.

    Args:
        aspect: width over height as shown, `Source.aspect`.
    """
    height, width = geometry.picture_size(size, aspect)
    picture = scaled(frame, width, height)
    crops = [picture[y : y + size, x : x + size] for y, x in geometry.corners(size, height, width)]
    return np.stack(crops) if geometry.crops > 1 else crops[0]


def squash_fast(frame: av.VideoFrame, size: int) -> Image:
    """As `squash` to within a grey level or two, in less time: scaled before it becomes RGB."""
    small = _scalers.smaller.reformat(frame, size, size, "yuv420p", interpolation="AREA", threads=1)
    rgb: Any = _scalers.to_rgb.reformat(small, size, size, "rgb24", threads=1)
    return orientation(frame).apply(rgb.to_ndarray())
