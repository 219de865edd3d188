"""NAN: two cascaded attention blocks over the features of a set.

Yang, Ren, Zhang, Chen, Wen, Li, Hua: Neural Aggregation Network for Video Face Recognition, CVPR 2017.
"""

import torch
from torch import Tensor, nn

from clipselect.sets.feature_aggregator import FeatureAggregator, weighted_mean


class CascadedAttention(FeatureAggregator):
    """A kernel that all sets share looks at the features first, then one that is made of what it found.

    A block with the kernel q gives the features f_k of a set the weights a_k, the softmax of `q . f_k` over the set,
    and makes `r = sum a_k f_k` of them. The first block's kernel is learnt and gives r0; that of the second is
    `tanh(W r0 + b)`, and its r is the answer. All begin at 0, and so as the average.

    >>> CascadedAttention(8).weights(torch.rand(1, 4, 8))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]], grad_fn=<SoftmaxBackward0>)
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.kernel = nn.Parameter(torch.zeros(dim))
        self.transfer = nn.Linear(dim, dim)
        nn.init.zeros_(self.transfer.weight)
        nn.init.zeros_(self.transfer.bias)

    def scores(self, features: Tensor, mask: Tensor) -> Tensor:
        first = (features @ self.kernel).float().masked_fill(~mask, -torch.inf).softmax(dim=1)
        kernel = torch.tanh(self.transfer(weighted_mean(features, first)))
        return torch.einsum("btd,bd->bt", features, kernel)

    def multiply_adds(self, frames: int) -> int:
        return 4 * frames * self.dim + self.dim**2
