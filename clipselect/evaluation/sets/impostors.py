"""Cosines of pairs of sets, and the most similar impostor pairs among millions."""

import numpy as np
from numpy.typing import NDArray

from clipselect.evaluation.metrics.intervals import chunks
from clipselect.evaluation.sets.face_sets import Pairs

MAX_PAIRS_AT_ONCE = 1024  # their rows then stay in the processor's cache
MAX_CELLS_PER_PAIR = 40
"""Of the matrix of all cosines, so that computing it takes no longer than gathering the rows of the pairs."""

Unit = NDArray[np.float64]
"""Features of all sets [g, d], of length 1."""


def cosines(unit: Unit, first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.float64]:
    """Cosines [p] of pairs of rows.

    A few pairs at a time: the rows of all pairs of IJB-C would take 130 GB. In float64: float32 rounds cosines into
    ties and out of them, and thresholds lie between cosines.
    """
    out = np.empty(len(first))
    for start in range(0, len(out), MAX_PAIRS_AT_ONCE):
        part = slice(start, start + MAX_PAIRS_AT_ONCE)
        np.einsum("pd,pd->p", unit[first[part]], unit[second[part]], out=out[part])
    return out


class Impostors:
    """The impostor pairs of a round, in the order of their first sets.

    Attributes:
        first, second: [p] int32 places in the list of sets.
    """

    def __init__(self, pairs: Pairs) -> None:
        places = np.flatnonzero(~pairs.same)
        places = places[np.argsort(pairs.first[places], kind="stable")]
        self.first, self.second = (side[places].astype(np.int32) for side in (pairs.first, pairs.second))
        self._rows, starts = np.unique(self.first, return_index=True)
        self._starts = np.r_[starts, len(self.first)]
        self._columns, column = np.unique(self.second, return_inverse=True)
        self._is_dense = len(self._rows) * len(self._columns) <= MAX_CELLS_PER_PAIR * len(self.first)
        self._column = column.astype(np.int32) if self._is_dense else None

    def __len__(self) -> int:
        return len(self.first)

    def approximate(self, unit: Unit) -> NDArray[np.floating]:
        """Cosines [p] that are off by no more than `max_error`; exact where there are few pairs."""
        if self._column is None:
            return cosines(unit, self.first, self.second)
        features = unit.astype(np.float32)
        right, out = features[self._columns].T, np.empty(len(self), np.float32)
        for part in chunks(len(self._rows), len(self._columns)):
            matrix = features[self._rows[part]] @ right
            pairs = slice(self._starts[part.start], self._starts[part.stop])
            row = np.repeat(np.arange(len(matrix)), np.diff(self._starts[part.start : part.stop + 1]))
            out[pairs] = matrix[row, self._column[pairs]]
        return out

    def most_similar(
        self, unit: Unit, approximate: NDArray[np.floating], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places of the `n` most similar pairs, and of those that tie with the last of them, and their cosines."""
        last = len(self) - n
        bar = np.partition(approximate, last)[last] - 2 * max_error(unit.shape[1])
        places = np.flatnonzero(approximate >= bar)
        exact = cosines(unit, self.first[places], self.second[places])
        kept = exact >= np.partition(exact, len(exact) - n)[len(exact) - n]
        return places[kept], exact[kept]


def max_error(dim: int) -> float:
    """Bound of the rounding error of a cosine of `dim` products in float32."""
    return float((dim + 4) * np.finfo(np.float32).eps)
