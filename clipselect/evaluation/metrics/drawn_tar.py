"""TAR at FAR over identities drawn again and again, without sorting or summing all pairs for every draw.

An identity that is drawn n times stands for n people: its genuine pairs count n times, impostor pairs of two identities
as often as the product of both counts; an identity and its own copy are no pair.

The order of the pairs is the same in every draw, only their weights differ. The threshold of a FAR lies where the
weights of the most similar impostor pairs sum up to FAR times those of all; so only the first pairs of the list are
summed, and of them the sums of whole blocks are kept. Pure functions over arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipselect.evaluation.metrics.intervals import chunks
from clipselect.evaluation.metrics.verification import MAX_ROUNDING_ERROR
from clipselect.media.optional import require

IntArray = NDArray[np.integer]
Counts = NDArray[np.float32]
"""How often every identity is drawn [identities, draws]."""

BLOCK = 256
"""Pairs whose weights are summed together; their sum is exact in float32."""
MARGIN = 1.5
"""By how much more impostor pairs are looked at than a FAR allows: some draws reach it later."""


class PrefixSums:
    """Sums of the weights of the first pairs of a list, for every draw.

    Args:
        sides: the identity of every pair [n], or both [n]: a pair weighs the product of their counts.
    """

    def __init__(self, counts: Counts, *sides: IntArray) -> None:
        self.counts, self.sides, self.size = counts, sides, len(sides[0])
        blocks = -(-self.size // BLOCK)
        sums = np.empty((blocks, counts.shape[1]), np.float64)
        for part in chunks(blocks, BLOCK * counts.shape[1]):
            pairs = slice(part.start * BLOCK, min(part.stop * BLOCK, self.size))
            sums[part] = np.add.reduceat(self._weights(pairs), np.arange(0, pairs.stop - pairs.start, BLOCK))
        self.after = np.concatenate([np.zeros_like(sums, shape=(1, sums.shape[1])), np.cumsum(sums, axis=0)])

    @property
    def total(self) -> NDArray[np.float64]:
        """Of all pairs [draws]."""
        return self.after[-1]

    def before(self, places: IntArray) -> NDArray[np.float64]:
        """The weights [draws] of all pairs before a place in the list, one for each draw."""
        block = np.minimum(places // BLOCK, len(self.after) - 2)
        within = np.arange(BLOCK)[:, None] < places - block * BLOCK
        return self.after[block, np.arange(len(places))] + (self._blocks(block) * within).sum(axis=0)

    def first_above(self, limits: NDArray[np.float64]) -> NDArray[np.int64]:
        """The place [draws] of the first pair with which the weights are above a limit, one for each draw; the number
        of pairs where none is."""
        block = np.minimum((self.after[1:] <= limits).sum(axis=0), len(self.after) - 2)
        through = self.after[block, np.arange(len(limits))] + np.cumsum(self._blocks(block), axis=0, dtype=np.float64)
        return np.minimum(block * BLOCK + (through <= limits).sum(axis=0), self.size)

    def _weights(self, pairs: slice) -> Counts:
        weights = self.counts[self.sides[0][pairs]]
        for side in self.sides[1:]:
            weights *= self.counts[side[pairs]]
        return weights

    def _blocks(self, block: IntArray) -> Counts:
        """The weights [BLOCK, draws] of the pairs of one block for each draw."""
        places = block * BLOCK + np.arange(BLOCK)[:, None]
        draws, weights = np.arange(len(block)), (places < self.size).astype(np.float32)
        for side in self.sides:
            weights *= self.counts[side[np.minimum(places, self.size - 1)], draws]
        return weights


@dataclass(frozen=True)
class RankedPairs:
    """Pairs from the most similar to the least.

    Attributes:
        falling: [n] minus their similarities, so that it rises.
    """

    falling: NDArray[np.float64]
    sums: PrefixSums

    @classmethod
    def from_similarities(cls, counts: Counts, similarities: NDArray[np.float64], *sides: IntArray) -> "RankedPairs":
        order = np.argsort(-similarities, kind="stable")
        return cls(-similarities[order], PrefixSums(counts, *(side[order] for side in sides)))


def impostor_totals(counts: Counts, one: IntArray, other: IntArray) -> NDArray[np.float64]:
    """The weights [draws] of all impostor pairs, given by the identities [n] of both sides."""
    require("scipy", "evaluation")
    from scipy.sparse import coo_array  # slow to import

    low, high = np.minimum(one, other), np.maximum(one, other)
    pairs = coo_array((np.ones(len(one)), (low, high)), shape=(len(counts), len(counts))).tocsr()
    out = np.empty(counts.shape[1])
    for part in chunks(counts.shape[1], len(counts)):
        drawn = counts[:, part].astype(np.float64)
        out[part] = ((pairs @ drawn) * drawn).sum(axis=0)
    return out


def drawn_tar(
    genuine: RankedPairs,
    most_similar: Callable[[int], RankedPairs],
    impostors: int,
    totals: NDArray[np.float64],
    fars: Sequence[float],
) -> NDArray[np.float64]:
    """TAR at FAR of every draw: share of the genuine pairs from the threshold on that lets that share of the impostor
    pairs pass. Between two thresholds it is interpolated linearly.

    Args:
        most_similar: n -> the n most similar impostor pairs, and those that tie with the last of them.
        impostors: how many there are.
        totals: of `impostor_totals`.
        fars: each in (0, 1].

    Returns:
        [fars, draws], NaN where a draw has no genuine or no impostor pair.
    """
    count = int(MARGIN * max(far for far in fars) * impostors) + BLOCK
    limits = np.stack([far * totals * (1 + MAX_ROUNDING_ERROR) for far in fars])
    while True:
        first = most_similar(min(count, impostors))
        reached = (limits < first.sums.total) | (limits >= totals)  # nothing is above all of them, at a FAR of 1
        if count >= impostors or reached.all():
            return np.stack([_tar(genuine, first, totals, limit) for limit in limits])
        count *= 4


def _tar(
    genuine: RankedPairs, impostor: RankedPairs, totals: NDArray[np.float64], limits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[draws] at the allowed weights [draws] of impostor pairs; between the points of the ROC it is interpolated."""
    at = np.minimum(impostor.sums.first_above(limits), impostor.sums.size - 1)
    value = impostor.falling[at]
    start, stop = (np.searchsorted(impostor.falling, value, side) for side in ("left", "right"))  # pairs that tie
    before, after = impostor.sums.before(start), impostor.sums.before(stop)
    place = ((limits - before) / np.maximum(after - before, 1)).clip(0, 1)
    strict, tied = (genuine.sums.before(np.searchsorted(genuine.falling, value, side)) for side in ("left", "right"))
    with np.errstate(invalid="ignore", divide="ignore"):
        tar = (strict + place * (tied - strict)) / genuine.sums.total
    tar[limits >= totals] = 1.0
    tar[(totals == 0) | (genuine.sums.total == 0)] = np.nan
    return tar
