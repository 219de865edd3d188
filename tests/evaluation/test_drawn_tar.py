"""Sums of the weights of the first pairs of a list, against plain cumulative sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.evaluation.metrics.drawn_tar import BLOCK, PrefixSums, impostor_totals


@pytest.mark.parametrize("pairs", [1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3])
@given(seed=st.integers(0, 1000))
def test_sums_and_places_are_those_of_the_cumulative_sum(pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.7, (6, 8)).astype(np.float32)
    one, other = rng.integers(6, size=(2, pairs))
    for sides in ((one,), (one, other)):
        sums = PrefixSums(counts, *sides)
        weights = np.prod([counts[side] for side in sides], axis=0)
        slow = np.concatenate([np.zeros((1, 8)), np.cumsum(weights, axis=0, dtype=np.float64)])
        assert (sums.total == slow[-1]).all()
        places = rng.integers(pairs + 1, size=8)
        assert (sums.before(places) == slow[places, np.arange(8)]).all()
        limits = rng.uniform(-1, 1.1, 8) * slow[-1]
        assert (sums.first_above(limits) == (slow[1:] <= limits).sum(axis=0)).all()


def test_totals_of_impostor_pairs_count_each_pair_once_in_either_order() -> None:
    counts = np.array([[1, 2], [1, 0], [1, 3]], np.float32)
    # (0, 1), (1, 0), (0, 2): weights 1 + 1 + 1, then 2 * 0 + 0 * 2 + 2 * 3
    assert impostor_totals(counts, np.array([0, 1, 0]), np.array([1, 0, 2])).tolist() == [3, 6]
