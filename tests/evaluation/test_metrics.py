"""Accuracy, average precision, ROC and their intervals: against scikit-learn and against what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score, top_k_accuracy_score

from clipselect.evaluation.metrics import intervals
from clipselect.evaluation.metrics.accuracy import (
    mean_average_precisions,
    roc_auc,
    topk_correct,
)
from clipselect.evaluation.metrics.intervals import (
    bootstrap_interval,
    bootstrap_means,
    extreme_interval,
    statistic_draws,
)

coarse = arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(2, 6)), elements=st.integers(0, 4).map(float))
"""Probabilities [n, classes] with many ties."""
numbers = arrays(np.float64, st.integers(1, 40), elements=st.floats(-10, 10, width=32))


def mean_average_precision(probabilities: np.ndarray, labels: list[tuple[int, ...]]) -> float:
    """Of all groups, each once."""
    return float(mean_average_precisions(probabilities, labels)(np.ones((1, len(probabilities)), np.float32))[0])


def test_topk_is_scikit_learns_where_nothing_ties() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.random((200, 10)), rng.integers(10, size=200)
    for k in (1, 3, 5):
        expected = top_k_accuracy_score(labels, probabilities, k=k, labels=range(10))
        assert topk_correct(probabilities, labels, k).mean() == pytest.approx(expected)


def test_top1_of_ties_is_argmax_and_k_above_the_classes_is_always_right() -> None:
    probabilities = np.array([[0.5, 0.5, 0.0], [0.2, 0.4, 0.4]])
    assert topk_correct(probabilities, [1, 1], 1).tolist() == [False, True]
    assert topk_correct(probabilities, [2, 0], 9).tolist() == [True, True]


def test_one_of_several_labels_suffices() -> None:
    probabilities = np.array([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]])
    assert topk_correct(probabilities, [(0, 1), (0, 2)], 1).tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "k", "says"),
    [
        ([0], 1, "label"),
        ([(0,), ()], 1, "label"),
        ([0, 3], 1, r"\[0, 3\)"),
        ([0, -1], 1, r"\[0, 3\)"),
        ([0, 1], 0, "k"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: list[int], k: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        topk_correct(np.eye(3)[:2], labels, k)


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        topk_correct(np.array([[0.5, np.nan]]), [0], 1)
    with pytest.raises(ValueError, match="finite"):
        bootstrap_interval([0.5, np.nan])


@given(coarse, st.integers(0, 2**31))
def test_mean_average_precision_is_scikit_learns_with_ties(probabilities: np.ndarray, seed: int) -> None:
    truth = np.random.default_rng(seed).random(probabilities.shape) < 0.4
    truth[:, 0] |= ~truth.any(axis=1)
    present = [c for c in range(truth.shape[1]) if truth[:, c].any()]
    expected = [average_precision_score(truth[:, c], probabilities[:, c]) for c in present]
    labels = [tuple(np.flatnonzero(row).tolist()) for row in truth]
    assert mean_average_precision(probabilities, labels) == pytest.approx(np.mean(expected))


@given(coarse)
def test_a_group_drawn_twice_counts_as_two_groups(probabilities: np.ndarray) -> None:
    n, classes = probabilities.shape
    labels = [(i % classes,) for i in range(n)]
    drawn = np.random.default_rng(n).multinomial(n, np.full(n, 1 / n))
    index = np.repeat(np.arange(n), drawn)
    expected = mean_average_precision(probabilities[index], [labels[i] for i in index])
    found = mean_average_precisions(probabilities, labels)(drawn[None].astype(np.float32))
    assert found == pytest.approx([expected])


@given(coarse, st.integers(0, 2**31))
def test_the_roc_is_scikit_learns_with_ties(probabilities: np.ndarray, seed: int) -> None:
    scores = probabilities.ravel()
    truth = np.random.default_rng(seed).random(len(scores)) < 0.5
    truth[:2] = True, False
    assert roc_auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


def test_a_roc_without_negatives_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        roc_auc([0.1, 0.2], [True, True])


@given(numbers, st.integers(0, 3))
def test_an_interval_holds_the_mean_and_is_the_same_every_time(values: np.ndarray, seed: int) -> None:
    clusters = [i // 2 for i in range(len(values))]
    for of in (None, clusters):
        low, high = bootstrap_interval(values, clusters=of, draws=500, seed=seed)
        assert low - 1e-9 <= values.mean() <= high + 1e-9
        assert (low, high) == bootstrap_interval(values, clusters=of, draws=500, seed=seed)


def test_an_interval_narrows_with_more_groups_but_not_with_copies_of_the_same() -> None:
    few, many = np.array([0.0, 1.0] * 10), np.array([0.0, 1.0] * 500)
    (low, high), (lower, higher) = bootstrap_interval(few), bootstrap_interval(many)
    assert high - low > 3 * (higher - lower)
    copies = [f"video {i % 20}" for i in range(1000)]
    assert bootstrap_interval(many, clusters=copies) == bootstrap_interval(few)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_columns_are_resampled_together_and_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((30, 2))
    whole = bootstrap_means(np.c_[values, values[:, 0] - values[:, 1]], draws=50)
    assert np.allclose(whole[:, 0] - whole[:, 1], whole[:, 2])
    monkeypatch.setattr(intervals, "MAX_NUMBERS", 100)
    assert np.allclose(bootstrap_means(values, draws=50), whole[:, :2])


def test_average_precision_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.random((40, 3)), [(i % 3,) for i in range(40)]
    whole = mean_average_precision(probabilities, labels)
    interval = statistic_draws(mean_average_precisions(probabilities, labels), 40, draws=50).interval
    monkeypatch.setattr(intervals, "MAX_NUMBERS", 90)
    assert mean_average_precision(probabilities, labels) == pytest.approx(whole)
    assert statistic_draws(mean_average_precisions(probabilities, labels), 40, draws=50).interval == pytest.approx(
        interval
    )


def test_the_interval_of_average_precision_is_not_shifted_by_groups_drawn_twice() -> None:
    rare = [(1,) if i % 20 == 9 else (0,) for i in range(400)]  # each rare positive comes after many negatives
    probabilities = np.tile([[0.5, 0.5]], (400, 1)) - np.array([[0, 1e-4]]) * np.arange(400)[:, None]
    statistic = mean_average_precisions(probabilities, rare)
    low, high = statistic_draws(statistic, 400, draws=500).interval
    value = mean_average_precision(probabilities, rare)
    assert 0.2 < (value - low) / (high - low) < 0.8


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clustered", [False, True])
def test_the_interval_of_average_precision_holds_it(seed: int, clustered: bool) -> None:
    # no law: the draws of a few groups with tied scores can be skewed beyond their mean
    labels = [(i % 3,) for i in range(40)]
    probabilities = np.random.default_rng(seed).random((40, 3))
    clusters = [i // 2 for i in range(40)] if clustered else None
    low, high = statistic_draws(
        mean_average_precisions(probabilities, labels), 40, clusters=clusters, draws=200
    ).interval
    assert low < mean_average_precision(probabilities, labels) < high


def test_the_difference_of_two_statistics_is_paired_over_the_draws() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.random((60, 3)), [(i % 3,) for i in range(60)]
    better = probabilities + 0.05 * np.eye(3)[[row[0] for row in labels]]
    one, other = (statistic_draws(mean_average_precisions(p, labels), 60) for p in (better, probabilities))
    low, high = (one - other).interval
    assert (one - other).value == pytest.approx(one.value - other.value) and low < one.value - other.value < high
    assert high - low < (one.interval[1] - one.interval[0]) / 2
    same = one - one
    assert (same.value, *same.interval) == (0, 0, 0)


@given(st.integers(1, 300), st.booleans())
def test_where_all_are_right_or_all_wrong_the_interval_is_clopper_and_pearsons(count: int, right: bool) -> None:
    expected = binomtest(count if right else 0, count).proportion_ci(0.95, "exact")
    for groups in (count, 2 * count):
        found = extreme_interval(np.full(groups, float(right)), count)
        assert found == pytest.approx((expected.low, expected.high))


def test_other_proportions_have_no_exact_interval() -> None:
    for accuracies in (np.array([0.0, 1.0, 1.0]), np.full(5, 0.5)):
        assert extreme_interval(accuracies, len(accuracies)) is None
