"""Verification: against scikit-learn, against cases worked out by hand, and what must always hold."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from helpers.verification import OperatingPoint, tar_at_far
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from clipselect.evaluation.metrics.verification import fold_thresholds

FARS = (0.05, 0.1, 0.3, 0.5, 0.9, 1.0)


@st.composite
def pairs(draw: st.DrawFn, levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Similarities with many ties, and which pairs are genuine; at least three of each kind."""
    n = draw(st.integers(6, 60))
    values = np.array(draw(st.lists(st.integers(0, levels), min_size=n, max_size=n)), dtype=float) / levels
    same = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    same[:3], same[3:6] = True, False
    return values, same


def rates(points: Sequence[OperatingPoint]) -> list[float]:
    return [-1.0 if p.rate is None else p.rate for p in points]


@given(pairs())
def test_tar_lies_on_the_roc_of_scikit_learn_with_ties(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, same = data
    far, tar, _ = roc_curve(same, values, drop_intermediate=False)
    rates_of_roc = np.unique(far)
    on, between = rates_of_roc[1:], (rates_of_roc[1:] + rates_of_roc[:-1]) / 2
    assert rates(tar_at_far(values, same, on)) == pytest.approx([tar[far == rate].max() for rate in on])
    ends = [(tar[far == a].max() + tar[far == b].min()) / 2 for a, b in itertools.pairwise(rates_of_roc)]
    for point, expected in zip(tar_at_far(values, same, between), ends, strict=True):
        assert point.rate == pytest.approx(expected) if point.allowed * (~same).sum() >= 1 else point.rate is None


@given(pairs(levels=10**6))
def test_without_ties_tar_is_that_of_the_most_lenient_threshold_allowed(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, same = data
    values = values + np.arange(len(values)) * 1e-9
    for point in tar_at_far(values, same, FARS):
        allowed = [t for t in [*values, np.inf] if (values[~same] >= t).mean() <= point.allowed + 1e-12]
        if point.allowed * (~same).sum() >= 1 - 1e-9:
            assert point.threshold == min(allowed)
            assert point.rate == pytest.approx((values[same] >= min(allowed)).mean())
        else:
            assert point.rate is None


def test_tied_genuine_and_impostor_pairs_are_accepted_by_lot() -> None:
    # at .5 two genuine pairs and two impostors tie: accepting one of the impostors accepts one of the genuine pairs
    values, same = [0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1], [True, True, True, False, False, False, False]
    points = tar_at_far(values, same, [0.25, 0.5, 0.75, 1.0])
    assert rates(points) == pytest.approx([2 / 3, 1, 1, 1])
    assert [p.threshold for p in points] == [0.9, 0.5, 0.5, 0.1]


def test_where_nothing_strict_enough_occurs_the_threshold_is_infinity() -> None:
    (point,) = tar_at_far([0.5] * 4, [True, True, False, False], [0.5])
    assert point.rate == pytest.approx(0.5) and point.threshold == np.inf


@given(pairs())
def test_tar_rises_with_far_and_depends_on_the_order_of_similarities_alone(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, same = data
    points = tar_at_far(values, same, FARS)
    measured = [p.rate for p in points if p.rate is not None]
    assert measured == sorted(measured) and all(0 <= r <= 1 for r in measured) and measured[-1] == 1
    shuffled = np.random.default_rng(0).permutation(len(values))
    assert rates(tar_at_far(values[shuffled], same[shuffled], FARS)) == pytest.approx(rates(points))
    assert rates(tar_at_far(np.exp(3 * values) - 7, same, FARS)) == pytest.approx(rates(points))


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_far_is_resolved_from_one_impostor_on(impostors: int, per: int) -> None:
    values, same = np.r_[2.0, np.zeros(impostors)], np.r_[True, np.zeros(impostors, bool)]
    (point,) = tar_at_far(values, same, [1 / per])
    assert (point.rate is None) == (point.threshold is None) == (impostors < per)
    assert point.trials == impostors
    if point.rate is not None:
        assert point.rate == 1 and point.why_not is None
    else:
        assert f"needs at least {per} impostor" in str(point.why_not) and f"there are {impostors}" in str(point.why_not)


def test_the_last_digit_of_a_far_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    values, same = rng.random(3000), np.arange(3000) < 1000
    assert rates(tar_at_far(values, same, [0.0005 * 7, 0.1 * 3])) == rates(tar_at_far(values, same, [0.0035, 0.3]))
    assert 0.1 * 3 != 0.3


@pytest.mark.parametrize(
    ("values", "same", "says"),
    [
        ([0.1, 0.2], [True, True], "2 and 0"),
        ([0.1, 0.2], [False, False], "0 and 2"),
        ([], [], "0 and 0"),
        ([0.1, np.nan], [True, False], "NaN"),
        ([0.1, np.inf], [True, False], "infinity"),
        ([0.1, 0.2], [True], r"\[2\] and \[1\]"),
        ([0.1, 0.2], [2, 0], "true or false"),
    ],
)
def test_pairs_that_make_no_roc_are_refused(values: list[float], same: list[bool], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        tar_at_far(values, same, [0.1])


@pytest.mark.parametrize("far", [0, -0.1, 1.1, np.nan])
def test_rates_that_are_none_are_refused(far: float) -> None:
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        tar_at_far([0.1, 0.2], [True, False], [far])


def test_folds_by_hand() -> None:
    # fold b's own best threshold would be right throughout; that of fold a, .6, is wrong about b's genuine pair at .55
    found = fold_thresholds([0.9, 0.3, 0.55, 0.2], [True, False, True, False], ["a", "a", "b", "b"])
    assert found == pytest.approx([0.375, 0.6])


@given(pairs(), st.integers(2, 3))
def test_the_threshold_of_a_fold_is_the_best_of_the_others(data: tuple[np.ndarray, np.ndarray], folds: int) -> None:
    values, same = data
    fold = np.arange(len(values)) % folds
    for f, threshold in enumerate(fold_thresholds(values, same, fold)):
        others = fold != f
        best = max(((values[others] >= t) == same[others]).mean() for t in [*values, np.inf])
        assert ((values[others] >= threshold) == same[others]).mean() == pytest.approx(best)


@given(pairs(levels=16), st.sampled_from([0.5, 2]), st.integers(-3, 3))  # all of it without rounding
def test_folds_do_not_depend_on_order_or_scale(data: tuple[np.ndarray, np.ndarray], scale: float, at: float) -> None:
    values, same = data
    fold, order = np.arange(len(values)) % 3, np.random.default_rng(1).permutation(len(values))
    expected = fold_thresholds(values, same, fold)
    assert np.allclose(fold_thresholds(scale * values[order] + at, same[order], fold[order]), scale * expected + at)


def test_separate_kinds_are_parted_and_equal_ones_are_not() -> None:
    same, folds = np.arange(40) % 2 == 0, np.arange(40) // 4
    assert ((fold_thresholds(np.where(same, 0.8, 0.2), same, folds) - 0.5) == 0).all()
    assert (fold_thresholds(np.zeros(40), same, folds) != 0).all()  # all of them, or none


@pytest.mark.parametrize(
    ("same", "folds", "says"),
    [
        ([True, False] * 3, ["a"] * 6, "at least two folds"),
        ([True, False] * 3, [0, 1], "one fold per pair"),
        ([True] * 3 + [False] * 3, [0, 0, 0, 1, 1, 1], "other than 0 need"),
    ],
)
def test_folds_that_do_not_work_are_refused(same: list[bool], folds: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fold_thresholds(np.linspace(0, 1, 6), same, folds)
