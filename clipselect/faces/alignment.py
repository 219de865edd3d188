"""From a face in a frame to the upright crop that face networks were trained on: ArcFace's template. Pure functions."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.faces.detection import Face
from clipselect.media.images import Image, opencv

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""[5, 2] x, y of the eyes, the nose and the mouth's corners in a crop of 112 x 112, as ArcFace and all after it."""
SIZE = 112
MARGIN = 0.08
"""Measured on LFW: it makes the square around a box of OpenCV's cascade as large as ArcFace's crop of the same face."""
MAX_SAMPLES = 16
"""Per pixel and axis, for faces many times larger than the crop."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A face as face networks take it.

    Attributes:
        image: [size, size, 3] uint8 RGB; black where the frame does not reach.
        matrix: [2, 3] float64, from x, y of the frame to x, y of the image.
        by_landmarks: whether the template was fitted to landmarks; else it is a square crop around the box, neither
            turned upright nor centred on the eyes, on which face networks do worse.
    """

    image: Image
    matrix: NDArray[np.float64]
    by_landmarks: bool


def align(frame: Image, face: Face, size: int = SIZE, margin: float = MARGIN) -> Aligned:
    """Cut a face out of its frame.

    With landmarks, the least-squares similarity to ArcFace's template; without, a square crop around the box. Where the
    crop reaches beyond the frame it is black, as in ArcFace's own training data. Large faces are averaged down.

    Args:
        frame: [h, w, 3] uint8 RGB.
        size: pixels of a side of the crop.
        margin: of the square crop without landmarks, on each of its sides as a share of the box's longer side; may be
            negative.

    Raises:
        ValueError: an empty box, landmarks that all coincide, or numbers that are not finite.

    >>> face = Face(box=(100.0, 50.0, 80.0, 90.0), confidence=0.9)
    >>> crop = align(np.zeros((240, 320, 3), np.uint8), face)
    >>> crop.image.shape, crop.by_landmarks
    ((112, 112, 3), False)
    """
    if face.landmarks is None:
        matrix = square_transform(face.box, size, margin)
    else:
        matrix = similarity_transform(face.landmarks, TEMPLATE * (size / SIZE))
    return Aligned(warp(frame, matrix, size), matrix, face.landmarks is not None)


def similarity_transform(source: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """The rotation, scale and shift that take `source` nearest to `target` in the sense of least squares.

    Umeyama's (1991) solution, which in the plane is a linear regression over complex numbers; never a reflection.

    Args:
        source, target: [n, 2] points x, y, n >= 2.

    Returns:
        [2, 3] float64 matrix.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, points that all coincide, or targets that no
            turn brings nearer to the source.

    >>> similarity_transform([(0, 0), (1, 0)], [(5, 5), (5, 7)]).round(6)
    array([[ 0., -2.,  5.],
           [ 2.,  0.,  5.]])
    """
    a, b = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if a.ndim != 2 or a.shape[1:] != (2,) or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"expected source and target [n, 2] with n >= 2, got {[*a.shape]} and {[*b.shape]}")
    if not np.isfinite(a).all() or not np.isfinite(b).all():
        raise ValueError("points must be finite")
    z, w = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    z0, w0 = z.mean(), w.mean()
    spread = float((np.abs(z - z0) ** 2).sum())
    turn = ((z - z0).conj() * (w - w0)).sum() / spread if spread > 1e-18 * max(1.0, abs(z0)) ** 2 else 0j
    if abs(turn) < 1e-9:
        raise ValueError("the points coincide: no similarity fits them best")
    shift = w0 - turn * z0
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def square_transform(box: tuple[float, float, float, float], size: int, margin: float) -> NDArray[np.float64]:
    """[2, 3] matrix that takes the square around a box x, y, w, h, with a margin on each side, to a crop.

    >>> square_transform((100.0, 50.0, 80.0, 90.0), size=90, margin=0.0)
    array([[  1.,   0., -95.],
           [  0.,   1., -50.]])
    """
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    if not (min(width, height) > 0 and side > 0 and math.isfinite(x + y + side)):
        raise ValueError(f"the box {box} with margin {margin} is empty")
    scale = size / side
    return np.array([[scale, 0, size / 2 - scale * (x + width / 2)], [0, scale, size / 2 - scale * (y + height / 2)]])


def warp(frame: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """[size, size, 3] of a frame under a similarity [2, 3], bilinear; black beyond the frame.

    Where the frame is shrunk, every pixel is the mean of several samples, so that no detail turns into noise.

    >>> frame = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    >>> np.array_equal(warp(frame, np.array([[1.0, 0, -1], [0, 1, -1]]), size=2), frame[1:3, 1:3])
    True
    """
    shrunk = 1 / math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    samples = min(max(math.ceil(shrunk - 0.01), 1), MAX_SAMPLES)
    finer = matrix * samples
    finer[:, 2] += (samples - 1) / 2  # the middle of a pixel stays its middle
    cv2 = opencv()
    image = cv2.warpAffine(frame, finer, (size * samples, size * samples), flags=cv2.INTER_LINEAR)
    if samples > 1:
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(image, dtype=np.uint8)
