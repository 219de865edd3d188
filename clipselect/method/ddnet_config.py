"""The shape of a DDNet."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DDNetConfig:
    """Shape of a DDNet.

    The default is the paper's ResNet-18-CD, 40.98 M multiply-adds at 112 x 112. ResNet-34-CD is
    `depths=(3, 4, 6, 3)`; the full-width ResNet-18 is `widths=(64, 128, 256, 512)`.

    Attributes:
        dims: 2 for images, 3 for clips.
        widths: channels of the four stages.
        depths: blocks of the four stages.
        stem_stride: spatial stride of the stem; 2 is the (1, 2, 2) stem of the light 3D networks.

    >>> DDNetConfig(dims=3, stem_stride=2)
    DDNetConfig(dims=3, widths=(8, 16, 32, 48), depths=(2, 2, 2, 2), stem_stride=2)
    """

    dims: Literal[2, 3] = 2
    widths: tuple[int, int, int, int] = (8, 16, 32, 48)
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    stem_stride: int = 1
