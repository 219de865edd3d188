"""Networks that embed aligned faces, by name: those of the ArcFace and MobileFaceNet papers.

Each takes normalised RGB faces [n, 3, 112, 112] and gives embeddings [n, d] as the last batch normalisation leaves
them: compare them by cosine. `forward_features` and `forward_head` are its two parts, before and after the last map, by
the names that timm gave them.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from clipselect.method.ddnet import IRBlock

SIZE = 112
PLACES = SIZE // 16
"""Rows and columns of the last map, all of which reach the embedding."""


class IR(nn.Module):
    """ArcFace's "improved residual" ResNet with its output "E": [n, 3, 112, 112] -> [n, embedding].

    The same stem and units as the DDNet, at full width, then BN-dropout-linear-BN over all 7 x 7 places.

    Args:
        depths: units of the four stages.
        dropout: 0 in InsightFace's own training, 0.4 in the paper.
    """

    def __init__(self, depths: tuple[int, int, int, int], embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        widths = (64, 64, 128, 256, 512)
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0])
        )
        self.stages = nn.Sequential(
            *(
                nn.Sequential(IRBlock(2, inputs, width, 2), *(IRBlock(2, width, width, 1) for _ in range(depth - 1)))
                for inputs, width, depth in zip(widths[:-1], widths[1:], depths, strict=True)
            )
        )
        self.last = nn.BatchNorm2d(widths[-1])
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(widths[-1] * PLACES**2, embedding)
        self.norm = nn.BatchNorm1d(embedding)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """The last map, [n, 512, 7, 7]."""
        return self.stages(self.stem(x))

    def forward_head(self, x: Tensor) -> Tensor:
        """Embeddings [n, embedding] of last maps."""
        return self.norm(self.linear(self.dropout(self.last(x).flatten(1))))


class ConvUnit(nn.Sequential):
    """conv-BN-activation; the activation is left out where it is None."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, activation: nn.Module | None, *, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2 if kernel < 7 else 0  # the global one takes its whole input
        parts: list[tuple[str, nn.Module]] = [
            ("conv", nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)),
            ("norm", nn.BatchNorm2d(outputs)),
        ]
        super().__init__(OrderedDict(parts if activation is None else [*parts, ("activation", activation)]))


MOBILE_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels, repeats and the first stride of MobileFaceNet's bottlenecks."""


class Bottleneck(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1 projection; a shortcut where the shapes allow it."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, stride: int, activation: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = ConvUnit(inputs, width, 1, activation(width))
        self.depthwise = ConvUnit(width, width, 3, activation(width), stride=stride, groups=width)
        self.project = ConvUnit(width, outputs, 1, None)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_shortcut else y


class MobileFaceNet(nn.Module):
    """MobileFaceNet (Chen, Liu, Gao, Han 2018, table 1): [n, 3, 112, 112] -> [n, embedding].

    Args:
        foamliu: the variant of github.com/foamliu/MobileFaceNet: ReLU6 for the paper's PReLU, and a 1x1 convolution
            after the first depthwise one, both with plain ReLU.
    """

    def __init__(self, embedding: int = 128, *, foamliu: bool = False) -> None:
        super().__init__()

        def activation(width: int) -> nn.Module:
            return nn.ReLU6() if foamliu else nn.PReLU(width)

        self.stem = ConvUnit(3, 64, 3, activation(64), stride=2)
        self.depthwise = ConvUnit(64, 64, 3, nn.ReLU() if foamliu else nn.PReLU(64), groups=64)
        self.pointwise = ConvUnit(64, 64, 1, nn.ReLU()) if foamliu else nn.Identity()
        blocks, inputs = list[nn.Module](), 64
        for expansion, width, repeats, stride in MOBILE_STAGES:
            for i in range(repeats):
                blocks.append(Bottleneck(inputs, width, expansion, stride if i == 0 else 1, activation))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.last = ConvUnit(inputs, 512, 1, activation(512))
        self.everywhere = ConvUnit(512, 512, PLACES, None, groups=512)
        self.linear = nn.Linear(512, embedding, bias=False)
        self.norm = nn.BatchNorm1d(embedding)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """The last map, [n, 512, 7, 7]."""
        return self.last(self.blocks(self.pointwise(self.depthwise(self.stem(x)))))

    def forward_head(self, x: Tensor) -> Tensor:
        """Embeddings [n, embedding] of last maps."""
        return self.norm(self.linear(self.everywhere(x).flatten(1)))


@dataclass(frozen=True)
class FaceArchitecture:
    """A face network that can be built.

    Attributes:
        build: makes it for a number of embedding dimensions; randomly initialised.
        embedding: dimensions of its public weights.
        mean, std: per RGB channel, for values in [0, 1], of its public weights.
    """

    build: Callable[[int], nn.Module]
    embedding: int = 512
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


FACE_NETWORKS: dict[str, FaceArchitecture] = {
    "ir_18": FaceArchitecture(partial(IR, (2, 2, 2, 2))),
    "ir_34": FaceArchitecture(partial(IR, (3, 4, 6, 3))),
    "ir_50": FaceArchitecture(partial(IR, (3, 4, 14, 3))),
    "ir_101": FaceArchitecture(partial(IR, (3, 13, 30, 3))),
    "mobilefacenet": FaceArchitecture(MobileFaceNet),
    "mobilefacenet_foamliu": FaceArchitecture(
        partial(MobileFaceNet, foamliu=True), 128, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ),
}
