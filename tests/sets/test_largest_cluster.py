"""The largest cluster of a set's features, and the frames without outliers."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.sets.largest_cluster import largest_cluster
from clipselect.sets.median_outliers import without_outliers

Kept = Callable[[NDArray[np.floating]], NDArray[np.int64]]
BOTH = pytest.mark.parametrize("kept", [largest_cluster, without_outliers])


def at(*degrees: float) -> NDArray[np.float64]:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def unit(n: int, d: int, seed: int) -> NDArray[np.float64]:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@BOTH
def test_a_frame_unlike_the_others_is_left_out_wherever_it_stands(kept: Kept) -> None:
    assert kept(at(0, 3, 8, 12, 100)).tolist() == [0, 1, 2, 3]
    assert kept(at(100, 0, 3, 8, 12)).tolist() == [1, 2, 3, 4]


@BOTH
@pytest.mark.parametrize("degrees", [(40,), (0, 90), (20, 20, 20, 20)])
def test_one_or_two_frames_and_equal_ones_all_stay(kept: Kept, degrees: tuple[float, ...]) -> None:
    assert kept(at(*degrees)).tolist() == [*range(len(degrees))]


@BOTH
def test_features_of_length_0_are_no_error(kept: Kept) -> None:
    assert kept(np.zeros((4, 3))).size >= 1
    assert 4 not in kept(np.concatenate([at(0, 1, 2, 3), np.zeros((1, 2))]))


@BOTH
@given(st.integers(1, 12), st.integers(0, 10_000))
def test_the_order_makes_no_difference_and_something_is_kept(kept: Kept, n: int, seed: int) -> None:
    features, order = unit(n, 8, seed), np.random.default_rng(seed).permutation(n)
    found = kept(features)
    assert len(found) >= 1 and found.tolist() == sorted({*found.tolist()})
    assert sorted(order[kept(features[order])].tolist()) == found.tolist()


@given(st.integers(1, 30), st.integers(0, 10_000))
def test_at_least_half_of_the_frames_are_no_outliers(n: int, seed: int) -> None:
    assert 2 * len(without_outliers(unit(n, 8, seed))) >= n


def test_of_two_clusters_the_larger_one_and_of_equals_the_denser_one() -> None:
    assert largest_cluster(at(0, 5, 100, 105, 110)).tolist() == [2, 3, 4]
    assert largest_cluster(at(0, 10, 100, 105)).tolist() == [2, 3]


def test_outliers_by_hand() -> None:
    rows = at(0, 10, 20, 90)
    middle = np.median(rows, axis=0)
    distances = 1 - rows @ middle / np.linalg.norm(middle)
    deviation = 1.4826 * np.median(np.abs(distances - np.median(distances)))
    assert distances[3] > np.median(distances) + 3 * deviation > distances[:3].max()
    assert without_outliers(rows).tolist() == [0, 1, 2]
