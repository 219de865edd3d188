"""Equation 4: from discriminabilities to D-scores, worked by hand, and the laws for any finite input."""

import math

import pytest
import torch
from helpers.laws import BIG, float32
from hypothesis import given
from hypothesis import strategies as st

from clipselect.method.discriminability import Normalisation, d_scores, normalisation


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_eq_4_by_hand() -> None:
    values = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    norm = normalisation(values, outliers=0)
    # mu = 2; sigma = sqrt(((-1)^2 + 0 + 1^2) / 3) = 0.8165, the population's; (D - mu) / sigma = -1.2247, 0, 1.2247.
    sigma = math.sqrt(2 / 3)
    assert (norm.mu, norm.sigma, norm.low, norm.high) == (2, pytest.approx(sigma), 1, 3)
    expected = [sigmoid(-1 / sigma), 0.5, sigmoid(1 / sigma)]  # 0.2271, 0.5, 0.7729
    assert d_scores(values, norm).tolist() == pytest.approx(expected)


def test_outliers_are_clipped_before_the_statistics_and_before_the_sigmoid() -> None:
    values = torch.tensor([*range(100), 1e9], dtype=torch.float64)
    norm = normalisation(values, outliers=0.01)  # of 101 values, the 1 % quantiles are the 2nd and the 100th
    assert (norm.low, norm.high) == (1, 99)
    # clipped: 1, 1, 2, ..., 98, 99, 99. mean 50; sum of squares about it 2 (1^2 + ... + 49^2) + 2 * 49^2 = 85652.
    assert norm.mu == pytest.approx(50)
    assert norm.sigma == pytest.approx(math.sqrt(85652 / 101))
    scores = d_scores(values, norm)
    assert scores[0] == scores[1]
    assert scores[-1] == scores[-2]
    assert scores[-2] > scores[-3]


def test_an_unseen_outlier_is_clipped_to_the_training_set() -> None:
    norm = Normalisation(mu=0, sigma=1, low=-1, high=2)
    assert d_scores(torch.tensor([-1e30, 1e30]), norm).tolist() == pytest.approx([sigmoid(-1), sigmoid(2)])


@pytest.mark.parametrize("values", [[3.0], [0.25] * 5, [0.0] * 3, [1e-45] * 4, [BIG] * 2])
def test_equal_discriminabilities_all_score_one_half(values: list[float]) -> None:
    norm = normalisation(torch.tensor(values))
    assert norm.sigma == 0
    assert d_scores(torch.tensor(values), norm).tolist() == [0.5] * len(values)


def test_no_elements_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="at least one"):
        normalisation(torch.zeros(0))


@given(st.lists(float32, min_size=1, max_size=12))
def test_d_scores_of_any_finite_values_are_numbers_from_0_to_1_in_the_same_order(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    scores = d_scores(tensor, normalisation(tensor))
    assert bool(((scores >= 0) & (scores <= 1)).all())
    assert bool((scores[tensor.argsort()].diff() >= 0).all())


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50))
def test_d_scores_of_discriminabilities_lie_strictly_inside_0_and_1(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    scores = d_scores(tensor, normalisation(tensor))
    assert bool(((scores > 0) & (scores < 1)).all())


@given(st.floats(-100, 100), st.integers(1, 50))
def test_equal_float64_discriminabilities_all_score_one_half(value: float, count: int) -> None:
    tensor = torch.full((count,), value, dtype=torch.float64)
    assert d_scores(tensor, normalisation(tensor)).tolist() == [0.5] * count


def test_equal_discriminabilities_have_no_spread_although_their_mean_is_rounded() -> None:
    values = torch.full((7,), 0.1, dtype=torch.float64)  # numpy: mean 0.09999999999999999, std 1.4e-17
    assert normalisation(values) == Normalisation(mu=0.1, sigma=0, low=0.1, high=0.1)
    assert d_scores(values, normalisation(values)).tolist() == [0.5] * 7


def test_a_spread_too_small_for_float32_gives_no_nan() -> None:
    values = torch.tensor([0.0] * 60 + [1e-45] * 2)
    assert not bool(d_scores(values, normalisation(values, outliers=0)).isnan().any())


@given(st.lists(float32, min_size=1, max_size=12))
def test_d_scores_of_any_float32_are_numbers_from_0_to_1(values: list[float]) -> None:
    scores = d_scores(torch.tensor(values), normalisation(torch.tensor(values)))
    assert bool(((scores >= 0) & (scores <= 1)).all())
