"""What training clips go through, so that a network learns the action and not the pixels."""

from collections.abc import Sequence

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


def augment(clip: NDArray[np.uint8], size: int, rng: np.random.Generator) -> Tensor:
    """[T, h, w, 3] uint8 -> [3, T, size, size] float in [0, 1]: random crop and stretch, flip, grey, light, colour."""
    height, width = clip.shape[1:3]
    area, stretch = np.sqrt(rng.uniform(0.5, 1)), np.exp(rng.uniform(-0.2, 0.2))
    h, w = min(height, int(height * area * stretch)), min(width, int(width * area / stretch))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    x = torch.from_numpy(clip[:, top : top + h, left : left + w]).permute(0, 3, 1, 2).float()
    x = torch.nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=h > 1.5 * size) / 255
    x = x.flip(-1) if rng.random() < 0.5 else x
    x = x.mean(1, keepdim=True).expand(-1, 3, -1, -1) if rng.random() < 0.2 else x
    contrast, light = rng.uniform(0.6, 1.4), rng.uniform(-0.2, 0.2)
    colour = torch.tensor(rng.uniform(0.85, 1.15, (1, 3, 1, 1)), dtype=torch.float32)
    return (((x - 0.5) * contrast + 0.5 + light) * colour).clamp(0, 1).transpose(0, 1)


def normalised(inputs: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Augmented clips [n, 3, T, h, w] or frames [n, 3, h, w] in [0, 1] -> the input of a network, laid out for it."""
    centre, spread = (torch.tensor(v, device=inputs.device).view(1, 3, *[1] * (inputs.ndim - 2)) for v in (mean, std))
    return ((inputs - centre) / spread).contiguous(memory_format=memory_format(inputs.ndim - 2))


def memory_format(dims: int) -> torch.memory_format:
    """Of a network in training: channels last pays for 3D ones; for 2D ones it is no faster, and oneDNN's backward pass
    of a strided 1 x 1 convolution of few channels crashes on it (torch 2.13 to 2.15)."""
    return torch.channels_last_3d if dims == 3 else torch.contiguous_format
