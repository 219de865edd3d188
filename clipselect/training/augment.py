"""What training clips go through, so that a network learns the action and not the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALL_SCALE, SMALL_STEPS = 0.7, 0.65
"""In this fraction of the steps, the first ones, inputs have a smaller side: half the cost, and the last steps make up
for it."""


def training_size(size: int, step: int, steps: int) -> int:
    """Pixels of the side of training inputs at that step, a multiple of 16 until it is `size`."""
    return size if step >= SMALL_STEPS * steps else max(round(SMALL_SCALE * size / 16) * 16, 16)


def random_square(clip: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """[T, h, w, 3] -> [T, s, s, 3], s the shorter side: somewhere along the longer one; a square clip as it is."""
    height, width = clip.shape[1:3]
    side = min(height, width)
    if height == width:
        return clip
    top, left = (int(rng.integers(long - side + 1)) for long in (height, width))
    return clip[:, top : top + side, left : left + side]


@dataclass(frozen=True)
class Augmentation:
    """One way to change a training clip, the same at every size: a random crop, stretched, flipped, lit, coloured.

    Attributes:
        height, width, top, left: of the crop, as fractions of the frame.
        contrast, light, colour: v -> ((v - 0.5) * contrast + 0.5 + light) * colour, for values in [0, 1].
    """

    height: float
    width: float
    top: float
    left: float
    flip: bool
    grey: bool
    contrast: float
    light: float
    colour: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Augmentation":
        side, stretch = np.sqrt(rng.uniform(0.5, 1)), np.exp(rng.uniform(-0.2, 0.2))
        height, width = min(1.0, side * stretch), min(1.0, side / stretch)
        red, green, blue = rng.uniform(0.85, 1.15, 3).tolist()
        return cls(
            height, width, rng.uniform(0, 1 - height), rng.uniform(0, 1 - width), flip=rng.random() < 0.5,
            grey=rng.random() < 0.2, contrast=rng.uniform(0.6, 1.4), light=rng.uniform(-0.2, 0.2),
            colour=(red, green, blue),
        )  # fmt: skip

    def __call__(self, clip: NDArray[np.uint8], size: int, *, square: bool = False) -> Tensor:
        """[T, h, w, 3] uint8 -> [3, T, size, size] float in [0, 1].

        Args:
            square: see only the square in the middle of the crop, as networks do whose geometry crops.
        """
        height, width = clip.shape[1:3]
        h, w = (max(int(side * part), 1) for side, part in ((height, self.height), (width, self.width)))
        top, left = int(self.top * height), int(self.left * width)
        if square:
            side = min(h, w)
            top, left, h, w = top + (h - side) // 2, left + (w - side) // 2, side, side
        x = resized(clip[:, top : top + h, left : left + w], size)
        x = x.flip(-1) if self.flip else x
        x = x.mean(0, keepdim=True).expand(3, -1, -1, -1) if self.grey else x
        x = ((x - 0.5) * self.contrast + 0.5 + self.light) * torch.tensor(self.colour).view(3, 1, 1, 1)
        return x.clamp(0, 1)


def resized(clip: NDArray[np.uint8], size: int) -> Tensor:
    """[T, h, w, 3] uint8 -> [3, T, size, size] float in [0, 1]."""
    x = torch.from_numpy(clip).permute(0, 3, 1, 2).float()
    shrinks = clip.shape[1] > 1.5 * size
    return torch.nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=shrinks).transpose(0, 1) / 255


def normalised(inputs: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Augmented clips [n, 3, T, h, w] or frames [n, 3, h, w] in [0, 1] -> the input of a network, laid out for it."""
    centre, spread = (torch.tensor(v, device=inputs.device).view(1, 3, *[1] * (inputs.ndim - 2)) for v in (mean, std))
    return ((inputs - centre) / spread).contiguous(memory_format=memory_format(inputs.ndim - 2))


def memory_format(dims: int) -> torch.memory_format:
    """Of a network in training: channels last pays for 3D ones; for 2D ones it is no faster, and oneDNN's backward pass
    of a strided 1 x 1 convolution of few channels crashes on it (torch 2.13 to 2.15)."""
    return torch.channels_last_3d if dims == 3 else torch.contiguous_format
