"""Equations 8 to 11: worked by hand, for the three ways to rescale, and the laws of weights and aggregates."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.method.aggregation import Rescale, aggregate, rescaled, weights

BIG = float(np.finfo(np.float32).max)
RESCALES: list[Rescale | None] = ["candidates", "kept", None]
float32 = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1e-45, -1e-45, 0.1, 1.0, BIG, -BIG]
)
float64 = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0, 1) | st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 1e300])


@st.composite
def group(draw: st.DrawFn, values: st.SearchStrategy[float] = float32) -> tuple[list[float], list[int]]:
    """Scores of all candidates and the indices of those kept, in any order."""
    scores = draw(st.lists(values, min_size=1, max_size=10))
    order = draw(st.permutations(range(len(scores))))
    return scores, list(order[: draw(st.integers(1, len(scores)))])


@st.composite
def kept(draw: st.DrawFn) -> tuple[list[list[float]], list[float]]:
    """Features [k, d] and weights [k], not all 0."""
    count, dim = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    features = draw(st.lists(st.lists(float32, min_size=dim, max_size=dim), min_size=count, max_size=count))
    w = draw(st.lists(positive, min_size=count, max_size=count).filter(any))
    return features, w


# --- equations 9 to 11 -----------------------------------------------------------------------------------------------


def test_eq_9_to_11_by_hand() -> None:
    # scores 0.2, 0.6, 1.0. Eq. 10: K = 1 / (1.0 - 0.2) = 1.25. Eq. 11: B = 1 - 1.25 * 1.0 = -0.25.
    # Eq. 9: 1.25 * 0.2 - 0.25 = 0;  1.25 * 0.6 - 0.25 = 0.5;  1.25 * 1.0 - 0.25 = 1.
    assert rescaled([0.2, 0.6, 1.0]).tolist() == pytest.approx([0, 0.5, 1])


def test_the_three_ways_to_rescale_by_hand() -> None:
    scores, picked = [0.9, 0.1, 0.5, 0.7], [0, 3, 2]
    # None, the default: the scores themselves
    assert weights(scores, picked).tolist() == weights(scores, picked, None).tolist() == pytest.approx([0.9, 0.7, 0.5])
    # candidates: K = 1 / (0.9 - 0.1) = 1.25, B = 1 - 1.25 * 0.9 = -0.125: 1, 1.25 * 0.7 - 0.125 = 0.75, 0.5
    assert weights(scores, picked, "candidates").tolist() == pytest.approx([1, 0.75, 0.5])
    # kept: K = 1 / (0.9 - 0.5) = 2.5, B = 1 - 2.5 * 0.9 = -1.25: 1, 2.5 * 0.7 - 1.25 = 0.5, 0
    assert weights(scores, picked, "kept").tolist() == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize("rescale", RESCALES)
def test_one_element_has_weight_and_equal_scores_have_equal_weights(rescale: Rescale | None) -> None:
    assert weights([0.3], [0], rescale)[0] > 0
    equal = weights([0.3] * 4, [2, 0, 1], rescale)
    assert equal[0] == equal[1] == equal[2] > 0


def test_scores_without_a_range_rescale_to_one() -> None:
    assert rescaled([0.3]).tolist() == [1]
    assert rescaled([0.3, 0.3, 0.3]).tolist() == [1, 1, 1]
    assert rescaled([0.0, -0.0]).tolist() == [1, 1]


def test_the_widest_and_the_smallest_range_of_floats_are_ranges() -> None:
    assert rescaled([1.7e308, -1.7e308, 0.0]).tolist() == [1, 0, 0.5]
    assert rescaled([5e-324, 0.0]).tolist() == [1, 0]


def test_weights_that_would_all_be_zero_are_all_one() -> None:
    # only the worst candidate kept: its weight among candidates is 0, and so is the score of a saturated network
    assert weights([0.3, 0.1, 0.2], [1], "candidates").tolist() == [1]
    assert weights([0.0, 0.0, 0.2], [1, 0], None).tolist() == [1, 1]


@given(group(float32 | float64), st.sampled_from(RESCALES))
def test_weights_lie_in_0_to_1_and_are_not_all_zero(
    data: tuple[list[float], list[int]], rescale: Rescale | None
) -> None:
    scores, picked = data
    w = weights(scores, picked, rescale)
    assert w.shape == (len(picked),)
    assert ((w >= 0) & (w <= 1)).all()  # a NaN fails this too
    assert w.any()


@given(st.lists(float32, min_size=1, max_size=12))
def test_rescaled_scores_span_0_to_1_and_keep_their_order(scores: list[float]) -> None:
    out = rescaled(scores)
    assert out.max() == 1
    assert out.min() == (0 if len(set(scores)) > 1 else 1)
    assert (np.diff(out[np.argsort(scores)]) >= 0).all()


@given(group())
def test_rescaling_over_the_kept_gives_the_worst_kept_element_nothing_unless_all_are_equal(
    data: tuple[list[float], list[int]],
) -> None:
    scores, picked = data
    w = weights(scores, picked, "kept")
    values = [scores[i] for i in picked]
    assert w[values.index(max(values))] == 1
    assert w[values.index(min(values))] == (0 if min(values) < max(values) else 1)


@given(group())
def test_rescaling_over_candidates_weighs_the_best_of_all_one_and_the_best_kept_something(
    data: tuple[list[float], list[int]],
) -> None:
    scores, picked = data
    w = weights(scores, picked, "candidates")
    for position, i in enumerate(picked):
        if scores[i] == max(scores):
            assert w[position] == 1
    values = [scores[i] for i in picked]
    assert w[values.index(max(values))] > 0


@given(group(), st.sampled_from(RESCALES), st.randoms(use_true_random=False))
def test_a_weight_does_not_depend_on_the_order_of_the_picks(
    data: tuple[list[float], list[int]], rescale: Rescale | None, rng: Random
) -> None:
    scores, picked = data
    before = dict(zip(picked, weights(scores, picked, rescale).tolist(), strict=True))
    rng.shuffle(picked)
    assert dict(zip(picked, weights(scores, picked, rescale).tolist(), strict=True)) == before


@given(st.lists(float32, min_size=1, max_size=10), st.sampled_from(RESCALES))
def test_equal_scores_have_equal_weights(scores: list[float], rescale: Rescale | None) -> None:
    twice = scores + scores
    w = weights(twice, range(len(twice)), rescale)
    assert (w[: len(scores)] == w[len(scores) :]).all()


@pytest.mark.parametrize("bad", [[float("nan"), 1.0], [float("inf"), 1.0], []])
def test_bad_scores_are_an_error(bad: list[float]) -> None:
    with pytest.raises(ArgumentError, match="scores"):
        rescaled(bad)
    for in_unit_interval in (True, False):
        with pytest.raises(ArgumentError, match="scores"):
            weights(bad, [0], in_unit_interval=in_unit_interval)


def test_an_unknown_way_to_rescale_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"rescale must be one of .*got 'none'"):
        weights([0.3, 0.1], [0], "none")  # type: ignore[arg-type]


# --- equation 8 ------------------------------------------------------------------------------------------------------


def test_eq_8_by_hand() -> None:
    features = torch.tensor([[3.0, 0.0], [0.0, 3.0], [9.0, 9.0]])
    # (1 f_1 + 0.5 f_2 + 0 f_3) / (1 + 0.5 + 0) = (3, 1.5) / 1.5 = (2, 1)
    assert aggregate(features, [1, 0.5, 0]).tolist() == pytest.approx([2, 1])


@pytest.mark.parametrize("weight", [0.25, 5e-324, 1.7e308])
def test_equal_weights_give_the_mean_however_small_or_large(weight: float) -> None:
    features = torch.tensor([[1.0, 2.0], [3.0, 6.0], [8.0, 1.0]])
    assert aggregate(features, [weight] * 3).tolist() == pytest.approx([4, 3])


def test_maps_are_aggregated_like_vectors_and_keep_their_dtype() -> None:
    features = torch.arange(12.0).reshape(2, 2, 3).half()
    out = aggregate(features, torch.tensor([1.0, 3.0]))
    assert out.dtype == torch.float16
    assert out.tolist() == (features[0] * 0.25 + features[1] * 0.75).tolist()  # exact in halves


def test_probabilities_stay_probabilities() -> None:
    probabilities = torch.softmax(torch.arange(15.0).reshape(5, 3).sin(), dim=1)
    assert float(aggregate(probabilities, [0.1, 0.2, 0.9, 0.0, 1.0]).sum()) == pytest.approx(1)


@given(kept())
def test_the_aggregate_is_a_convex_combination(data: tuple[list[list[float]], list[float]]) -> None:
    features, w = torch.tensor(data[0], dtype=torch.float32), data[1]
    out = aggregate(features, w)
    assert bool(((out >= features.amin(dim=0)) & (out <= features.amax(dim=0))).all())  # a NaN fails this too


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=6), st.data())
def test_the_aggregate_of_float64_is_a_convex_combination(values: list[float], data: st.DataObject) -> None:
    w = data.draw(st.lists(positive, min_size=len(values), max_size=len(values)).filter(any))
    out = float(aggregate(torch.tensor(values, dtype=torch.float64), w))
    slack = 1e-14 * max(map(abs, values))
    assert min(values) - slack <= out <= max(values) + slack


@given(kept(), st.randoms(use_true_random=False))
def test_the_order_of_the_kept_elements_does_not_matter(
    data: tuple[list[list[float]], list[float]], rng: Random
) -> None:
    features, w = torch.tensor(data[0], dtype=torch.float64), torch.tensor(data[1], dtype=torch.float64)
    order = list(range(len(w)))
    rng.shuffle(order)
    slack = 1e-14 * float(features.abs().max())
    assert (aggregate(features[order], w[order]) - aggregate(features, w)).abs().max() <= slack


@given(kept(), st.sampled_from([1e-3, 2.0, 1e6]))
def test_only_the_ratios_of_the_weights_matter(data: tuple[list[list[float]], list[float]], factor: float) -> None:
    features = torch.tensor(data[0], dtype=torch.float64)
    w = torch.tensor(data[1], dtype=torch.float64).clamp(max=1)
    w = torch.where(w < 1e-200, 0, w) if bool((w >= 1e-200).any()) else torch.ones_like(w)
    slack = 1e-14 * float(features.abs().max())
    assert (aggregate(features, w * factor) - aggregate(features, w)).abs().max() <= slack


@pytest.mark.parametrize("w", [[0.0, 0.0], [1.0, -0.5], [float("nan"), 1.0], [1.0, float("inf")]])
def test_weights_that_are_negative_not_finite_or_all_zero_are_an_error(w: list[float]) -> None:
    with pytest.raises(ArgumentError, match="weights"):
        aggregate(torch.ones(2, 3), w)


@pytest.mark.parametrize("w", [[1.0], [1.0, 1.0, 1.0], [[1.0, 1.0]]])
def test_there_is_one_weight_per_row(w: list[float]) -> None:
    with pytest.raises(ArgumentError, match="one weight per row"):
        aggregate(torch.ones(2, 3), w)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("scores", lambda: weights("x", [0])),  # type: ignore[arg-type]
        ("kept", lambda: weights([0.1, 0.2], "y")),
        ("kept", lambda: weights([0.1, 0.2], [2])),
        ("kept", lambda: weights([0.1, 0.2], [True, False])),
        ("features", lambda: aggregate([[1.0], [2.0]], [1, 1])),  # type: ignore[arg-type]
        ("features", lambda: aggregate(torch.ones(2, 3, dtype=torch.uint8), [1, 1])),  # whose mean is no integer
        ("weights", lambda: aggregate(torch.ones(2, 3), "ab")),
    ],
)
def test_arguments_of_another_type_are_named(argument: str, call: Callable[[], object]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.argument == argument and caught.value.problem.startswith("must ")
