"""The DDNet, the light network that regresses the D-score from pixels: equation 5.

An ArcFace-style IR ResNet: a stride-1 stem, four stages that each start with stride 2, blocks of
BN-conv-BN-PReLU-conv-BN, global average pooling and one linear layer with a sigmoid. The 3D form replaces every 2D
convolution by its 3D counterpart.
"""

from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from clipselect.method.ddnet_config import DDNetConfig

__all__ = ["DDNet", "DDNetConfig", "IRBlock"]

CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class IRBlock(nn.Module):
    """BN-conv-BN-PReLU-conv-BN with a projected shortcut; `stride` applies to every axis."""

    def __init__(self, dims: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        conv, norm = CONV[dims], NORM[dims]
        self.residual = nn.Sequential(
            norm(inputs),
            conv(inputs, outputs, 3, stride=1, padding=1, bias=False),
            norm(outputs),
            nn.PReLU(outputs),
            conv(outputs, outputs, 3, stride=stride, padding=1, bias=False),
            norm(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(conv(inputs, outputs, 1, stride=stride, bias=False), norm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class DDNet(nn.Module):
    """Scores elements: [n, 3, H, W] images or [n, 3, T, H, W] clips, normalised floats -> [n] scores in (0, 1).

    >>> clips = torch.zeros(2, 3, 8, 112, 112)
    >>> scores = DDNet(DDNetConfig(dims=3, stem_stride=2)).eval()(clips)
    >>> scores.shape, bool(((scores > 0) & (scores < 1)).all())
    (torch.Size([2]), True)
    """

    def __init__(self, config: DDNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DDNetConfig()
        dims, widths = config.dims, config.widths
        stem_stride = (config.stem_stride,) * 2 if dims == 2 else (1, config.stem_stride, config.stem_stride)
        self.stem = nn.Sequential(
            CONV[dims](3, widths[0], 3, stride=stem_stride, padding=1, bias=False),
            NORM[dims](widths[0]),
            nn.PReLU(widths[0]),
        )
        blocks: list[nn.Module] = []
        inputs = widths[0]
        for width, depth in zip(widths, config.depths, strict=True):
            for i in range(depth):
                blocks.append(IRBlock(dims, inputs, width, stride=2 if i == 0 else 1))
                inputs = width
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 1)

    def features(self, x: Tensor) -> Tensor:
        """[n, d] means of the feature maps that the last three stages end with; those of the last stage come last."""
        maps, means = self.stem(x), []
        blocks = iter(self.stages)
        for depth in self.config.depths:
            for block in islice(blocks, depth):
                maps = block(maps)
            means.append(maps.flatten(2).mean(dim=2))
        return torch.cat(means[1:], dim=1)

    def logits(self, x: Tensor) -> Tensor:
        """[n] scores before the sigmoid; the same order, and no saturation."""
        return self._logits(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.features(x))

    def scores(self, features: Tensor) -> Tensor:
        """[n] scores in (0, 1) from the features [n, d]."""
        logits = self._logits(features)
        # in double precision, since the vectorised sigmoid rounds otherwise for the last few of a batch
        return torch.sigmoid(logits.double()).to(logits.dtype)

    def _logits(self, features: Tensor) -> Tensor:
        # the linear layer as a sum per element: matrix kernels round differently for different batch sizes
        return (features[:, -self.config.widths[-1] :] * self.head.weight[0]).sum(dim=1) + self.head.bias
