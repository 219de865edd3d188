"""Local information transfer: the local features of all images of a set exchange information (LFENet, eq. 1 to 5).

Bai, Wang, Shan, Chen: Local Feature Enhancement Network for Set-based Face Recognition, FG 2021.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.errors import check_argument, whole_number

Relation = Literal["softmax_a", "softmax_b", "scaled_dot"]

RELATIONS: tuple[Relation, ...] = get_args(Relation)
WIDTH = 64
"""Dimensions of queries, keys and compressed values."""


class LocalInformationTransfer(nn.Module):
    """Adds to every local feature of a set what related local features of all its images say (eq. 5).

    The local features of an image are the h x w places of its map. All N = T * h * w of a set relate to each other by:

    - "softmax_a" (eq. 2): softmax of the products of the local features as they are;
    - "softmax_b" (eq. 3): softmax of the products of queries and keys;
    - "scaled_dot" (eq. 4): the products of queries and keys, divided by N.

    Queries, keys and values are 1 x 1 projections. The projection of the values is linear and has no bias, so it begins
    and ends outside of the sum over the regions: what is summed has `bottleneck` dimensions per region. It begins at
    zero: an untrained module changes nothing.

    >>> transfer = LocalInformationTransfer(8)
    >>> features = torch.rand(2, 3, 8, 7, 7)                # two sets of three images
    >>> torch.equal(transfer(features), features)
    True

    Args:
        channels: d, of the local features.
        relation: one of `RELATIONS`.
        width: dimensions of queries and keys; "softmax_a" has neither.
        bottleneck: dimensions between the two factors of the value's projection; None for a single full matrix.

    Raises:
        ArgumentError: another relation, or a width below 1.
    """

    def __init__(
        self, channels: int, relation: Relation = "softmax_b", *, width: int = WIDTH, bottleneck: int | None = WIDTH
    ) -> None:
        super().__init__()
        check_argument(relation in RELATIONS, "relation", f"must be one of {', '.join(RELATIONS)}, got {relation}")
        whole_number(width, "width", 1)
        self.channels, self.relation, self.width = channels, relation, width
        self.bottleneck = None if bottleneck is None else whole_number(bottleneck, "bottleneck", 1)
        if relation != "softmax_a":
            self.query, self.key = nn.Linear(channels, width), nn.Linear(channels, width)
        self.compress: nn.Module = nn.Identity()
        if bottleneck is not None:
            self.compress = nn.Linear(channels, bottleneck, bias=False)
        self.expand = nn.Linear(bottleneck or channels, channels, bias=False)
        nn.init.zeros_(self.expand.weight)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Enhanced local features (eq. 5) of the same shape, float32.

        Args:
            features: [B, T, d, h, w], a map of every image of B sets.
            mask: [B, T] bool, False for what only fills a shorter set: it is not looked at, and comes out as it is.
        """
        tokens = _tokens(features)
        valid = None if mask is None else mask.repeat_interleave(features.shape[-2] * features.shape[-1], dim=1)
        with torch.autocast(features.device.type, enabled=False):  # the exponents of a softmax need float32
            moved = self.expand(self._related(tokens, self.compress(tokens), valid))
        if valid is not None:
            moved = moved * valid[..., None]
        _, t, _, h, w = features.shape
        return (tokens + moved).unflatten(1, (t, h, w)).permute(0, 1, 4, 2, 3).contiguous()

    def attention(self, features: Tensor, query: tuple[int, int, int]) -> Tensor:
        """How related every place of one set [T, d, h, w] is to one of them: a row of A (eq. 1) as [T, h, w].

        Args:
            query: image, row and column.
        """
        tokens, (t, _, h, w) = _tokens(features[None])[0], features.shape
        queries, keys = self._queries_and_keys(tokens)
        products = keys @ queries.unflatten(0, (t, h, w))[query]
        related = products / len(tokens) if self.relation == "scaled_dot" else products.softmax(0)
        return related.unflatten(0, (t, h, w))

    def multiply_adds(self, regions: int) -> int:
        """For a set of N regions: linear in N with "scaled_dot", quadratic with the others."""
        value, d = self.bottleneck or self.channels, self.channels
        projections = regions * d * value * (1 if self.bottleneck is None else 2)
        if self.relation == "softmax_a":
            return projections + regions**2 * (d + value)
        projections += regions * 2 * d * self.width
        if self.relation == "softmax_b":
            return projections + regions**2 * (self.width + value)
        return projections + 2 * regions * self.width * value

    def _queries_and_keys(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return (tokens, tokens) if self.relation == "softmax_a" else (self.query(tokens), self.key(tokens))

    def _related(self, tokens: Tensor, values: Tensor, valid: Tensor | None) -> Tensor:
        """The values of all regions, summed for every region by its relation to them: [B, N, d] -> [B, N, value]."""
        queries, keys = self._queries_and_keys(tokens)
        if self.relation == "scaled_dot":
            count: Tensor | int = keys.shape[1]
            if valid is not None:
                keys, count = keys * valid[..., None], valid.sum(1).clamp(min=1)[:, None, None]
            return queries @ (keys.mT @ values) / count  # this order never holds N x N numbers
        allowed = None
        if valid is not None:  # where nothing may be looked at, everything is: what comes of it is not used
            allowed = (valid | ~valid.any(1, keepdim=True))[:, None, None]
        q, k, v = (part[:, None] for part in (queries, keys, values))  # one head
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed, scale=1.0)[:, 0]


def _tokens(features: Tensor) -> Tensor:
    """[B, T, d, h, w] -> [B, N, d] float32."""
    return features.float().permute(0, 1, 3, 4, 2).flatten(1, 3)
