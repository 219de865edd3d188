"""Display matrices: phones store pictures as the sensor sees them and say how to turn them."""

import struct
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become the picture a player shows: transposed first, then flipped."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def upright(self) -> bool:
        return not (self.transpose or self.flip_x or self.flip_y)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """[h, w, 3] as stored -> as shown.

        >>> stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
        >>> Orientation(transpose=True, flip_x=True).apply(stored)[..., 0].tolist()     # a quarter turn, clockwise
        [[3, 0], [4, 1], [5, 2]]
        """
        pixels = pixels.swapaxes(0, 1) if self.transpose else pixels
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def orientation(frame: av.VideoFrame) -> Orientation:
    """The frame's display matrix, rotations and mirrorings alike; a skewed one counts as the nearest of these."""
    # frame.side_data makes a reference cycle, which would hold the frame's pixels until the next garbage collection
    matrix: Any = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])  # shown x = a x + c y, shown y = b x + d y
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, flip_x=a < 0, flip_y=d < 0)
    return Orientation(True, flip_x=c < 0, flip_y=b < 0)
