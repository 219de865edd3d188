"""The table of methods is whole, and every entry chooses and weighs what it says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.evaluation.method_entry import Candidates
from clipselect.evaluation.methods import METHODS, equal_cost_k, methods_at, names

SCORES = np.array([0.2, 0.9, 0.1, 0.6, 0.4])
FIVE = {
    "confidence": np.array([0.5, 0.1, 0.9, 0.2, 0.3]),
    "motion": np.array([1.0, 30.0, 2.0, 40.0, 50.0]),
    "packets": np.array([900.0, 7.0, 8.0, 1000.0, 6.0]),
    "shots": np.array([0, 0, 0, 0, 1]),
    "action": np.array([False, True, True, False, False]),
}
BY_HAND = {
    # rescaled over all candidates: (score - 0.1) / 0.8; over the kept three: (score - 0.4) / 0.5
    "ddl": ([1, 3, 4], [0.9, 0.6, 0.4]),
    "ddl_rescaled": ([1, 3, 4], [1, 0.625, 0.375]),
    "ddl_literal": ([1, 3, 4], [1, 0.4, 0]),
    "ddl_average": ([1, 3, 4], [1, 1, 1]),
    "uniform": ([0, 2, 4], [1, 1, 1]),
    "uniform_equal_cost": ([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]),
    "motion": ([1, 3, 4], [1, 1, 1]),
    "packets": ([0, 2, 3], [1, 1, 1]),
    "shots": ([0, 2, 3], [1, 1, 1]),
    "confidence": ([0, 2, 4], [1, 1, 1]),
    "top1": ([1], [1]),
    "dense": ([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]),
    "dense_weighted": ([0, 1, 2, 3, 4], [0.2, 0.9, 0.1, 0.6, 0.4]),
    "action_clips_only": ([1, 2], [1, 1]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_each_method_for_clips_by_hand(name: str) -> None:
    k = 3 if METHODS[name].has_k else 5
    kept, weight = METHODS[name].keep(Candidates(SCORES, k, equal_cost_k=5, **FIVE))
    assert (kept.tolist(), weight.tolist()) == (BY_HAND[name][0], pytest.approx(BY_HAND[name][1]))


def test_every_method_for_clips_is_among_those_done_by_hand_but_random() -> None:
    assert {method.name for method, _ in methods_at("clip", [3])} == BY_HAND.keys() | {"random"}


def test_random_depends_on_the_seed_and_on_the_group() -> None:
    def drawn(*seed: int) -> list[int]:
        return METHODS["random"].keep(Candidates(np.linspace(0.1, 0.9, 30), 9, seed=seed))[0].tolist()

    assert drawn(0, 0) == drawn(0, 0) == sorted({*drawn(0, 0)})
    assert drawn(0, 0) != drawn(1, 0) != drawn(1, 1)


OVERLAPPING = np.array([(i / 2, i / 2 + 1) for i in range(9)])
"""Windows of a second, every half second."""


@pytest.mark.parametrize("name", ["ddl", "ddl_average", "ddl_literal", "motion", "packets", "confidence", "random"])
def test_methods_that_could_waste_clips_on_one_moment_do_not(name: str) -> None:
    values = np.linspace(0.1, 0.9, 9)
    for seed in range(20):
        given: dict[str, Any] = dict.fromkeys(("confidence", "motion", "packets"), values)
        given |= {"seed": (seed,), "spans": OVERLAPPING}
        kept, _ = METHODS[name].keep(Candidates(values, 4, **given))
        assert (np.diff(kept) >= 2).all() and len(kept) >= 3
        overlapping, _ = METHODS[name].keep(Candidates(values, 4, **given, min_gap=None))
        assert len(overlapping) == 4
        if name != "random":
            assert kept.tolist() == [2, 4, 6, 8] and overlapping.tolist() == [5, 6, 7, 8]


def test_dense_keeps_all_and_evenly_spread_clips_keep_their_number() -> None:
    candidates = Candidates(np.linspace(0.1, 0.9, 9), 4, equal_cost_k=5, spans=OVERLAPPING)
    for name, count in {"dense": 9, "uniform": 4, "uniform_equal_cost": 5}.items():
        assert len(METHODS[name].keep(candidates)[0]) == count
    assert METHODS["uniform"].keep(candidates)[0].tolist() == [1, 3, 5, 7]  # side by side by themselves


def test_a_method_that_lacks_what_it_needs_says_so() -> None:
    for name in (
        "uniform_equal_cost",
        "motion",
        "packets",
        "shots",
        "confidence",
        "action_clips_only",
        "oracle",
        "oracle_all",
        "oracle_sharp",
    ):
        with pytest.raises(ValueError, match="needs the"):
            METHODS[name].keep(Candidates(SCORES, 3))


def test_the_roles_name_one_subject_and_one_baseline_of_each_kind_per_element() -> None:
    assert names("subject") == ("ddl",) and names("equal_cost") == ("uniform_equal_cost",)
    for element in ("clip", "frame"):
        for role in ("uniform", "random", "dense"):
            assert len([name for name in names(role) if element in METHODS[name].elements]) == 1
    for method in METHODS.values():
        assert method.description and not method.description.endswith(".")


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 5))
def test_equal_cost_never_costs_less_than_ddl_and_at_most_one_clip_more(candidates: int, k: int, ratio: float) -> None:
    clips, ddl = equal_cost_k(candidates, k, ratio), min(k, candidates) + candidates * ratio
    assert min(k, candidates) <= clips <= candidates
    assert min(ddl, candidates) - 1e-6 <= clips <= ddl + 1  # there are no more clips than candidates
