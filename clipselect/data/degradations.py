"""What makes single frames bad: blur, low resolution, occlusion, compression, noise, light, misaligned boxes.

Pure functions over images [h, w, 3] uint8 RGB, which they do not change. Lengths are fractions of the image's longer
side, so that a degradation looks alike at every size. `DEGRADATIONS` lists what `degrade` draws from: for faces, and
for the boxes of a person tracker.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipselect.media.images import Image, opencv

Kind = Literal["faces", "tracklets"]
Degradation = Callable[[Image, float, np.random.Generator], Image]
"""(image, severity in [0, 1], rng) -> the degraded image."""

SECOND_PROBABILITY = 0.35
"""Of a second degradation on top of the first."""


def motion_blur(image: Image, length: float, angle: float) -> Image:
    """The image averaged along a line of `length` pixels at an `angle` in radians.

    The length is rounded up to an odd number; below 1.5 nothing changes.
    """
    cv2 = opencv()

    size = max(round(length) | 1, 1)
    if size < 3:
        return image.copy()
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    first, last = (tuple(np.rint(middle + sign * reach).astype(int).tolist()) for sign in (-1, 1))
    cv2.line(kernel, first, last, 1.0)
    return _image(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def low_resolution(image: Image, factor: float) -> Image:
    """Shrunk `factor` >= 1 times and enlarged again."""
    cv2 = opencv()

    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(round(width / factor), 1), max(round(height / factor), 1)), interpolation=cv2.INTER_AREA
    )
    return _image(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def occlude(image: Image, top: int, left: int, height: int, width: int, colour: NDArray[np.uint8]) -> Image:
    """A rectangle covered with a colour [3], or with a patch [height, width, 3]."""
    out = image.copy()
    area = out[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    area[:] = colour if colour.ndim == 1 else colour[max(-top, 0) :, max(-left, 0) :][: area.shape[0], : area.shape[1]]
    return out


def compress(image: Image, quality: int) -> Image:
    """As a JPEG of that quality, in [1, 100]."""
    cv2 = opencv()

    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return _image(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))


def expose(image: Image, stops: float) -> Image:
    """Light changed by a number of stops: over-exposed above 0, under-exposed below; values are clipped to [0, 255]."""
    return np.clip(image * np.float32(2.0**stops), 0, 255).astype(np.uint8)


def misalign(image: Image, down: float, right: float, zoom: float) -> Image:
    """A box moved by fractions of its height and width, and `zoom` times as large; edges are repeated outside."""
    cv2 = opencv()

    height, width = image.shape[:2]
    shift = np.array([[zoom, 0, width * (right + (1 - zoom) / 2)], [0, zoom, height * (down + (1 - zoom) / 2)]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _image(cv2.warpAffine(image, shift, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def add_noise(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    """Gaussian noise of that standard deviation on every value, which lies in [0, 255]."""
    return np.clip(image + rng.normal(0, deviation, image.shape).astype(np.float32), 0, 255).round().astype(np.uint8)


def degrade(image: Image, kind: Kind, rng: np.random.Generator, severity: float | None = None) -> Image:
    """One degradation of that kind, sometimes two; the same for the same state of `rng`.

    Args:
        severity: in [0, 1], from hardly visible to destroyed; None draws one for every degradation. Boxes of trackers
            are misaligned as far at any severity.
    """
    choices = DEGRADATIONS[kind]
    for i in rng.choice(len(choices), 2 if rng.random() < SECOND_PROBABILITY else 1, replace=False).tolist():
        image = choices[i](image, rng.random() if severity is None else severity, rng)
    return image


def _between(mild: float, severe: float, severity: float) -> float:
    return mild + (severe - mild) * severity


def _motion_blur(mild: float, severe: float) -> Degradation:
    """Lengths as fractions of the longer side."""

    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        return motion_blur(image, _between(mild, severe, severity) * max(image.shape[:2]), rng.uniform(0, np.pi))

    return apply


def _low_resolution(mild: int, severe: int) -> Degradation:
    """Pixels of the longer side."""

    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        return low_resolution(image, max(max(image.shape[:2]) / mild * (mild / severe) ** severity, 1.0))

    return apply


def _occlude(mild: float, severe: float) -> Degradation:
    """A bar, a hand's width or most of the image, by fractions of its sides: one colour, or noise."""

    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        height, width = image.shape[:2]
        covered = _between(mild, severe, severity) * rng.uniform(0.7, 1.3, 2)
        h, w = (max(int(side * min(part, 0.8)), 1) for side, part in zip((height, width), covered, strict=True))
        top, left = (int(rng.integers(-n // 3, side - n + n // 3 + 1)) for n, side in ((h, height), (w, width)))
        top, left = max(top, 1 - h), max(left, 1 - w)  # one of a single pixel must not lie outside
        colour = rng.integers(256, size=3) if rng.random() < 0.6 else rng.integers(256, size=(h, w, 3))
        return occlude(image, top, left, h, w, colour.astype(np.uint8))

    return apply


def _compress(mild: int, severe: int) -> Degradation:
    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        return compress(image, round(_between(mild, severe, severity)))

    return apply


def _noise(mild: float, severe: float) -> Degradation:
    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        return add_noise(image, _between(mild, severe, severity), rng)

    return apply


def _expose(mild: float, severe: float) -> Degradation:
    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        return expose(image, _between(mild, severe, severity))

    return apply


def _misalign(mild: float, severe: float) -> Degradation:
    """The largest shift, as a fraction of the sides, and the largest zoom or its inverse, as its logarithm."""

    def apply(image: Image, severity: float, rng: np.random.Generator) -> Image:
        down, right, zoom = rng.uniform(-1, 1, 3) * _between(mild, severe, severity)
        return misalign(image, down, right, float(np.exp(1.4 * zoom)))

    return apply


def _image(array: object) -> Image:
    return np.asarray(array, dtype=np.uint8)


_TRACKED = _misalign(0.4, 0.4)
DEGRADATIONS: dict[Kind, tuple[Degradation, ...]] = {
    "faces": (
        _motion_blur(0.02, 0.25), _low_resolution(100, 12), _occlude(0.15, 0.75), _compress(40, 10), _noise(4, 60),
        _expose(-0.5, -4.5), _expose(0.4, 3.0), _misalign(0.05, 0.45),
    ),
    "tracklets": (_TRACKED, _TRACKED, _occlude(0.25, 0.7), _motion_blur(0.04, 0.2), _low_resolution(56, 10)),
}  # fmt: skip
