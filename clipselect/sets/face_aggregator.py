"""The face aggregation network: N images of one face go in, one image comes out.

Hörmann, Cao, Knoche, Herzog, Rigoll: Face Aggregation Network for Video Face Recognition, ICIP 2021.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from clipselect.errors import check_argument, whole_number

WIDTH = 16
"""Channels of the first convolution, where the caller does not say."""
GROWTH = (1, 2, 4, 8, 8)
"""Channels at the five resolutions of the network, as multiples of those of the first convolution."""
STRIDE = 2 ** (len(GROWTH) - 1)
"""Sides of images are multiples of it: 112 pixels become 7."""


class GlobalConcat(nn.Module):
    """Beside the map of each image, the maximum over the maps of all images (eq. 4; Aittala and Durand, ECCV 2018).

    >>> maps = torch.tensor([1.0, 5.0, 2.0]).view(1, 3, 1, 1, 1)        # three images, one channel, one place
    >>> GlobalConcat()(maps).flatten(1).tolist()
    [[1.0, 5.0, 5.0, 5.0, 2.0, 5.0]]
    """

    def forward(self, maps: Tensor) -> Tensor:
        """[B, N, C, h, w] -> [B, N, 2 C, h, w]."""
        return torch.cat([maps, maps.amax(1, keepdim=True).expand_as(maps)], dim=2)


class FaceAggregator(nn.Module):
    """A U-Net over a set of images that ends in one image; their order and repeated ones make no difference.

    Pixels lie in [-1, 1]: every layer ends in an ELU, the last one too, whose values lie above -1, and those above 1
    are cut.

    >>> net = FaceAggregator(4).eval()
    >>> net(torch.rand(2, 3, 3, 112, 112)).shape            # two sets of three faces
    torch.Size([2, 3, 112, 112])

    Args:
        width: channels of the first convolution; `GROWTH` says those of the others.

    Raises:
        ArgumentError: a width below 1.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        widths = [whole_number(width, "width", 1) * factor for factor in GROWTH]
        self.first = _convolution(3, widths[0])
        self.encoder = nn.ModuleList(_EncoderBlock(outer, inner) for outer, inner in pairwise(widths))
        self.decoder = nn.ModuleList(_DecoderBlock(inner, outer) for inner, outer in pairwise(reversed(widths)))
        self.last = nn.Sequential(_convolution(widths[0], widths[0]), _convolution(widths[0], 3))

    def forward(self, images: Tensor) -> Tensor:
        """One image [B, 3, height, width] of images [B, N, 3, height, width], all of them in [-1, 1].

        Raises:
            ArgumentError: sides that are no multiples of 16.
        """
        sides = images.shape[-2:]
        check_argument(not any(s % STRIDE for s in sides), "images", f"must have sides of multiples of {STRIDE}")
        maps, skipped = _each(self.first, images), list[Tensor]()
        for encode in self.encoder:
            skipped.append(maps)
            maps = encode(maps)
        for decode in self.decoder:
            maps = decode(maps, skipped.pop())
        image: Tensor = _AtMostOne.apply(self.last(maps.amax(1)))
        return image


class _AtMostOne(torch.autograd.Function):
    """min(x, 1) whose gradient still leads back: a plain minimum has none where it cuts, and would leave pixels white.

    The paper names no bound. But pixels end at 1, in the data and in every image that is shown, so losses and
    discriminator must see the image that users get.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x > 1)
        return x.clamp(max=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Where x is cut, a step against the gradient may lower it, and not raise it further."""
        (is_cut,) = ctx.saved_tensors
        return torch.where(is_cut, gradient.clamp(min=0), gradient)


class _EncoderBlock(nn.Module):
    def __init__(self, outer: int, inner: int) -> None:
        super().__init__()
        self.concat = GlobalConcat()
        self.layers = nn.Sequential(_convolution(2 * outer, outer, 1), _convolution(outer, inner, stride=2))

    def forward(self, maps: Tensor) -> Tensor:
        return _each(self.layers, self.concat(maps))


class _DecoderBlock(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1), nn.ELU())
        self.concat = GlobalConcat()
        self.layers = nn.Sequential(_convolution(3 * outer, outer, 1), _convolution(outer, outer))

    def forward(self, maps: Tensor, skipped: Tensor) -> Tensor:
        return _each(self.layers, torch.cat([self.concat(_each(self.enlarge, maps)), skipped], dim=2))


def sides_for(height: int, width: int) -> tuple[int, int]:
    """The sides of the images that an aggregator works on for a network that sees height x width pixels.

    >>> sides_for(112, 96), sides_for(120, 100)
    ((112, 96), (128, 112))
    """
    rounded = [-(-side // STRIDE) * STRIDE for side in (height, width)]
    return rounded[0], rounded[1]


def _each(layers: nn.Module, maps: Tensor) -> Tensor:
    """Every image of every set through the same layers: [B, N, ...] -> [B, N, ...]."""
    out: Tensor = layers(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
    return out


def _convolution(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, padding=kernel // 2), nn.ELU())
