"""Networks that make one feature of a whole set: what they share, and loading their weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.errors import ArgumentError, ClipselectError, NetworkError, check_argument, whole_number
from clipselect.media.images import Image
from clipselect.scoring.device import check_same_device, pick_device
from clipselect.scoring.weights_file import Metadata, load_weights
from clipselect.sets.cascaded_attention import CascadedAttention
from clipselect.sets.fan import MAX_SEGMENT, load_fan
from clipselect.sets.feature_aggregator import AggregatedFeatures, FeatureAggregator
from clipselect.sets.feature_graph import FeatureGraph
from clipselect.sets.frame_quality import FrameQuality
from clipselect.sets.lfenet import load_lfenet
from clipselect.sets.set_module import Loaded, SetModule
from clipselect.sets.temporal_attention import TemporalAttention
from clipselect.zoo.embedder import BATCH, BATCH_ON_GPU, Embedder
from clipselect.zoo.embedder_loading import load_embedder
from clipselect.zoo.trained_network import TrainedNetwork

KIND = "set_network"
"""Of weights files."""


@dataclass(frozen=True, kw_only=True)
class SetNetwork(TrainedNetwork):
    """A trained network that makes one feature of a set of images. `load_set_network` makes one.

    It works in two steps: what can be computed frame by frame, once, and what needs the other frames of a set, for
    every choice of frames.

    >>> network.embed(faces).shape                                              # doctest: +SKIP
    (128,)
    >>> features = network.frame_features(faces)                                # doctest: +SKIP
    >>> network.set_feature(features[best]), network.set_feature(features)      # doctest: +SKIP

    Attributes:
        module: in evaluation mode.
        multiply_adds: for a set of so many images; None where those of the base cannot be counted.
        sha256: fingerprint of its weights, of its base, and of a segment that is not the one of its training.
    """

    module: SetModule
    multiply_adds: Callable[[int], float] | None
    sha256: str

    @property
    def works_on_features(self) -> bool:
        """Whether the first step gives the base's own features, each scaled to length 1."""
        return isinstance(self.module, AggregatedFeatures)

    def embed(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The feature [d] of a set of images [h, w, 3] uint8 RGB of any size; they are squashed to the network's.

        For "temporal" they are in their order in time.

        Raises:
            ValueError: no image, or images of another shape or type.
        """
        return self.set_feature(self.frame_features(images))

    @torch.inference_mode()
    def frame_features(self, images: Sequence[Image]) -> Tensor:
        """What every image of a set gives by itself [T, ...]: its map for LFENet, its pixels for FAN, and for the
        others the base's feature."""
        if not len(images):
            raise ValueError("a set needs at least one image")
        squashed = np.stack([self.input_spec.squash(image) for image in images])
        size = BATCH if self.device.type == "cpu" else BATCH_ON_GPU
        batches = (squashed[i : i + size] for i in range(0, len(squashed), size))
        return torch.cat([self.module.frame_features(self.input_spec.normalise(b, self.device)) for b in batches])

    @torch.inference_mode()
    def set_feature(self, features: Tensor) -> NDArray[np.float32]:
        """The feature [d] of the set of these `frame_features`.

        Raises:
            NetworkError: it is not a number.
        """
        feature: NDArray[np.float32] = self.module.set_feature(features).cpu().numpy()
        if not np.isfinite(feature).all():
            raise NetworkError(f"{self.name} gives features that are not numbers; check its weights")
        return feature


def load_set_network(
    path: Path | str, base: str | Path | Embedder, device: str = "auto", *, max_segment: int | None = None
) -> SetNetwork:
    """A network that `clipselect.train_set_network` wrote.

    Args:
        base: the embedder that it was trained for, as `clipselect.load_embedder` takes it. Weights of a frozen base are
            not in the file, only what was trained.
        device: of both; "auto" is that of the base, if that is loaded already.
        max_segment: longest segment of an LFENet (theta) or a FAN (N), longer sets are split; None for the one that it
            was trained with. Other networks see whole sets.

    Raises:
        ArgumentError: another base, or one on another device; a segment out of range.
        ClipselectError: another file, or one whose metadata and tensors do not describe one network.

    >>> network = load_set_network("lfenet.safetensors", "mobilefacenet_foamliu:FILE.pt")       # doctest: +SKIP
    """
    tensors, metadata = load_weights(path, kind=KIND)
    embedder = base if isinstance(base, Embedder) else load_embedder(base, device)
    if device != "auto":
        check_same_device(pick_device(device), embedder.device)
    check_base(metadata, embedder, str(path))
    sha256 = f"{metadata['sha256']} {embedder.sha256}"
    if max_segment is not None and metadata.get("max_segment") not in (None, max_segment):
        whole_number(max_segment, "max_segment", 1)
        most = MAX_SEGMENT if metadata["network"] == "fan" else max_segment
        check_argument(max_segment <= most, "max_segment", f"must be at most {most} for a fan, got {max_segment}")
        metadata, sha256 = {**metadata, "max_segment": max_segment}, f"{sha256} {max_segment}"
    tensors = as_float32(tensors, path)
    with described_as_one_error(path):
        module, input_spec, count = LOADERS[metadata["network"]](embedder, tensors, metadata)
    return SetNetwork(
        name=str(metadata["name"]), input_spec=input_spec, metadata=metadata, device=embedder.device,
        module=module.eval().to(embedder.device), multiply_adds=count, sha256=sha256,
    )  # fmt: skip


@contextmanager
def described_as_one_error(path: Path | str) -> Iterator[None]:
    """Whatever goes wrong where metadata and tensors do not describe one network becomes a ClipselectError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ArgumentError) as e:
        problem = f"{path}: its metadata and its tensors do not describe one network; train it again"
        raise ClipselectError(problem) from e


def as_float32(tensors: Mapping[str, Tensor], path: Path | str) -> dict[str, Tensor]:
    """The tensors of a weights file, those in half precision as float32; whole numbers stay.

    Raises:
        NetworkError: one holds what is not a number.
    """
    found = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    if not all(bool(tensor.isfinite().all()) for tensor in found.values()):
        raise NetworkError(f"{path}: holds weights that are not numbers; train it again")
    return found


def check_base(metadata: Metadata, base: Embedder, network: str) -> None:
    """Raise an ArgumentError unless this is the base that a network of sets was trained for.

    Args:
        metadata: of the network.
        network: what to call it.
    """
    problem = f"must be {metadata.get('base')}, for which {network} was trained; {base.name} has other weights"
    check_argument(metadata.get("base_sha256") == base.sha256, "base", problem)


def load_aggregator(base: Embedder, tensors: Mapping[str, Tensor], metadata: Metadata) -> Loaded:
    """A network that aggregates the base's features, from its weights."""
    aggregator = AGGREGATORS[metadata["network"]](base.dim)
    aggregator.load_state_dict(dict(tensors))
    module, gflops = AggregatedFeatures(base.run, aggregator), base.gflops
    if gflops is None:
        return module, base.input_spec, None
    return module, base.input_spec, lambda images: images * gflops * 1e9 + aggregator.multiply_adds(images)


AGGREGATORS: Mapping[str, type[FeatureAggregator]] = {
    "nan": CascadedAttention, "qan": FrameQuality, "gfan": FeatureGraph, "temporal": TemporalAttention,
}  # fmt: skip
"""Networks that aggregate features, by the `network` of the metadata."""

LOADERS: Mapping[str, Callable[[Embedder, Mapping[str, Tensor], Metadata], Loaded]] = {
    **dict.fromkeys(AGGREGATORS, load_aggregator), "lfenet": load_lfenet, "fan": load_fan,
}  # fmt: skip
"""All networks of sets, by the `network` of the metadata: how they are made of a base, tensors and metadata. What
trains them stands in `clipselect.training.set_training.RECIPES`."""
