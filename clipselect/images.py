"""Reading images: any file that OpenCV decodes as RGB, and the one geometry that training and scoring share.

Like the frames of videos, images are *squashed*: the whole image, scaled to the network's height and width.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.checkpoint import Metadata
from clipselect.errors import ImageError

Image = NDArray[np.uint8]
"""[h, w, 3] RGB."""


@dataclass(frozen=True)
class ImageGeometry:
    """How pixels reach a network for images.

    Attributes:
        height, width: images are squashed to this.
        mean, std: per RGB channel, for values in [0, 1].
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def of(cls, metadata: Metadata) -> "ImageGeometry":
        """Read from the header of a weights file; a ValueError if it makes no sense."""
        height, width, mean, std = (metadata[key] for key in ("height", "width", "mean", "std"))
        if not all(isinstance(side, int) and 16 <= side <= 1024 for side in (height, width)):
            raise ValueError("height and width must lie in [16, 1024]")
        if len(mean) != 3 or len(std) != 3 or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
            raise ValueError("mean and std must be three numbers each, std above 0")
        return cls(height, width, tuple(mean), tuple(std))

    def squash(self, image: Image) -> Image:
        """[h, w, 3] -> [height, width, 3]."""
        return squash_image(image, self.height, self.width)

    def normalise(self, images: Image | torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        """[n, height, width, 3] uint8 RGB -> [n, 3, height, width] float32, contiguous, on `device`."""
        x = (
            torch.as_tensor(images)
            .to(device)
            .permute(0, 3, 1, 2)
            .to(torch.float32, memory_format=torch.contiguous_format)
        )
        mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) * 255 for v in (self.mean, self.std))
        return (x - mean) / std


def read_image(path: Path | str) -> Image:
    """An image file as [h, w, 3] uint8 RGB, turned upright by its EXIF orientation.

    Grey becomes three equal channels, transparency is dropped (the colours beneath it stay), 16 bits are scaled to 8.

    Raises:
        ImageError: missing, unreadable, or not an image.
    """
    import cv2

    try:
        data = np.fromfile(path, np.uint8)  # OpenCV's own reading fails on some file names and prints to the terminal
    except (OSError, ValueError) as e:
        raise ImageError(f"{path}: cannot be read ({getattr(e, 'strerror', e)}); check its name and permissions") from e
    try:
        found = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    except cv2.error:
        found = None
    if found is None:
        raise ImageError(f"{path}: not an image that can be read; convert it to JPEG or PNG, or remove it")
    return np.asarray(found, dtype=np.uint8)


def squash_image(image: Image, height: int, width: int) -> Image:
    """[h, w, 3] -> [height, width, 3]; averages where the image shrinks, interpolates linearly where it grows."""
    import cv2

    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > height and image.shape[1] > width
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.uint8)
