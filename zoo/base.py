"""The small base network that comes with the package: a narrow 3D ResNet-18 that recognises twelve actions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect import zoo
from clipselect.checkpoint import Metadata, load_weights
from clipselect.errors import ClipselectError
from clipselect.scorer import Geometry, pick_device


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


@dataclass(frozen=True)
class Base:
    """A trained base network with what it needs.

    Attributes:
        classes: names of the actions, in the order of the probabilities; "background" is left out.
    """

    name: str
    net: NarrowR3D
    geometry: Geometry
    classes: tuple[str, ...]
    metadata: Metadata
    device: torch.device

    @torch.inference_mode()
    def probabilities(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, classes] softmax probabilities of clips [n, T, size, size, 3] uint8 RGB.

        The network also knows "background"; its share is missing from the sum of a row.
        """
        return self.net(self.geometry.normalise(clips, self.device)).softmax(1)[:, : len(self.classes)].cpu()

    @torch.inference_mode()
    def features(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, d] features of clips [n, T, size, size, 3] uint8 RGB."""
        return self.net.features(self.geometry.normalise(clips, self.device)).cpu()


def load_base(model: str | Path | None = None, device: str = "auto") -> Base:
    """The zoo's base by name, or one of the same kind by path; errors as for `load_scorer`."""
    path = zoo.weights_path(model or zoo.DEFAULT_BASE, zoo.BASES)
    where = pick_device(device)
    tensors, metadata = load_weights(path, kind="base")
    try:
        net = NarrowR3D(metadata["outputs"], tuple(metadata["config"]["widths"]))
        net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        geometry, classes = Geometry.of(metadata), tuple(metadata["classes"])
        name = str(metadata["name"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        raise ClipselectError(f"{path}: its metadata and its tensors do not describe one base; train it again") from e
    return Base(name, net.eval().to(where).to(memory_format=torch.channels_last_3d), geometry, classes, metadata, where)
