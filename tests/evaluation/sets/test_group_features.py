"""The feature of a group by every way of choosing and weighing its frames, by hand and by law."""

import doctest
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.evaluation.method_entry import Candidates
from clipselect.evaluation.methods import METHODS, methods_at
from clipselect.evaluation.sets import rows as module
from clipselect.evaluation.sets.rows import group_features

At = tuple[str, int | None]

ALL: list[At] = [(method.name, k) for method, k in methods_at("frame", [1, 3, 50]) if method.network is None]

SCORES = np.array([0.2, 0.9, 0.1, 0.6, 0.4])
BY_HAND: dict[At, tuple[list[int], list[float]]] = {
    # rescaled over the group: (score - 0.1) / 0.8
    ("average", None): ([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]),
    ("top1", None): ([1], [1]),
    ("ddl_all", None): ([0, 1, 2, 3, 4], [0.2, 0.9, 0.1, 0.6, 0.4]),
    ("ddl_all_rescaled", None): ([0, 1, 2, 3, 4], [0.125, 1, 0, 0.625, 0.375]),
    ("ddl_threshold", None): ([1, 3, 4], [0.9, 0.6, 0.4]),
    ("ddl_threshold_rescaled", None): ([1, 3, 4], [1, 0.625, 0.375]),
    ("ddl_threshold_literal", None): ([1, 3, 4], [1, 0.4, 0]),  # over the kept: (score - 0.4) / 0.5
    ("ddl_half", None): ([1, 3, 4], [0.9, 0.6, 0.4]),
    ("ddl_half_average", None): ([1, 3, 4], [1, 1, 1]),
    ("even_half", None): ([0, 2, 4], [1, 1, 1]),
    ("ddl", 3): ([1, 3, 4], [0.9, 0.6, 0.4]),
    ("ddl_average", 3): ([1, 3, 4], [1, 1, 1]),
    ("ddl_rescaled", 3): ([1, 3, 4], [1, 0.625, 0.375]),
    ("ddl_literal", 3): ([1, 3, 4], [1, 0.4, 0]),
    ("ddl_literal", 1): ([1], [1]),
    ("even", 1): ([2], [1]),
    ("even", 3): ([0, 2, 4], [1, 1, 1]),
    ("first", 3): ([0, 1, 2], [1, 1, 1]),
    ("oracle", 2): ([0, 2], [1, 1]),
    ("oracle_all", None): ([0, 1, 2, 3, 4], [0.5, 0.2, 0.4, 0.1, 0.3]),
    ("oracle_sharp", None): ([3], [1]),
    ("norm", 2): ([0, 4], [1, 1]),
    ("agreement", 3): ([0, 2, 4], [1, 1, 1]),
    ("flip_agreement", 2): ([1, 2], [1, 1]),
    ("dropout_agreement", 2): ([3, 4], [1, 1]),
    **{(name, 2): ([2, 4], [1, 1]) for name in ("sharpness", "jpeg_bytes", "lightqnet", "own_scorer")},
    ("without_outliers", None): ([0, 1, 2, 4], [1, 1, 1, 1]),
    ("largest_cluster", None): ([0, 1, 2, 4], [1, 1, 1, 1]),
}
ANGLES = np.radians([8.0, 0, 10, 170, 20])  # the mean lies at 13 degrees
KNOWN = {
    "features": np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1),
    "norms": np.array([9.0, 2, 3, 1, 8]),
    "mirrored": np.array([0.1, 0.9, 0.8, 0.2, 0.3]),
    "dropout": np.array([0.1, 0.2, 0.3, 0.9, 0.8]),
    "quality": np.array([3.0, 1, 9, 2, 8]),
    "d_scores": np.array([0.5, 0.2, 0.4, 0.1, 0.3]),
    "sharp": np.array([False, False, False, True, True]),
}
OF_BASE = {name: METHODS[name].base_passes for name, _ in ALL if METHODS[name].base_passes}


def choose(
    method: At, scores: Sequence[float] | NDArray[Any], seed: int = 0, d_scores: NDArray[Any] = KNOWN["d_scores"]
) -> tuple[list[int], list[float]]:
    name, k = method
    size = len(scores) if k is None else min(k, len(scores))
    known: dict[str, Any] = {field: values[: len(scores)] for field, values in (KNOWN | {"d_scores": d_scores}).items()}
    kept, weight = METHODS[name].keep(Candidates(np.asarray(scores), size, (seed,), 0.25, **known))
    return kept.tolist(), weight.tolist()


