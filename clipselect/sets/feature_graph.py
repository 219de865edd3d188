"""G-FAN: a graph over the features of a set, whose convolution gives a vector of qualities for every frame.

Zhao and others: G-FAN: Graph-Based Feature Aggregation Network for Video Face Recognition, ICPR 2020.
"""

import torch
from torch import Tensor, nn

from clipselect.sets.feature_aggregator import FeatureAggregator

HIDDEN = 64


class FeatureGraph(FeatureAggregator):
    """Every number of a feature has a quality of its own in every frame, which depends on the related frames.

    For the features f_i [d] of a set, X [T, d]:

    - the affinity graph: `A_ij = max(cos(f_i, f_j), 0)`, and G is A with rows that sum to 1;
    - two graph convolutions, each `[Y, G Y] W + b` (a frame beside the mean of what is related to it), with a ReLU
      between; the last gives the quality vectors Q [T, d] and begins at 0, and so as the average;
    - `r = sum_i w_i * f_i`, number by number, where w is the softmax of Q over the frames.

    The abstract of the paper names these three steps; the form of the convolution is that of linkage-based face
    clustering (Wang and others, CVPR 2019), as the paper is not open.

    >>> FeatureGraph(8).weights(torch.rand(1, 4, 8)).shape
    torch.Size([1, 4, 8])
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.hidden, self.last = nn.Linear(2 * dim, HIDDEN), nn.Linear(2 * HIDDEN, dim)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def scores(self, features: Tensor, mask: Tensor) -> Tensor:
        graph = affinity(features, mask)
        inner = torch.relu(self.hidden(beside_related(features * self.dim**0.5, graph)))  # numbers of about 1
        qualities: Tensor = self.last(beside_related(inner, graph))
        return qualities

    def multiply_adds(self, frames: int) -> int:
        edges = frames**2 * (2 * self.dim + HIDDEN)
        return edges + frames * (4 * self.dim * HIDDEN + self.dim)


def affinity(features: Tensor, mask: Tensor) -> Tensor:
    """The graph G [B, T, T] of features [B, T, d] of length 1: rows of shares that sum to 1, of the frames [B, T] of
    the mask alone. A row without any relation is 0, as that of a feature of length 0."""
    related = (features @ features.transpose(1, 2)).clamp(min=0) * mask[:, None, :]
    return related / related.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(related.dtype).tiny)


def beside_related(values: Tensor, graph: Tensor) -> Tensor:
    """[B, T, 2 c]: the values [B, T, c] of every frame beside their mean over the graph [B, T, T]."""
    return torch.cat([values, graph @ values], dim=-1)
