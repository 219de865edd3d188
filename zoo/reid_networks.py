"""Networks that embed persons, by name: the ResNet-50 of the paper's re-ID base, the same with IBN, a narrow one.

Each takes normalised RGB images [n, 3, height, width] and gives embeddings [n, d]: global average pooling and a batch
normalisation, the "BN neck" (Luo, Gu, Liao, Lai, Jiang 2019).
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from clipselect.zoo.loading import fit
from torch import Tensor, nn

SIZE = (224, 112)
"""Height and width of the paper's frames."""

EXPANSION = 4
"""Of torchvision's bottlenecks: output channels for each inner one."""

Four = tuple[int, int, int, int]


class InstanceBatchNorm(nn.Module):
    """Half of the channels normalised in every image by itself, the others over the batch: [n, channels, h, w] -> same.

    Pan, Luo, Shi, Tang: Two at Once, ECCV 2018. How an image looks as a whole, such as the colours of its camera, is
    gone from the first half. The two layers have the names of IBN-Net's weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.IN = nn.InstanceNorm2d(channels // 2, affine=True)
        self.BN = nn.BatchNorm2d(channels - channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        first, others = x.split([self.IN.num_features, self.BN.num_features], dim=1)
        return torch.cat([self.IN(first), self.BN(others)], dim=1)


class ReidResNet(nn.Module):
    """A ResNet of bottlenecks with a BN neck: [n, 3, height, width] -> [n, 4 * widths[-1]].

    Layers and names of weights up to the neck are torchvision's.

    Args:
        depths: blocks of the four stages.
        widths: inner channels of their blocks, which give four times as many.
        last_stride: of the last stage; 1 keeps twice the places in height and width, at a higher cost.
        ibn: the first normalisation of every block but those of the last stage is an `InstanceBatchNorm`: IBN-Net's
            variant a, with its names of weights.
    """

    def __init__(
        self,
        depths: Four = (3, 4, 6, 3),
        widths: Four = (64, 128, 256, 512),
        last_stride: int = 2,
        *,
        ibn: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        outputs = [width * EXPANSION for width in widths]
        self.layer1 = _stage(widths[0], widths[0], depths[0], 1)
        self.layer2 = _stage(outputs[0], widths[1], depths[1], 2)
        self.layer3 = _stage(outputs[1], widths[2], depths[2], 2)
        self.layer4 = _stage(outputs[2], widths[3], depths[3], last_stride)
        for block in [*self.layer1, *self.layer2, *self.layer3] if ibn else []:
            block.bn1 = InstanceBatchNorm(block.bn1.num_features)
        self.neck = nn.BatchNorm1d(outputs[3])
        self.neck.bias.requires_grad_(False)  # the classifier behind it has none either
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def pooled(self, x: Tensor) -> Tensor:
        """[n, d] non-negative features before the neck, which the triplet loss compares."""
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.neck(self.pooled(x))


REID_NETWORKS: dict[str, Callable[[], ReidResNet]] = {
    "reid_resnet50": ReidResNet,
    "reid_resnet50_last_stride_1": partial(ReidResNet, last_stride=1),
    "reid_resnet50_ibn": partial(ReidResNet, last_stride=1, ibn=True),
    "narrow_reid": partial(ReidResNet, (1, 1, 1, 1), (16, 32, 48, 64)),
}

RULES: tuple[tuple[str, str | None], ...] = (
    (r"(?:backbone|base)\.", ""),
    (r"(?:heads\.)?(?:bottleneck|bnneck)\.(?:0\.)?", "neck."),
    (r"(?:fc|classifier|heads\.classifier)\.|heads\.weight$|pixel_(?:mean|std)$", None),
)
"""Beginnings of names in checkpoints of others, and what they become, one rule after the other; None: left out, since
it is the classifier of their identities, or what the input_spec says."""


def load_reid_weights(net: ReidResNet, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Load a state dict with our names, torchvision's or IBN-Net's (ImageNet), torchreid's, fast-reid's or
    reid-strong-baseline's.

    Without a neck in it, the neck stays as it was made: all but the identity.

    Raises:
        ClipselectError: weights that do not fit; it names `source` and the weights.
    """
    found = {new: tensor for name, tensor in state.items() if (new := _renamed(name)) is not None}
    has_neck = any(name.startswith("neck.") for name in found)
    kept = {
        name: tensor
        for name, tensor in net.state_dict().items()
        if name.endswith("num_batches_tracked") or (name.startswith("neck.") and not has_neck)
    }
    if has_neck:
        kept["neck.bias"] = torch.zeros_like(net.neck.bias)  # fast-reid's may have none
    fit(net, {**kept, **found}, source)


def _renamed(name: str) -> str | None:
    for beginning, new in RULES:
        match = re.match(beginning, name)
        if match and new is None:
            return None
        if match:
            name = f"{new}{name[match.end() :]}"
    return name


def _stage(inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
    from torchvision.models.resnet import Bottleneck  # slow to import

    outputs = width * EXPANSION
    shortcut = (
        None
        if stride == 1 and inputs == outputs
        else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
    )
    first = Bottleneck(inputs, width, stride, shortcut)
    return nn.Sequential(first, *(Bottleneck(outputs, width) for _ in range(depth - 1)))
