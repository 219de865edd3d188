"""FAN: the faces of a set become one image, and the base's feature of that image stands for the set."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.errors import whole_number
from clipselect.scoring.input_spec import NORMALISATIONS, InputSpec
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.weights_file import Metadata
from clipselect.sets.face_aggregator import FaceAggregator, sides_for
from clipselect.sets.set_module import Loaded, SetModule
from clipselect.zoo.embedder import Embedder

MAX_SEGMENT = 32
"""Longer sets are split into segments of at most this many images, which bounds the memory."""


class FAN(SetModule):
    """A face aggregator with the frozen base that embeds its image.

    Args:
        max_segment: N; a longer set is split into as few segments as hold at most N images each, of nearly equal size.
            Each becomes one image, whose feature weighs as many frames as it is made of.
    """

    embeds_frames = False

    def __init__(self, aggregator: FaceAggregator, base: Embedder, *, max_segment: int = MAX_SEGMENT) -> None:
        super().__init__()
        self.aggregator, self.base = aggregator, base
        self.max_segment = whole_number(max_segment, "max_segment", 1)

    def frame_features(self, images: Tensor) -> Tensor:
        """The images [n, 3, height, width] themselves: all of the network works on the set."""
        return images

    def images_embedded(self, frames: int) -> int:
        """How many images the base embeds for a set of so many frames: those that are made of them."""
        return -(-frames // self.max_segment)

    def set_feature(self, images: Tensor) -> Tensor:
        """The feature [d] of one set of images [T, 3, height, width] in [-1, 1]."""
        segments = images.tensor_split(self.images_embedded(len(images)))
        made = torch.cat([self.aggregator(segment[None]) for segment in segments])
        weights = torch.tensor([len(segment) / len(images) for segment in segments], device=made.device)
        return weights @ base_features(self.base, made)


def base_features(base: Embedder, images: Tensor) -> Tensor:
    """The base's features [n, d] of images [n, 3, height, width] in [-1, 1], of length 1; gradients pass through it."""
    spec = base.input_spec
    if images.shape[-2:] != (spec.height, spec.width):
        images = functional.interpolate(images, (spec.height, spec.width), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (spec.mean, spec.std))
    features = base.run(((images.float() + 1) / 2 - mean) / std)
    return functional.normalize(features.float(), dim=-1)


def fan_input(base: InputSpec) -> InputSpec:
    """What an aggregator sees whose images a base with that input embeds."""
    mean, std = NORMALISATIONS["half"]
    return InputSpec(*sides_for(base.height, base.width), mean, std)


def aggregator_of(tensors: Mapping[str, Tensor], metadata: Metadata) -> tuple[FaceAggregator, InputSpec]:
    """The aggregator of weights, which needs no base, and its input.

    Raises:
        ValueError: sides that no aggregator has.
    """
    net = FaceAggregator(metadata["width"]).eval()
    net.load_state_dict(dict(tensors))
    height, width = metadata["sides"]
    if (height, width) != sides_for(height, width):
        raise ValueError(f"an aggregator sees no images of {height} x {width}")
    mean, std = NORMALISATIONS["half"]
    return net, InputSpec.from_metadata({"height": height, "width": width, "mean": mean, "std": std})


def load_fan(base: Embedder, tensors: Mapping[str, Tensor], metadata: Metadata) -> Loaded:
    """A FAN from its weights."""
    net, spec = aggregator_of(tensors, metadata)
    fan = FAN(net, base, max_segment=metadata["max_segment"])
    of_one = multiply_adds(_SetsOfOne(net).eval(), spec)
    if not of_one or not base.gflops:
        return fan, spec, None
    after = sum(p.numel() for name, p in net.last.named_parameters() if name.endswith("weight"))
    after *= spec.height * spec.width
    per_segment = after + 1e9 * base.gflops

    def cost(images: int) -> float:
        return images * (of_one - after) + fan.images_embedded(images) * per_segment

    return fan, spec, cost


class _SetsOfOne(nn.Module):
    def __init__(self, net: FaceAggregator) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.net(images[:, None])
        return made
