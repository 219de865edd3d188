"""Temporal attention: how much a frame counts depends on it and on its neighbours in time.

Gao and Nevatia: Revisiting Temporal Modeling for Video-based Person ReID, BMVC 2018; on frames of a ResNet50-IBN it is
Alsehaim and Breckon: Not 3D Re-ID, ICPR 2020.
"""

import torch
from torch import Tensor, nn

from clipselect.sets.feature_aggregator import FeatureAggregator

HIDDEN = 256
"""As published."""
NEIGHBOURHOOD = 3
"""Frames that decide about the one in their middle."""


class TemporalAttention(FeatureAggregator):
    """Two layers score every frame: a linear one with a ReLU on each feature, then a convolution over three frames.

    The weights are the softmax of the scores over the frames, which must be in their order in time. The last layer
    begins at 0, and so as the average.

    The abstract of Not 3D Re-ID names no layers, so these are Gao and Nevatia's, with their sizes. What differs: their
    first layer is a convolution over the whole last map of the base, and this one sees its feature; a second ReLU,
    behind which scores of 0 would learn nothing, is left out; a track is one set, however long, where both papers
    average the features of short clips.

    >>> TemporalAttention(8).weights(torch.rand(1, 4, 8))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]], grad_fn=<SoftmaxBackward0>)
    """

    in_order = True

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.hidden = nn.Linear(dim, HIDDEN)
        self.last = nn.Conv1d(HIDDEN, 1, NEIGHBOURHOOD, padding=NEIGHBOURHOOD // 2, bias=False)
        nn.init.zeros_(self.last.weight)

    def scores(self, features: Tensor, mask: Tensor) -> Tensor:
        inner = torch.relu(self.hidden(features * self.dim**0.5)) * mask[..., None]  # as what lies beyond the ends
        scores: Tensor = self.last(inner.transpose(1, 2))[:, 0]
        return scores

    def multiply_adds(self, frames: int) -> int:
        return frames * (HIDDEN * (self.dim + NEIGHBOURHOOD) + self.dim)