@pytest.mark.parametrize("method", BY_HAND, ids=lambda m: f"{m[0]}-{m[1]}")
def test_each_method_by_hand(method: At) -> None:
    kept, weight = choose(method, SCORES)
    assert kept == BY_HAND[method][0] and weight == pytest.approx(BY_HAND[method][1])
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    found, counts = group_features(
        features, SCORES, [np.arange(5)], METHODS[method[0]], method[1], threshold=0.25, known=KNOWN
    )
    assert found[0] == pytest.approx(np.average(features[kept], axis=0, weights=weight), abs=1e-6)
    assert counts.tolist() == [OF_BASE.get(method[0], 0) * 5 or len(kept)]  # who needs the base on all pays for all


def test_every_method_that_is_compared_is_among_those_done_by_hand_but_random() -> None:
    assert {name for name, _ in ALL} == {name for name, _ in BY_HAND} | {"random"}
    assert len({*ALL}) == len(ALL) == 14 + 3 * 16


def test_which_methods_read_scores() -> None:
    assert OF_BASE == {
        "norm": 1, "agreement": 1, "flip_agreement": 2, "dropout_agreement": 1, "without_outliers": 1,
        "largest_cluster": 1,
    }  # fmt: skip
    unscored = {*OF_BASE, "average", "even", "even_half", "first", "random", "oracle", "oracle_all", "oracle_sharp"}
    unscored |= {"sharpness", "jpeg_bytes", "lightqnet", "own_scorer"}
    assert {name for name, _ in ALL if METHODS[name].needs != "ddnet"} == unscored
    for method in ALL:
        if method[0] in unscored:
            assert choose(method, SCORES) == choose(method, SCORES[::-1])


def test_random_frames_are_different_ones_and_depend_on_the_seed_and_the_group() -> None:
    drawn = [choose(("random", 3), SCORES, seed)[0] for seed in range(300)]
    assert all(kept == sorted({*kept}) and len(kept) == 3 for kept in drawn)
    assert np.bincount(np.concatenate(drawn), minlength=5) / 300 == pytest.approx(3 / 5, abs=0.1)
    features, groups = np.eye(40, dtype=np.float32), [np.arange(20), np.arange(20, 40)]

    def picks(seed: int) -> list[list[int]]:
        found, _ = group_features(features, np.full(40, 0.5), groups, METHODS["random"], 5, seed=seed)
        return [np.flatnonzero(row).tolist() for row in found]

    assert picks(0) == picks(0) != picks(1)
    assert [i + 20 for i in picks(0)[0]] != picks(0)[1]


def test_nothing_above_the_threshold_leaves_the_best_and_equal_scores_weigh_alike() -> None:
    assert choose(("ddl_threshold", None), [0.1, 0.2, 0.15]) == ([1], [0.2])
    for method in ALL:
        kept, weight = choose(method, [0.5] * 4, d_scores=np.full(4, 0.5))
        assert len({*weight}) == 1 and weight[0] > 0 and kept


def test_rows_of_a_group_may_stand_anywhere() -> None:
    features = np.arange(12, dtype=np.float32).reshape(6, 2)
    scores = np.array([0.1, 0.9, 0.3, 0.2, 0.8, 0.7])
    found, counts = group_features(
        features, scores, [np.array([5, 0, 1]), np.array([3]), np.array([4, 2])], METHODS["top1"]
    )
    assert found.tolist() == [[2, 3], [6, 7], [8, 9]] and counts.tolist() == [1, 1, 1]
    assert found.dtype == np.float32 and counts.dtype == np.int64
    empty, none = group_features(features, scores, [], METHODS["average"])
    assert empty.shape == (0, 2) and none.shape == (0,)


groups_of_scores = st.lists(
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9), min_size=1, max_size=4
)  # as scores are, within (0, 1)


