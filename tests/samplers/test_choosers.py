"""Choosers on candidates made by hand: which clips, in which order, with which weights."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.media.candidate_clips import Clip
from clipselect.samplers.choosers import (
    Candidates,
    ChooseBest,
    ChooseRandom,
    ChooseUniform,
    ScheduledClip,
    choose_all,
)


def candidates(scores: list[float], path: str = "a.mp4") -> Candidates:
    """One clip per second."""
    clips = [Clip(Fraction(i), Fraction(i + 1), 25 * i, 25 * i + 24) for i in range(len(scores))]
    return Candidates(path, clips, Fraction(0), np.array(scores, np.float32))


def starts(chosen: list[ScheduledClip]) -> list[int]:
    return [int(one.clip.start) for one in chosen]


def test_the_best_come_in_time_order_with_their_scores_and_weights() -> None:
    chosen = ChooseBest(k=2)(candidates([0.5, 0.25, 0.75, 0.375]))
    assert [(int(one.clip.start), one.score, one.weight) for one in chosen] == [(0, 0.5, 0.5), (2, 0.75, 0.75)]


def test_a_threshold_and_a_gap_hold_as_well() -> None:
    video = candidates([0.5, 0.25, 0.75, 0.625])
    assert starts(ChooseBest(threshold=0.4)(video)) == [0, 2, 3]
    assert starts(ChooseBest(k=2, threshold=0.7)(video)) == [2]
    assert starts(ChooseBest(k=2, min_gap=0.5)(video)) == [0, 2]
    assert starts(ChooseBest(threshold=1.0)(video)) == [2]


def test_padding_repeats_the_best_first_with_weight_0() -> None:
    chosen = ChooseBest(k=7, pad_to_k=True)(candidates([0.5, 0.25, 0.75]))
    assert starts(chosen) == [0, 0, 1, 1, 2, 2, 2]
    assert [one.weight > 0 for one in chosen] == [True, False, True, False, True, False, False]
    assert sum(one.weight for one in chosen) == sum(
        one.weight for one in ChooseBest(k=3)(candidates([0.5, 0.25, 0.75]))
    )


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12), st.integers(1, 15))
def test_padded_there_are_always_k_and_the_answer_stays(scores: list[float], k: int) -> None:
    video = candidates(scores)
    padded, plain = ChooseBest(k=k, pad_to_k=True)(video), ChooseBest(k=k)(video)
    assert len(padded) == k
    assert [one for one in padded if one.weight] == [one for one in plain if one.weight]
    assert starts(padded) == sorted(starts(padded))


def test_baselines_choose_by_place_alone_and_weigh_all_the_same() -> None:
    video = candidates([0.5] * 8)
    assert starts(choose_all(video)) == list(range(8))
    assert starts(ChooseUniform(4)(video)) == [1, 3, 5, 7]
    assert starts(ChooseUniform(100)(video)) == starts(ChooseRandom(100, 0)(video)) == list(range(8))
    drawn = ChooseRandom(3, seed=0)(video)
    assert len({one.clip for one in drawn}) == 3 and {(one.weight, one.score) for one in drawn} == {(1.0, None)}


def test_random_depends_on_the_seed_and_the_name_of_the_file() -> None:
    def drawn(seed: int, path: str) -> list[int]:
        return starts(ChooseRandom(3, seed)(candidates([0.5] * 30, path)))

    assert drawn(0, "x/a.mp4") == drawn(0, "y/a.mp4")
    assert drawn(0, "a.mp4") != drawn(1, "a.mp4") and drawn(0, "a.mp4") != drawn(0, "b.mp4")


@pytest.mark.parametrize(
    ("chooser", "options", "argument"),
    [
        (ChooseBest, {}, "k"),
        (ChooseBest, {"threshold": 0.5, "pad_to_k": True}, "k"),
        (ChooseBest, {"k": 1.0}, "k"),
        (ChooseBest, {"k": 1, "threshold": float("nan")}, "threshold"),
        (ChooseBest, {"k": 1, "min_gap": -1}, "min_gap"),
        (ChooseUniform, {"k": 0}, "k"),
        (ChooseRandom, {"k": True, "seed": 0}, "k"),
        (ChooseRandom, {"k": 1, "seed": -1}, "seed"),
    ],
)
def test_arguments_out_of_range_are_named(chooser: Any, options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        chooser(**options)
    assert caught.value.argument == argument
