"""QAN: a learnt quality for every frame of a set, each by itself.

Liu, Yan, Ouyang: Quality Aware Network for Set to Set Recognition, CVPR 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.sets.feature_aggregator import FeatureAggregator

HIDDEN = 64


class FrameQuality(FeatureAggregator):
    """The set's feature is `sum mu_i f_i / sum mu_i` with the quality `mu_i = sigmoid(g(f_i))` in (0, 1).

    The paper's g is a small branch beside the base, from a layer in its middle; this one sees the base's feature f_i
    and no pixels: two linear layers with a ReLU between, the last of which begins at 0, and so as the average.

    >>> FrameQuality(8).weights(torch.rand(1, 4, 8))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]], grad_fn=<SoftmaxBackward0>)
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.hidden, self.last = nn.Linear(dim, HIDDEN), nn.Linear(HIDDEN, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def qualities(self, features: Tensor) -> Tensor:
        """mu [B, T], in (0, 1)."""
        return self._logits(features).sigmoid()

    def scores(self, features: Tensor, mask: Tensor) -> Tensor:
        """The logarithm of the qualities: its softmax is mu_i / sum mu_i, also where all of them are tiny."""
        return functional.logsigmoid(self._logits(features))

    def multiply_adds(self, frames: int) -> int:
        return frames * (HIDDEN * (self.dim + 1) + self.dim)

    def _logits(self, features: Tensor) -> Tensor:
        scaled = features * self.dim**0.5  # numbers of about 1
        logits: Tensor = self.last(torch.relu(self.hidden(scaled)))[..., 0].float()
        return logits
