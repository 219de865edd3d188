"""Weights for the features of a set's frames, learnt on the features alone: what such networks share."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.sets.set_module import SetModule


class FeatureAggregator(nn.Module, ABC):
    """A network that weighs the frames of a set by their features; the set's feature is their weighted mean.

    Untrained, it weighs all frames equally.

    Args:
        dim: d, of a feature.

    Attributes:
        in_order: whether it needs the frames in their order in time; for others the order makes no difference.
    """

    in_order = False

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    @abstractmethod
    def scores(self, features: Tensor, mask: Tensor) -> Tensor:
        """[B, T] of every frame, or [B, T, d] of every dimension of it, whose softmax over the frames are the weights.

        Args:
            features: [B, T, d], each of length 1.
            mask: [B, T] bool, False for what only fills a shorter set; it must make no difference to other frames.
        """

    @abstractmethod
    def multiply_adds(self, frames: int) -> int:
        """For the weights and the mean of a set of so many frames."""

    def weights(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, T] or [B, T, d], at least 0, with the sum 1 over the frames of a set; 0 where the mask is False."""
        known = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device) if mask is None else mask
        scores = self.scores(features, known).float()
        known = known if scores.ndim == 2 else known[..., None]
        return scores.masked_fill(~known, -torch.inf).softmax(dim=1)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """The features [B, d] of sets [B, T, d]; every set has a frame that the mask does not leave out."""
        return weighted_mean(features, self.weights(features, mask))


def weighted_mean(features: Tensor, weights: Tensor) -> Tensor:
    """[B, d] of features [B, T, d] and weights [B, T] or [B, T, d] whose sum over the frames is 1."""
    return (features * (weights if weights.ndim == 3 else weights[..., None])).sum(dim=1)


class AggregatedFeatures(SetModule):
    """A base with a network that aggregates its features.

    Args:
        run: the base, normalised images [n, 3, height, width] -> features [n, d].
    """

    def __init__(self, run: Callable[[Tensor], Tensor], aggregator: FeatureAggregator) -> None:
        super().__init__()
        self.run, self.aggregator = run, aggregator

    def frame_features(self, images: Tensor) -> Tensor:
        """The base's features [n, d] of images, each scaled to length 1."""
        return functional.normalize(self.run(images).float(), dim=-1)

    def set_feature(self, features: Tensor) -> Tensor:
        """The feature [d] of the set of these features [T, d]."""
        aggregated: Tensor = self.aggregator(features[None])[0]
        return aggregated
