"""The networks of `torchvision.models.video` as bases, with what the presets of their weights do to frames."""

from functools import partial
from typing import Any

from clipselect.zoo.networks import Architecture, fit_pools
from torch import Tensor, nn

from clipselect.errors import ClipselectError
from clipselect.media.geometry import Geometry

CLIPS = {
    "r3d_18": (16, 15.0), "mc3_18": (16, 15.0), "r2plus1d_18": (16, 15.0), "s3d": (128, 15.0),
    "mvit_v1_b": (16, 7.5), "mvit_v2_s": (16, 7.5), "swin3d_t": (32, 15.0), "swin3d_s": (32, 15.0),
    "swin3d_b": (32, 15.0),
}  # fmt: skip
"""Frames of a clip, and frames per second, that the published weights are evaluated with: `clip_len` and `frame_rate`
in the documentation of the weights, which their metadata do not hold as numbers."""


def torchvision_network(name: str) -> Architecture:
    """One of `CLIPS`; a ClipselectError for any other name."""
    if name not in CLIPS:
        raise ClipselectError(f"torchvision has no video network {name!r}; choose one of {', '.join(CLIPS)}")
    from torchvision.models import get_model_weights  # slow to import

    weights = get_model_weights(name).DEFAULT
    preset, (frames, rate) = weights.transforms(), CLIPS[name]
    (size, _), resize = preset.crop_size, preset.resize_size
    return Architecture(
        partial(_build, name),
        frames,
        size,
        frames / rate,
        Geometry(resize[0] if len(resize) == 1 else (resize[0], resize[1])),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        head="classifier.1" if name == "s3d" else None,
        feature_layer="avgpool" if name == "s3d" else None,  # its head is a convolution
        any_clip=not name.startswith("mvit"),  # which learns a position for every place of a clip
        published=partial(_download, weights),
        published_classes=tuple(weights.meta["categories"]),
    )


def _build(name: str, classes: int) -> nn.Module:
    from torchvision.models import get_model

    return fit_pools(get_model(name, weights=None, num_classes=classes))


def _download(weights: Any) -> dict[str, Tensor]:
    state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    return state
