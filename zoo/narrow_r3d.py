"""The architecture of the base that comes with the package."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """The basic residual block of a ResNet with 3D convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
            nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if inputs == outputs and stride == (1, 1, 1)
            else nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm3d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.residual(x) + self.shortcut(x))


class NarrowR3D(nn.Module):
    """A 3D ResNet-18 of reduced width: normalised clips [n, 3, T, H, W] -> logits [n, classes]."""

    def __init__(self, classes: int, widths: tuple[int, int, int, int] = (24, 48, 96, 160)) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, widths[0], (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2), bias=False),
            nn.BatchNorm3d(widths[0]),
            nn.ReLU(),
        )
        stages = []
        inputs = widths[0]
        for width, time_stride in zip(widths, (1, 1, 2, 2), strict=True):
            stages.append(nn.Sequential(Block(inputs, width, (time_stride, 2, 2)), Block(width, width, (1, 1, 1))))
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(inputs, classes)

    def features(self, x: Tensor) -> Tensor:
        """[n, 160] non-negative features, before the head."""
        x = self.stages[:3](self.stem(x))
        # bf16 weight gradients of oneDNN (torch 2.15) hold garbage for maps this small: train the last stage in float32
        with torch.autocast(x.device.type, enabled=False):
            return self.stages[3](x.float()).mean((2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(x)))
