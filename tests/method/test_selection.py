"""Equation 7, by number and by threshold, and the laws of a selection."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.method.selection import above, ranking, ranks, select, top_k, uniform, uniform_within

score = st.floats(0, 1)
any_float = st.floats(allow_nan=False)
some = st.lists(score | any_float, min_size=1, max_size=12)
distinct = st.lists(score, min_size=1, max_size=12, unique=True)
Span = tuple[float, float]


@st.composite
def timed(draw: st.DrawFn) -> tuple[list[float], list[Span]]:
    """Scores and spans of clips, overlapping or not, in no order of time."""
    count = draw(st.integers(1, 10))
    scores = draw(st.lists(score, min_size=count, max_size=count))
    starts = draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    lengths = draw(st.lists(st.integers(1, 8), min_size=count, max_size=count))
    return scores, [(s / 4, (s + n) / 4) for s, n in zip(starts, lengths, strict=True)]


gaps = st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, 100.0])


def gap(a: Span, b: Span) -> float:
    """Seconds between two spans; negative when they overlap."""
    return max(a[0] - b[1], b[0] - a[1])


def test_eq_7_by_threshold_by_hand() -> None:
    # 0.9 and 0.5 are above 0.3; 0.3 itself and 0.1 are not.
    selection = above([0.1, 0.9, 0.3, 0.5], 0.3)
    assert selection.ranked.tolist() == [1, 3]
    assert selection.ordered.tolist() == [1, 3]


def test_eq_7_by_number_by_hand() -> None:
    selection = top_k([0.1, 0.5, 0.3, 0.9], 2)
    assert selection.ranked.tolist() == [3, 1]  # best first
    assert selection.ordered.tolist() == [1, 3]  # in time


def test_of_equal_scores_the_earlier_element_comes_first() -> None:
    assert ranking([0.5, 0.7, 0.5, 0.7]).tolist() == [1, 3, 0, 2]
    assert ranking([0.0, -0.0, 0.0]).tolist() == [0, 1, 2]
    assert ranks([0.5, 0.1, 0.9, 0.5]).tolist() == [2, 4, 1, 3]


def test_a_gap_by_hand() -> None:
    spans = [(0, 1), (1, 2), (2, 3), (3.5, 4.5)]
    scores = [0.8, 0.9, 0.7, 0.1]
    assert top_k(scores, 4, spans=spans, min_gap=0).ranked.tolist() == [1, 0, 2, 3]  # they touch, none overlaps
    assert top_k(scores, 4, spans=spans, min_gap=0.5).ranked.tolist() == [1, 3]  # 0 and 2 touch 1; 3 starts 1.5 s later
    assert top_k(scores, 1, spans=spans, min_gap=0.5).ranked.tolist() == [1]
    assert above(scores, 0.15, spans=spans, min_gap=0.5).ranked.tolist() == [1]  # 3 is not above 0.15


def test_overlap_is_allowed_only_if_asked_for() -> None:
    assert top_k([0.8, 0.9], 2, spans=[(0, 1), (0, 1)], min_gap=None).ranked.tolist() == [1, 0]
    assert top_k([0.8, 0.9], 2, spans=[(0, 1), (0, 1)]).ranked.tolist() == [1]
    assert above([0.8, 0.9], 0.5, spans=[(0, 1), (0, 1)]).ranked.tolist() == [1]
    assert top_k([0.8, 0.9], 2).ranked.tolist() == [1, 0]  # moments without a length


def test_a_gap_is_not_lost_to_rounding() -> None:
    # 0.1 + 0.2 > 0.3 in binary: clips that touch on paper must not count as overlapping.
    assert top_k([0.9, 0.8], 2, spans=[(0, 0.1 + 0.2), (0.3, 0.6)], min_gap=0).ranked.tolist() == [0, 1]


@given(some, st.integers(1, 15))
def test_top_k_keeps_the_k_best_or_all(scores: list[float], k: int) -> None:
    ranked = top_k(scores, k).ranked.tolist()
    assert len(set(ranked)) == len(ranked) == min(k, len(scores))
    assert [scores[i] for i in ranked] == sorted(scores, reverse=True)[:k]


@given(timed(), st.integers(1, 10), gaps | st.none())
def test_the_top_k_are_the_first_of_the_top_k_plus_one(
    clips: tuple[list[float], list[Span]], k: int, min_gap: float | None
) -> None:
    scores, spans = clips
    more = top_k(scores, k + 1, spans=spans, min_gap=min_gap).ranked
    assert more[:k].tolist() == top_k(scores, k, spans=spans, min_gap=min_gap).ranked.tolist()


@given(timed(), st.integers(1, 10), gaps, score)
def test_every_pair_of_kept_clips_honours_the_gap(
    clips: tuple[list[float], list[Span]], k: int, min_gap: float, threshold: float
) -> None:
    scores, spans = clips
    for selection in [
        top_k(scores, k, spans=spans, min_gap=min_gap),
        above(scores, threshold, spans=spans, min_gap=min_gap),
    ]:
        kept = selection.ordered.tolist()
        assert all(gap(spans[i], spans[j]) >= min_gap - 1e-9 for i in kept for j in kept if i < j)


@given(timed(), gaps)
def test_a_gap_leaves_out_only_clips_too_near_a_better_one(
    clips: tuple[list[float], list[Span]], min_gap: float
) -> None:
    scores, spans = clips
    kept = top_k(scores, len(scores), spans=spans, min_gap=min_gap).ranked.tolist()
    for i in set(range(len(scores))) - set(kept):
        assert any(gap(spans[i], spans[j]) < min_gap and scores[j] >= scores[i] for j in kept)


@given(some, score)
def test_above_keeps_exactly_the_scores_above_the_threshold_or_the_single_best(
    scores: list[float], threshold: float
) -> None:
    expected = {i for i, s in enumerate(scores) if s > threshold} or {scores.index(max(scores))}
    selection = above(scores, threshold)
    assert set(selection.ranked.tolist()) == expected
    assert len(selection.ranked) == len(expected)
    assert (np.diff(np.array(scores)[selection.ranked]) <= 0).all()


@given(timed(), gaps, score, st.integers(1, 10))
def test_a_selection_always_holds_the_best_element(
    clips: tuple[list[float], list[Span]], min_gap: float, threshold: float, k: int
) -> None:
    scores, spans = clips
    best = scores.index(max(scores))
    assert above(scores, threshold).ranked[0] == best
    assert above(scores, threshold, spans=spans, min_gap=min_gap).ranked[0] == best
    assert top_k(scores, k).ranked[0] == best
    assert top_k(scores, k, spans=spans, min_gap=min_gap).ranked[0] == best


@given(distinct, st.integers(1, 12), score, st.randoms(use_true_random=False))
def test_the_order_of_the_elements_does_not_matter(scores: list[float], k: int, threshold: float, rng: Random) -> None:
    order = list(range(len(scores)))
    rng.shuffle(order)
    shuffled = [scores[i] for i in order]
    assert {order[i] for i in top_k(shuffled, k).ranked} == set(top_k(scores, k).ranked.tolist())
    assert {order[i] for i in above(shuffled, threshold).ranked} == set(above(scores, threshold).ranked.tolist())


@given(some, st.integers(1, 12))
def test_ordered_is_the_selection_in_time(scores: list[float], k: int) -> None:
    selection = top_k(scores, k)
    assert selection.ordered.tolist() == sorted(selection.ranked.tolist())
    assert selection.ranked.dtype == selection.ordered.dtype == np.int64


@pytest.mark.parametrize("scores", [[], [[0.1, 0.2]], 0.5])
def test_scores_must_be_a_list(scores: object) -> None:
    with pytest.raises(ArgumentError, match="at least one number"):
        ranking(scores)  # type: ignore[arg-type]


def test_a_nan_score_is_an_error() -> None:
    for keep in (top_k, above):
        with pytest.raises(ArgumentError, match="NaN"):
            keep([0.1, math.nan], 1)


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12),
    st.none() | st.integers(1, 14),
    st.none() | st.floats(0.001, 1),
    st.none() | st.floats(0, 1),
)
def test_all_limits_hold_and_the_best_is_kept(
    values: list[float], k: int | None, share: float | None, threshold: float | None
) -> None:
    scores = np.array(values, dtype=np.float32)
    kept = select(scores, k=k, share=share, threshold=threshold).ordered.tolist()
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    most = min(
        len(scores) if k is None else k,
        len(scores) if share is None else math.ceil(share * len(scores) - 1e-9),
        len(scores) if threshold is None else sum(float(s) > threshold for s in scores),
    )
    assert kept == sorted(order[: max(most, 1)])


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"k": 1}, [1]),
        ({"k": 3}, [1, 2, 3]),
        ({"share": 0.5}, [1, 2, 3]),
        ({"share": 0.4}, [1, 3]),
        ({"share": 1e-12}, [1]),
        ({"threshold": 0.15}, [1, 2, 3, 4]),
        ({"threshold": 1.0}, [1]),
        ({"k": 2, "share": 0.9, "threshold": 0.25}, [1, 3]),
        ({"k": 9, "share": 0.6, "threshold": 0.25}, [1, 2, 3]),
    ],
)
def test_limits_by_hand(limits: dict[str, Any], expected: list[int]) -> None:
    assert select([0.1, 0.9, 0.3, 0.9, 0.2], **limits).ordered.tolist() == expected


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        *[({"k": k}, "k must be a whole number of at least 1") for k in (0, -1)],
        *[({"share": share}, "share must lie in") for share in (0.0, 1.1, math.nan)],
        *[({"threshold": threshold}, "threshold must be a finite") for threshold in ("p30", math.inf, math.nan)],
        ({"min_gap": 0.1}, "min_gap needs the spans"),
        *[({"min_gap": gap, "spans": [(0, 1), (1, 2)]}, "min_gap must be at least 0") for gap in (-1.0, math.nan)],
    ],
)
def test_limits_out_of_range_are_refused(limits: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        select([0.1, 0.9], **limits)
    with pytest.raises(ArgumentError, match="k must be a whole number of at least 1"):
        top_k([0.1], 0)
    with pytest.raises(ArgumentError, match="threshold must be a finite"):
        above([0.1], math.nan)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("scores", lambda: top_k("abc", 2)),  # type: ignore[arg-type]
        ("scores", lambda: above([None, "x"], 0.5)),  # type: ignore[list-item]
        ("k", lambda: top_k([0.1, 0.2], "2")),  # type: ignore[arg-type]
        ("k", lambda: top_k([0.1, 0.2], 1.5)),  # type: ignore[arg-type]
        ("threshold", lambda: above([0.1], "0.5")),  # type: ignore[arg-type]
        ("min_gap", lambda: top_k([0.1], 1, spans=[(0, 1)], min_gap="0")),  # type: ignore[arg-type]
        ("spans", lambda: top_k([0.1, 0.2], 1, spans=[(0, 1)])),
        ("spans", lambda: top_k([0.1, 0.2], 1, spans="ab")),
    ],
)
def test_arguments_of_another_type_are_named(argument: str, call: Callable[[], object]) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.argument == argument and caught.value.problem.startswith("must ")


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.data())
def test_evenly_within_parts_each_part_has_its_share(lengths: list[int], data: st.DataObject) -> None:
    parts = np.repeat(np.arange(len(lengths)), lengths)
    k = data.draw(st.integers(1, len(parts)))
    kept = uniform_within(parts, k)
    assert len(kept) == k and (np.diff(kept) > 0).all()
    shares = np.bincount(parts[kept], minlength=len(lengths))
    assert (np.floor(k * np.array(lengths) / len(parts)) <= shares).all()  # none is cheated of a whole clip
    for part, (start, length, share) in enumerate(zip(np.cumsum([0, *lengths]), lengths, shares, strict=False)):
        if share:
            assert kept[parts[kept] == part].tolist() == (start + uniform(length, share)).tolist()
    assert uniform_within(np.zeros(len(parts), np.int64), k).tolist() == uniform(len(parts), k).tolist()
