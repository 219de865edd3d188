"""Equation 6 by hand, the ranking loss, and the even sampling of D-scores."""

import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipselect.method.losses import distillation_loss, even_weights, ranking_loss


def test_eq_6_by_hand() -> None:
    # N = 2: 1 / (2 * 2) * ((0.5 - 0.1)^2 + (0.9 - 1.0)^2) = (0.16 + 0.01) / 4 = 0.0425
    loss = distillation_loss(torch.tensor([0.5, 0.9]), torch.tensor([0.1, 1.0]))
    assert float(loss) == pytest.approx(0.0425)


def test_eq_6_is_zero_for_exact_scores_and_pulls_towards_the_d_score() -> None:
    target = torch.tensor([0.25, 0.5, 0.75])
    assert float(distillation_loss(target, target)) == 0
    scores = torch.tensor([0.5, 0.5, 0.5], requires_grad=True)
    distillation_loss(scores, target).backward()
    # d/ds of 1/(2N) (s - D)^2 = (s - D) / N
    assert scores.grad is not None
    assert scores.grad.tolist() == pytest.approx([0.25 / 3, 0, -0.25 / 3])


def test_the_ranking_loss_by_hand() -> None:
    # one pair: element 0 is better by 0.8 and its logit is higher by 2: ln(1 + e^-2); the other way round ln(1 + e^2)
    d = torch.tensor([0.9, 0.1])
    assert float(ranking_loss(torch.tensor([2.0, 0.0]), d)) == pytest.approx(math.log(1 + math.exp(-2)))
    assert float(ranking_loss(torch.tensor([0.0, 2.0]), d)) == pytest.approx(math.log(1 + math.exp(2)))


def test_the_ranking_loss_averages_over_the_pairs() -> None:
    # pairs (0, 1), (0, 2), (1, 2) with logit differences 1, 3, 2
    loss = ranking_loss(torch.tensor([3.0, 2.0, 0.0]), torch.tensor([0.9, 0.5, 0.1]))
    assert float(loss) == pytest.approx(sum(math.log(1 + math.exp(-x)) for x in (1, 3, 2)) / 3)


def test_only_pairs_further_apart_than_the_margin_count() -> None:
    d, logits = torch.tensor([0.75, 0.25]), torch.tensor([1.0, 0.0])
    assert float(ranking_loss(logits, d, margin=0.5)) == 0  # a difference of the margin itself does not count
    assert float(ranking_loss(logits, d, margin=0.4)) > 0


def test_the_gradient_lifts_the_better_element_and_lowers_the_worse() -> None:
    logits = torch.zeros(2, requires_grad=True)
    ranking_loss(logits, torch.tensor([0.2, 0.8])).backward()
    assert logits.grad is not None
    assert logits.grad[0] > 0 > logits.grad[1]  # descent goes against the gradient


@pytest.mark.parametrize("d", [[0.5], [0.5, 0.5, 0.5], [0.5, 0.55]])
def test_no_pairs_cost_nothing_and_still_have_a_gradient(d: list[float]) -> None:
    logits = torch.ones(len(d), requires_grad=True)
    loss = ranking_loss(logits, torch.tensor(d))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [0] * len(d)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_the_right_order_costs_least(ranks: list[int], rng: Random) -> None:
    d = torch.tensor(ranks, dtype=torch.float64) / 100
    logits = d * 5
    order = list(range(len(ranks)))
    rng.shuffle(order)
    right, shuffled, reversed_ = (float(ranking_loss(x, d, margin=0)) for x in (logits, logits[order], -logits))
    assert right <= shuffled + 1e-12
    assert shuffled <= reversed_ + 1e-12
    assert right < math.log(2) < reversed_


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 20))
def test_sampling_probabilities_are_positive_and_sum_to_one(d: list[float], bins: int) -> None:
    p = even_weights(d, bins)
    assert p.shape == (len(d),)
    assert (p > 0).all()
    assert p.sum() == pytest.approx(1)


@given(st.lists(st.integers(0, 64), max_size=40))
def test_every_occupied_part_of_the_range_is_equally_likely(values: list[int]) -> None:
    values = [0, 64, *values]  # in 64ths, so that the 8 parts of the range 0 to 1 are exact: 0-7, 8-15, ..., 56-64
    parts = [min(v // 8, 7) for v in values]
    p = even_weights(np.array(values) / 64, bins=8)
    for part in set(parts):
        inside = [p[i] for i in range(len(values)) if parts[i] == part]
        assert sum(inside) == pytest.approx(1 / len(set(parts)))
        assert max(inside) == min(inside)


def test_even_weights_by_hand() -> None:
    # range 0.2 to 0.8 in 2 parts: 0.2, 0.2, 0.3 and 0.8. Each part 1/2: 1/6 for the three, 1/2 for the one.
    assert even_weights([0.2, 0.8, 0.2, 0.3], bins=2).tolist() == pytest.approx([1 / 6, 1 / 2, 1 / 6, 1 / 6])


@pytest.mark.parametrize("d", [[0.5], [0.5] * 4, [0.1] * 7, [0.0, 0.0]])
def test_equal_d_scores_are_equally_likely(d: list[float]) -> None:
    with np.errstate(all="raise"):  # no 0 / 0 on the way
        p = even_weights(d)
    assert p.tolist() == pytest.approx([1 / len(d)] * len(d))


@pytest.mark.parametrize("d", [[], [[0.1, 0.2]]])
def test_d_scores_must_be_a_list(d: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one number"):
        even_weights(d)
