"""Video networks that can be bases, by name: PyTorchVideo's at full size, and narrow ones that train on a CPU.

Each takes normalised clips [n, 3, T, H, W] and gives logits [n, classes]. Modules and names of weights are those of
PyTorchVideo, so its checkpoints fit. The stock heads pool over a fixed number of pixels and refuse smaller clips, such
as the paper's 112 x 112; here the window shrinks to what there is, and larger clips are pooled as ever.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from clipselect.zoo.narrow_r3d import NarrowR3D
from torch import Tensor, nn

SLOWFAST_ALPHA = 4
"""The slow pathway sees every fourth frame."""


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


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorchVideo imports parts of torch that announce their end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def slowfast(classes: int, **options: Any) -> nn.Module:
    with _quiet():
        from pytorchvideo.models.slowfast import create_slowfast

    net = fit_pools(create_slowfast(model_num_class=classes, **options))
    net.register_forward_pre_hook(pack_pathways)
    return net


def r2plus1d(classes: int, **options: Any) -> nn.Module:
    with _quiet():
        from pytorchvideo.models.r2plus1d import create_r2plus1d

    return fit_pools(create_r2plus1d(model_num_class=classes, head_activation=None, **options))


def resnet3d(classes: int, **options: Any) -> nn.Module:
    with _quiet():
        from pytorchvideo.models.resnet import create_resnet

    return fit_pools(create_resnet(model_num_class=classes, **options))


def x3d(classes: int, **options: Any) -> nn.Module:
    with _quiet():
        from pytorchvideo.models.x3d import create_x3d

    return fit_pools(create_x3d(model_num_class=classes, head_activation=None, **options))


@dataclass(frozen=True)
class Architecture:
    """A network that can be built.

    Attributes:
        build: makes it for a number of classes.
        frames, size, seconds: the clips that its published weights were trained on.
        hub: PyTorchVideo's name of those weights; None for the narrow ones.
    """

    build: Callable[[int], nn.Module]
    frames: int
    size: int
    seconds: float
    hub: str | None = None


NETWORKS: dict[str, Architecture] = {
    "slowfast_r50": Architecture(slowfast, 32, 256, 64 / 30, "slowfast_r50"),
    "r2plus1d_r50": Architecture(partial(r2plus1d, dropout_rate=0.5), 16, 224, 64 / 30, "r2plus1d_r50"),
    "slow_r50": Architecture(
        partial(resnet3d, stem_conv_kernel_size=(1, 7, 7), head_pool_kernel_size=(8, 7, 7)), 8, 256, 64 / 30, "slow_r50"
    ),
    "x3d_xs": Architecture(partial(x3d, input_clip_length=4, input_crop_size=160), 4, 182, 48 / 30, "x3d_xs"),
    "x3d_s": Architecture(partial(x3d, input_clip_length=13, input_crop_size=160), 13, 182, 78 / 30, "x3d_s"),
    "x3d_m": Architecture(partial(x3d, input_clip_length=16, input_crop_size=224), 16, 256, 80 / 30, "x3d_m"),
    "narrow_r3d": Architecture(NarrowR3D, 8, 112, 1.0),
    "narrow_slowfast": Architecture(
        partial(slowfast, stem_dim_outs=(16, 4), slowfast_channel_reduction_ratio=(4,), dropout_rate=0.3), 16, 112, 1.0
    ),
    "narrow_r2plus1d": Architecture(partial(r2plus1d, stem_dim_out=12, dropout_rate=0.3), 8, 112, 1.0),
    "narrow_slow": Architecture(
        partial(
            resnet3d,
            stem_dim_out=16,
            stem_conv_kernel_size=(3, 7, 7),
            head_pool_kernel_size=(8, 7, 7),
            dropout_rate=0.3,
        ),
        8,
        112,
        1.0,
    ),
}