@given(groups_of_scores, st.sampled_from(ALL), st.floats(0, 1), st.integers(0, 99))
def test_a_groups_feature_is_a_convex_combination_of_as_many_as_are_counted(
    values: list[list[float]], method: At, threshold: float, seed: int
) -> None:
    sizes = [len(v) for v in values]
    scores = np.concatenate([np.array(v) for v in values])
    groups = np.split(np.arange(len(scores)), np.cumsum(sizes)[:-1])
    # one-hot features: the group's feature is the weights themselves
    features, (name, k) = np.eye(len(scores), dtype=np.float32), method
    rng = np.random.default_rng(seed)
    known = {name: rng.random(len(scores)) for name in ("d_scores", "norms", "mirrored", "dropout", "quality")}
    known |= {"sharp": rng.random(len(scores)) < 0.5, "features": rng.normal(size=(len(scores), 3))}
    found, counts = group_features(
        features, scores, groups, METHODS[name], k, threshold=threshold, seed=seed, known=known
    )
    for row, rows, count in zip(found, groups, counts, strict=True):
        assert (row >= 0).all() and row.sum() == pytest.approx(1, abs=1e-5)
        assert np.delete(row, rows).sum() == 0 and np.count_nonzero(row) <= count
        if name in OF_BASE:
            assert count == OF_BASE[name] * len(rows) and np.count_nonzero(row) <= (k or len(rows))
        elif method[1] is not None:
            assert count == min(method[1], len(rows))
        elif method[0] in ("top1", "oracle_sharp"):
            assert count == 1
        elif "threshold" in method[0]:
            assert count == max((scores[rows] > threshold).sum(), 1)
        elif "half" in method[0]:
            assert count == len(rows) - len(rows) // 2
        else:
            assert count == len(rows)


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=9), st.integers(0, 5))
def test_k_of_at_least_all_is_all(scores: list[float], more: int) -> None:
    k = len(scores) + more
    assert choose(("ddl", k), scores) == choose(("ddl_all", None), scores)
    assert choose(("ddl_rescaled", k), scores) == choose(("ddl_all_rescaled", None), scores)
    for name in ("ddl_average", "even", "first", "random"):
        assert choose((name, k), scores) == choose(("average", None), scores)


@given(st.lists(st.integers(1, 999), min_size=2, max_size=9, unique=True), st.integers(1, 9))
def test_better_frames_are_kept_and_weigh_more(values: list[int], k: int) -> None:
    scores = np.array(values) / 1000
    for name in ("ddl", "ddl_rescaled", "ddl_literal"):
        kept, weight = choose((name, k), scores)
        left = np.delete(scores, kept)
        assert not len(left) or scores[kept].min() > left.max()
        assert (np.argsort(weight) == np.argsort(scores[kept])).all()


def test_scores_that_cannot_be_ordered_are_refused() -> None:
    with pytest.raises(ArgumentError, match="at least one number"):
        choose(("top1", None), [])
    with pytest.raises(ArgumentError, match="NaN"):
        choose(("ddl", 2), [0.5, float("nan")])


def test_kept_frames_can_be_spread() -> None:
    features, scores, groups = np.eye(5, dtype=np.float32), np.array([0.9, 0.8, 0.7, 0.2, 0.6]), [np.arange(5)]
    for min_gap, kept in ((None, [0, 1]), (2, [0, 2]), (3, [0, 4])):
        found, counts = group_features(features, scores, groups, METHODS["ddl"], 2, min_gap=min_gap)
        assert np.flatnonzero(found[0]).tolist() == kept and counts.tolist() == [2]


def test_frames_of_one_medium_count_as_one() -> None:
    features = np.array([[1, 0], [1, 0], [0, 1], [0, 2]], np.float32)
    scores, groups, media = np.full(4, 0.5), [np.arange(3), np.array([3])], np.array([7, 7, 8, 8])
    plain, _ = group_features(features, scores, groups, METHODS["average"])
    pooled, counts = group_features(features, scores, groups, METHODS["average"], media=media)
    assert plain[0] == pytest.approx([2 / 3, 1 / 3]) and pooled[0] == pytest.approx([0.5**0.5, 0.5**0.5])
    assert pooled[1] == pytest.approx([0, 1]) and counts.tolist() == [3, 1]


def test_the_examples_are_right() -> None:
    assert doctest.testmod(module).failed == 0
