"""LFENet: a face network whose local features enhance each other before each image is compressed to an embedding."""

import copy
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.errors import ClipselectError, whole_number
from clipselect.media.text import printable
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.weights_file import Metadata
from clipselect.sets.set_module import Loaded, SetModule
from clipselect.sets.transfer import LocalInformationTransfer
from clipselect.zoo.embedder import Embedder

Ending = Literal["own", "paper"]

ENDINGS: tuple[Ending, ...] = get_args(Ending)
MAX_SEGMENT = 12
"""theta of the paper: longer sets are split into segments of this many images."""
DROPOUT = 0.4
"""The paper names none; that of the ending of ArcFace's networks, which it follows."""
MAX_NAMED_LAYERS = 12


class Compression(nn.Sequential):
    """BN-dropout-linear-BN, the paper's ending: maps [n, d, h, w] -> embeddings [n, embedding]."""

    def __init__(self, channels: int, places: int, embedding: int) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.Dropout(DROPOUT),
            nn.Flatten(),
            nn.Linear(channels * places, embedding),
            nn.BatchNorm1d(embedding),
        )


class LFENet(SetModule):
    """A face network that is cut before its last pooling, with the transfer in between.

    >>> from clipselect.zoo.face_networks import IR
    >>> net = LFENet(IR((1, 1, 1, 1)), LocalInformationTransfer(512)).eval()
    >>> net(torch.rand(2, 3, 3, 112, 112)).shape            # two sets of three faces
    torch.Size([2, 3, 512])

    Args:
        backbone: has `forward_features`, normalised images [n, 3, height, width] -> maps [n, d, h, w], and
            `forward_head`, maps -> embeddings [n, e], as the face networks of the zoo and all networks of timm have.
        compression: what takes the place of the backbone's `forward_head`; None for that.
        max_segment: theta.
        frozen: the backbone and its ending are not trained.
    """

    def __init__(
        self,
        backbone: nn.Module,
        transfer: LocalInformationTransfer,
        compression: nn.Module | None = None,
        *,
        max_segment: int = MAX_SEGMENT,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.transfer, self.compression = transfer, compression
        self.max_segment, self.frozen = whole_number(max_segment, "max_segment", 1), frozen
        backbone.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> "LFENet":
        """A frozen backbone stays in evaluation mode: its statistics are part of it."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        """The embedding of every image of every set, [B, T, e].

        Args:
            images: [B, T, 3, height, width], normalised.
            mask: [B, T] bool, False for what only fills a shorter set, at its end; such embeddings are zero.
        """
        features = self.frame_features(images.flatten(0, 1))
        return self.embeddings(features.unflatten(0, images.shape[:2]), mask)

    def frame_features(self, images: Tensor) -> Tensor:
        """What an image gives without the others: maps [n, d, h, w] of normalised images [n, 3, height, width]."""
        if not self.frozen:
            maps: Tensor = self.backbone.forward_features(images)
            return maps
        with torch.no_grad():  # channels last: much faster on a CPU, and safe without gradients
            return self.backbone.forward_features(images.contiguous(memory_format=torch.channels_last))

    def embeddings(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, T, e] of maps [B, T, d, h, w]; `mask` as for `forward`."""
        segments = features.split(self.max_segment, dim=1)
        masks = [None] * len(segments) if mask is None else mask.split(self.max_segment, dim=1)
        enhanced = torch.cat([self.transfer(s, m) for s, m in zip(segments, masks, strict=True)], dim=1)
        embeddings = self.compress(enhanced.flatten(0, 1)).unflatten(0, features.shape[:2])
        return embeddings if mask is None else embeddings * mask[..., None]

    def compress(self, features: Tensor) -> Tensor:
        """Embeddings [n, e] of maps [n, d, h, w], each by itself."""
        embeddings: Tensor = (self.compression or self.backbone.forward_head)(features)
        return embeddings

    def set_feature(self, features: Tensor) -> Tensor:
        """The feature [e] of one set of maps [T, d, h, w]: the mean of its embeddings, each scaled to length 1.

        The paper averages embeddings of any length. Scaled, an untrained transfer gives what averaging the base's
        features gives in the tables.
        """
        return functional.normalize(self.embeddings(features[None])[0].float(), dim=-1).mean(0)

    def transfer_multiply_adds(self, images: int, places: int) -> int:
        """Of the transfer in a set; it grows with the square of the images up to `max_segment`, then in proportion."""
        full, rest = divmod(images, self.max_segment)
        whole = self.transfer.multiply_adds(self.max_segment * places)
        return full * whole + (self.transfer.multiply_adds(rest * places) if rest else 0)


class WithoutTransfer(nn.Module):
    """What an LFENet does with every image by itself: normalised images [n, 3, height, width] -> embeddings [n, e]."""

    def __init__(self, net: LFENet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net.compress(self.net.frame_features(images))


def new_lfenet(base: Embedder, metadata: Metadata) -> LFENet:
    """An untrained LFENet with a copy of its base.

    Args:
        metadata: `relation`, `width`, `bottleneck`, `max_segment`, `ending` and `frozen`, as the weights say them.

    Raises:
        ArgumentError: one of them makes no sense.
        ClipselectError: the base cannot be cut before its last pooling.
    """
    channels, height, width = map_shape(base.run, base.input_spec, base.name)
    assert isinstance(base.run, nn.Module)
    transfer = LocalInformationTransfer(
        channels, metadata["relation"], width=metadata["width"], bottleneck=metadata["bottleneck"]
    )
    compression = Compression(channels, height * width, base.dim) if metadata["ending"] == "paper" else None
    backbone, segment = copy.deepcopy(base.run), metadata["max_segment"]
    return LFENet(backbone, transfer, compression, max_segment=segment, frozen=metadata["frozen"])


def freeze_head(net: LFENet, input_spec: InputSpec) -> None:
    """Train the backbone's own head only where it is used: processes that train together would wait for its gradient.

    With a `compression` in its place, it is what the maps do not depend on.
    """
    if net.compression is None or net.frozen:
        return
    parameters = [*net.backbone.parameters()]
    images = input_spec.normalise(input_spec.blank(2), parameters[0].device)
    net.backbone.forward_features(images).sum().backward()
    for parameter in parameters:
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None


def load_lfenet(base: Embedder, tensors: Mapping[str, Tensor], metadata: Metadata) -> Loaded:
    """An LFENet from its weights."""
    net = new_lfenet(base, metadata).to(base.device)  # what is new in it is made on the CPU
    own = {name: tensor for name, tensor in net.state_dict().items() if name.startswith("backbone.")}
    net.load_state_dict({**own, **tensors})
    _, height, width = map_shape(base.run, base.input_spec, base.name)
    per_image = multiply_adds(WithoutTransfer(net).eval(), base.input_spec)
    if not per_image:
        return net, base.input_spec, None
    transfer = net.transfer_multiply_adds
    return net, base.input_spec, lambda images: images * per_image + transfer(images, height * width)


def kept_out(net: LFENet) -> dict[str, Tensor]:
    """The tensors that its weights file does not hold: those of a frozen base, which may not be ours to pass on, and
    those of a head that `freeze_head` has found unused. A base that is loaded has them."""
    if net.frozen:
        layers = {"backbone": net.backbone}
    else:
        own = {name: [*layer.parameters(recurse=False)] for name, layer in net.named_modules()}
        unused = [name for name, found in own.items() if found and not any(p.requires_grad for p in found)]
        layers = {name: net.get_submodule(name) for name in unused}
    return {f"{layer}.{name}": t for layer, module in layers.items() for name, t in module.state_dict().items()}


@torch.inference_mode()
def map_shape(network: object, input_spec: InputSpec, name: str) -> tuple[int, int, int]:
    """Channels, height and width of the last map of a network that can be cut before its last pooling.

    Raises:
        ClipselectError: it cannot be cut; the sentence names its layers.
    """
    remedy = "give it forward_features and forward_head, as the face networks of the zoo and those of timm have"
    if not (isinstance(network, nn.Module) and hasattr(network, "forward_features")):
        raise ClipselectError(f"base {name!r} cannot be cut before its last pooling{_layers(network)}; {remedy}")
    parameter, cut = next(network.parameters(), torch.empty(0)), cast(Any, network)
    images = input_spec.normalise(input_spec.blank(2), parameter.device)
    try:
        features = cut.forward_features(images)
        embeddings = cut.forward_head(features)
    except (AttributeError, RuntimeError, TypeError) as e:
        reason = next(iter(str(e).splitlines()), "")
        raise ClipselectError(f"base {name!r} fails in two parts ({reason}){_layers(network)}; {remedy}") from e
    if features.ndim != 4 or embeddings.ndim != 2:
        shapes = f"{[*features.shape]} and {[*embeddings.shape]}"
        raise ClipselectError(
            f"base {name!r} gives no map [n, d, h, w] and embedding [n, e] but {shapes}{_layers(network)}; {remedy}"
        )
    return features.shape[1], features.shape[2], features.shape[3]


def _layers(network: object) -> str:
    if not isinstance(network, nn.Module):
        return ", as its layers are not known"
    names = [name for name, _ in network.named_children()]
    listed = ", ".join(names[:MAX_NAMED_LAYERS]) + ", ..." * (len(names) > MAX_NAMED_LAYERS)
    return f" (its layers: {printable(listed)})" if names else ", as it has no layers"
