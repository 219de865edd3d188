"""Every way of choosing and weighing the frames of a group, by hand and by law."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.evaluation.sets import Method, chosen, group_features, methods

ALL = methods([1, 3, 50])

SCORES = np.array([0.2, 0.9, 0.1, 0.6, 0.4])
BY_HAND: dict[Method, tuple[list[int], list[float]]] = {
    # rescaled over the group: (score - 0.1) / 0.8
    Method("average"): ([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]),
    Method("top1"): ([1], [1]),
    Method("ddl_all"): ([0, 1, 2, 3, 4], [0.125, 1, 0, 0.625, 0.375]),
    Method("ddl_all_no_rescale"): ([0, 1, 2, 3, 4], [0.2, 0.9, 0.1, 0.6, 0.4]),
    Method("ddl_threshold"): ([1, 3, 4], [1, 0.625, 0.375]),
    Method("ddl_threshold_no_rescale"): ([1, 3, 4], [0.9, 0.6, 0.4]),
    Method("ddl_threshold_literal"): ([1, 3, 4], [1, 0.4, 0]),  # over the kept: (score - 0.4) / 0.5
    Method("ddl_half"): ([1, 3, 4], [1, 0.625, 0.375]),
    Method("ddl_half_average"): ([1, 3, 4], [1, 1, 1]),
    Method("even_half"): ([0, 2, 4], [1, 1, 1]),
    Method("ddl", 3): ([1, 3, 4], [1, 0.625, 0.375]),
    Method("ddl_average", 3): ([1, 3, 4], [1, 1, 1]),
    Method("ddl_no_rescale", 3): ([1, 3, 4], [0.9, 0.6, 0.4]),
    Method("ddl_literal", 3): ([1, 3, 4], [1, 0.4, 0]),
    Method("ddl_literal", 1): ([1], [1]),
    Method("even", 1): ([2], [1]),
    Method("even", 3): ([0, 2, 4], [1, 1, 1]),
    Method("first", 3): ([0, 1, 2], [1, 1, 1]),
}


def choose(method: Method, scores: Sequence[float] | NDArray[Any], seed: int = 0) -> tuple[list[int], list[float]]:
    kept, weight = chosen(method, np.asarray(scores), threshold=0.25, seed=(seed,))
    return kept.tolist(), weight.tolist()


@pytest.mark.parametrize("method", BY_HAND, ids=lambda m: f"{m.name}-{m.k}")
def test_each_method_by_hand(method: Method) -> None:
    kept, weight = choose(method, SCORES)
    assert kept == BY_HAND[method][0] and weight == pytest.approx(BY_HAND[method][1])
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    found, counts = group_features(features, SCORES, [np.arange(5)], method, threshold=0.25)
    assert found[0] == pytest.approx(np.average(features[kept], axis=0, weights=weight), abs=1e-6)
    assert counts.tolist() == [len(kept)]


def test_every_method_that_is_compared_is_among_those_done_by_hand_but_random() -> None:
    assert {m.name for m in methods([3])} == {m.name for m in BY_HAND} | {"random"}
    assert len({*ALL}) == len(ALL) == 10 + 3 * 7 and [m.k for m in methods([])] == [None] * 10


def test_which_methods_read_scores() -> None:
    assert {m.name for m in ALL if not m.reads_scores} == {"average", "even", "even_half", "first", "random"}
    for method in ALL:
        if not method.reads_scores:
            assert choose(method, SCORES) == choose(method, SCORES[::-1])


def test_random_frames_are_different_ones_and_depend_on_the_seed_and_the_group() -> None:
    drawn = [choose(Method("random", 3), SCORES, seed)[0] for seed in range(300)]
    assert all(kept == sorted({*kept}) and len(kept) == 3 for kept in drawn)
    assert np.bincount(np.concatenate(drawn), minlength=5) / 300 == pytest.approx(3 / 5, abs=0.1)
    features, groups = np.eye(40, dtype=np.float32), [np.arange(20), np.arange(20, 40)]

    def picks(seed: int) -> list[list[int]]:
        found, _ = group_features(features, np.full(40, 0.5), groups, Method("random", 5), seed=seed)
        return [np.flatnonzero(row).tolist() for row in found]

    assert picks(0) == picks(0) != picks(1)
    assert [i + 20 for i in picks(0)[0]] != picks(0)[1]


def test_nothing_above_the_threshold_leaves_the_best_and_equal_scores_weigh_alike() -> None:
    assert choose(Method("ddl_threshold"), [0.1, 0.2, 0.15]) == ([1], [1])
    for method in ALL:
        kept, weight = choose(method, [0.5] * 4)
        assert len({*weight}) == 1 and weight[0] > 0 and kept


def test_rows_of_a_group_may_stand_anywhere() -> None:
    features = np.arange(12, dtype=np.float32).reshape(6, 2)
    scores = np.array([0.1, 0.9, 0.3, 0.2, 0.8, 0.7])
    found, counts = group_features(
        features, scores, [np.array([5, 0, 1]), np.array([3]), np.array([4, 2])], Method("top1")
    )
    assert found.tolist() == [[2, 3], [6, 7], [8, 9]] and counts.tolist() == [1, 1, 1]
    assert found.dtype == np.float32 and counts.dtype == np.int64
    empty, none = group_features(features, scores, [], Method("average"))
    assert empty.shape == (0, 2) and none.shape == (0,)


groups_of_scores = st.lists(
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9), min_size=1, max_size=4
)  # as scores are, within (0, 1)


@given(groups_of_scores, st.sampled_from(ALL), st.floats(0, 1), st.integers(0, 99))
def test_a_groups_feature_is_a_convex_combination_of_as_many_as_are_counted(
    values: list[list[float]], method: Method, threshold: float, seed: int
) -> None:
    sizes = [len(v) for v in values]
    scores = np.concatenate([np.array(v) for v in values])
    groups = np.split(np.arange(len(scores)), np.cumsum(sizes)[:-1])
    # one-hot features: the group's feature is the weights themselves
    found, counts = group_features(
        np.eye(len(scores), dtype=np.float32), scores, groups, method, threshold=threshold, seed=seed
    )
    for row, rows, count in zip(found, groups, counts, strict=True):
        assert (row >= 0).all() and row.sum() == pytest.approx(1, abs=1e-5)
        assert np.delete(row, rows).sum() == 0 and np.count_nonzero(row) <= count <= len(rows)
        if method.k is not None:
            assert count == min(method.k, len(rows))
        elif method.name == "top1":
            assert count == 1
        elif "threshold" in method.name:
            assert count == max((scores[rows] > threshold).sum(), 1)
        elif "half" in method.name:
            assert count == len(rows) - len(rows) // 2
        else:
            assert count == len(rows)


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9), st.integers(0, 5))
def test_k_of_at_least_all_is_all(scores: list[float], more: int) -> None:
    k = len(scores) + more
    assert choose(Method("ddl", k), scores) == choose(Method("ddl_all"), scores)
    assert choose(Method("ddl_no_rescale", k), scores) == choose(Method("ddl_all_no_rescale"), scores)
    for name in ("ddl_average", "even", "first", "random"):
        assert choose(Method(name, k), scores) == choose(Method("average"), scores)


@given(st.lists(st.integers(1, 999), min_size=2, max_size=9, unique=True), st.integers(1, 9))
def test_better_frames_are_kept_and_weigh_more(values: list[int], k: int) -> None:
    scores = np.array(values) / 1000
    for name in ("ddl", "ddl_no_rescale", "ddl_literal"):
        kept, weight = choose(Method(name, k), scores)
        left = np.delete(scores, kept)
        assert not len(left) or scores[kept].min() > left.max()
        assert (np.argsort(weight) == np.argsort(scores[kept])).all()


def test_unknown_methods_are_refused() -> None:
    for name in ("median", "ddl2", ""):
        with pytest.raises(ValueError, match="unknown method"):
            choose(Method(name, 3), SCORES)
    with pytest.raises(ValueError, match="at least one number"):
        choose(Method("top1"), [])
    with pytest.raises(ValueError, match="NaN"):
        choose(Method("ddl", 2), [0.5, float("nan")])
