"""Video networks that can be bases, by name: PyTorchVideo's at full size, and narrow ones that train on a CPU.

Each takes normalised clips [n, 3, T, H, W] and gives logits [n, classes]. Modules and names of weights are those of
PyTorchVideo, so its checkpoints fit. The stock heads pool over a fixed number of pixels and refuse smaller clips, such
as the paper's 112 x 112; here the window shrinks to what there is, and larger clips are pooled as ever.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from clipselect.zoo.base import MEAN, STD
from torch import Tensor, nn

from clipselect.media.geometry import SQUASH, Geometry

SLOWFAST_ALPHA = 4
"""The slow pathway sees every fourth frame."""


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


class FittingAvgPool3d(nn.AvgPool3d):
    """Average pooling whose window is at most as large as its input."""

    def forward(self, x: Tensor) -> Tensor:
        stated = (self.kernel_size,) * 3 if isinstance(self.kernel_size, int) else self.kernel_size
        window = [min(k, length) for k, length in zip(stated, x.shape[2:], strict=True)]
        return nn.functional.avg_pool3d(x, window, self.stride)


def pack_pathways(_: nn.Module, inputs: tuple[Tensor]) -> tuple[list[Tensor]]:
    """Forward pre-hook of SlowFast: one clip [n, 3, T, H, W] -> the slow pathway's frames and all of them."""
    (x,) = inputs
    slow = torch.linspace(0, x.shape[2] - 1, max(x.shape[2] // SLOWFAST_ALPHA, 1), device=x.device).long()
    return ([x[:, :, slow], x],)


def fit_pools(net: nn.Module) -> nn.Module:
    """Replace every average pooling of a fixed size by one that fits; no weight changes its name."""
    for parent in [*net.modules()]:
        for name, child in parent.named_children():
            if type(child) is nn.AvgPool3d:
                setattr(parent, name, FittingAvgPool3d(child.kernel_size, child.stride))
    return net


def create(network: str, classes: int, **options: Any) -> nn.Module:
    """A network of PyTorchVideo that gives logits.

    Args:
        network: what the name of its function ends with, such as "x3d" for `pytorchvideo.models.x3d.create_x3d`.
        options: of that function.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorchVideo imports parts of torch that announce their end
        module = importlib.import_module(f"pytorchvideo.models.{network}")
    return fit_pools(getattr(module, f"create_{network}")(model_num_class=classes, **options))


def slowfast(classes: int, **options: Any) -> nn.Module:
    net = create("slowfast", classes, **options)
    net.register_forward_pre_hook(pack_pathways)
    return net


@dataclass(frozen=True)
class Architecture:
    """A network that can be built.

    Attributes:
        build: makes it for a number of classes.
        frames, size, seconds, geometry, mean, std: the clips that its published weights are evaluated with.
        head: name of the layer with a row for every class; None for the last linear layer.
        feature_layer: whose output is the feature; None for the head's input.
        any_clip: whether it takes clips of other sizes and numbers of frames.
        published: fetches those weights; None for the narrow ones.
        published_classes: names of their outputs, where they are known.
    """

    build: Callable[[int], nn.Module]
    frames: int
    size: int
    seconds: float
    geometry: Geometry = SQUASH
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    head: str | None = None
    feature_layer: str | None = None
    any_clip: bool = True
    published: Callable[[], Mapping[str, Tensor]] | None = None
    published_classes: tuple[str, ...] | None = None


def from_hub(name: str) -> Mapping[str, Tensor]:
    """Weights that PyTorchVideo publishes, downloaded."""
    from pytorchvideo.models import hub

    net: nn.Module = getattr(hub, name)(pretrained=True)
    return net.state_dict()


r2plus1d = partial(create, "r2plus1d", head_activation=None)
resnet3d = partial(create, "resnet")
x3d = partial(create, "x3d", head_activation=None)

# Geometries: `side_size` and `crop_size` of PyTorchVideo's inference tutorials (Torch Hub): slow_r50, slowfast_r50 and
# x3d_m see 256 x 256 of a short side of 256, x3d_xs and x3d_s 182 of 182. The tables of its model zoo average three
# such crops of ten clips (three_crops), for three times the cost.
PYTORCHVIDEO = {
    "slowfast_r50": Architecture(slowfast, 32, 256, 64 / 30, Geometry(256)),
    "r2plus1d_r50": Architecture(partial(r2plus1d, dropout_rate=0.5), 16, 224, 64 / 30, Geometry(256)),
    "slow_r50": Architecture(
        partial(resnet3d, stem_conv_kernel_size=(1, 7, 7), head_pool_kernel_size=(8, 7, 7)),
        8, 256, 64 / 30, Geometry(256),
    ),
    "x3d_xs": Architecture(partial(x3d, input_clip_length=4, input_crop_size=160), 4, 182, 48 / 30, Geometry(182)),
    "x3d_s": Architecture(partial(x3d, input_clip_length=13, input_crop_size=160), 13, 182, 78 / 30, Geometry(182)),
    "x3d_m": Architecture(partial(x3d, input_clip_length=16, input_crop_size=224), 16, 256, 80 / 30, Geometry(256)),
}  # fmt: skip
NARROW = {
    "narrow_r3d": Architecture(NarrowR3D, 8, 112, 1.0),
    "narrow_slowfast": Architecture(
        partial(slowfast, stem_dim_outs=(16, 4), slowfast_channel_reduction_ratio=(4,), dropout_rate=0.3), 16, 112, 1.0
    ),
    "narrow_r2plus1d": Architecture(partial(r2plus1d, stem_dim_out=12, dropout_rate=0.3), 8, 112, 1.0),
    "narrow_slow": Architecture(
        partial(resnet3d, stem_dim_out=16, stem_conv_kernel_size=(3, 7, 7), head_pool_kernel_size=(8, 7, 7),
                dropout_rate=0.3), 8, 112, 1.0,
    ),
}  # fmt: skip
NETWORKS = {name: replace(net, published=partial(from_hub, name)) for name, net in PYTORCHVIDEO.items()} | NARROW
