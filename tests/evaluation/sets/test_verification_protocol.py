"""Verification of sets and what it is over identities drawn again, against counting by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers.verification import rank_accuracy, tar_at_far, tpir_at_fpir
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.metrics import drawn_tar
from clipselect.evaluation.metrics.intervals import draw_counts
from clipselect.evaluation.metrics.verification import fold_thresholds
from clipselect.evaluation.sets import impostors
from clipselect.evaluation.sets.face_sets import Pairs, all_pairs
from clipselect.evaluation.sets.verification_protocol import Protocol, tar_name


def protocol(people: NDArray[np.int64], pairs: Pairs, far: float = 0.1, draws: int = 50) -> Protocol:
    return Protocol(people, [pairs], [far], draws)


def features(n: int, seed: int, coarse: bool = False) -> NDArray[np.float32]:
    """[n, 3]; coarse ones tie."""
    rng = np.random.default_rng(seed)
    return (rng.integers(1, 3, (n, 3)) if coarse else rng.normal(size=(n, 3))).astype(np.float32)


def cosines(rows: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float64]:
    unit = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return np.einsum("pd,pd->p", unit[pairs.first], unit[pairs.second])


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.05, 0.1, 0.3, 1.0]))
def test_without_drawing_again_it_is_tar_at_far_and_rank_1(seed: int, coarse: bool, far: float) -> None:
    people = np.repeat(np.arange(6), [3, 2, 2, 1, 4, 2])
    pairs, rows = all_pairs(people.astype(str).tolist(), range(len(people))), features(len(people), seed, coarse)
    found = protocol(people, pairs, far).measure("x")(rows)
    expected = tar_at_far(cosines(rows, pairs), pairs.same, [far])[0].rate
    assert found[tar_name(far)].value == pytest.approx(expected)
    if not coarse:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        right = []
        for i in range(len(people)):
            others = np.arange(len(people)) != i
            if (people[others] == people[i]).any():
                one = rank_accuracy((unit @ unit.T)[i : i + 1, others], people[i : i + 1], people[others], [1])
                right.append(one.rates[0])
        assert found["rank1"].value == pytest.approx(np.mean(right))


@given(st.integers(0, 10_000))
def test_without_drawing_again_it_is_tpir_at_fpir_in_both_galleries(seed: int) -> None:
    people = np.concatenate([np.arange(110), np.arange(100), np.arange(5)])  # some have one set, some three
    names = [f"{person:03d}" for person in people]
    rows = (
        np.random.default_rng(seed).normal(size=(110, 8))[people] + 0.7 * features(len(people), seed + 1)[:, :1]
    ).astype(np.float32)
    found = protocol(people, all_pairs(names, range(len(people)))).measure("x")(rows)
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    similar = np.tile(unit[110:] @ unit[:110].T, (2, 1))  # every probe is searched for in both galleries
    probes, gallery = np.tile(people[110:], 2), np.arange(110)
    half = np.repeat([0, 1], len(probes) // 2)
    similar[half[:, None] != gallery % 2] = -2  # not in this one
    probes = np.where(probes % 2 == half, probes, 1000)
    expected = tpir_at_fpir(similar, probes, gallery, [0.01])[0].rate
    assert found["tpir_at_fpir_1e-2"].value == pytest.approx(expected)


def test_too_few_probes_without_a_mate_have_no_tpir() -> None:
    people = np.tile(np.arange(99), 2)
    pairs = all_pairs([f"{person:02d}" for person in people], range(len(people)))
    assert "tpir_at_fpir_1e-2" not in protocol(people, pairs).measure("x")(features(len(people), 0))


def tar_of_copies(people: NDArray[np.int64], rows: NDArray[np.float32], times: Sequence[int], far: float) -> float:
    """By the definition: every identity as many people as it is drawn, all pairs but of somebody and their own copy."""
    copies = [(person, copy, i) for i, person in enumerate(people.tolist()) for copy in range(times[person])]
    both = [
        (i, j, person == other)
        for a, (person, copy, i) in enumerate(copies)
        for other, other_copy, j in copies[:a]
        if person != other or copy == other_copy
    ]
    second, first, same = (np.array(column) for column in zip(*both, strict=True))
    found = tar_at_far(cosines(rows, Pairs(first, second, same)), same, [far])[0].rate
    assert found is not None
    return found


@pytest.mark.parametrize("far", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("coarse", [False, True])
def test_draws_are_what_counting_every_copy_gives(far: float, coarse: bool) -> None:
    people = np.repeat(np.arange(9), [3, 2, 4, 1, 3, 2, 3, 3, 2])
    pairs, rows = all_pairs(people.astype(str).tolist(), range(len(people))), features(len(people), 3, coarse)
    found = protocol(people, pairs, far, draws=40).measure("x")(rows)[tar_name(far)].draws
    times = draw_counts(9, 40).astype(int).T[1:]
    assert found == pytest.approx([tar_of_copies(people, rows, one.tolist(), far) for one in times])


@pytest.mark.parametrize("is_dense", [True, False])
def test_looking_at_the_most_similar_pairs_changes_nothing(monkeypatch: pytest.MonkeyPatch, is_dense: bool) -> None:
    people = np.random.default_rng(1).integers(40, size=300)
    rows = np.round(features(300, 2) + 2 * features(40, 4)[people], 1)  # some are the same
    pairs = all_pairs(people.astype(str).tolist(), range(300))
    monkeypatch.setattr(impostors, "MAX_CELLS_PER_PAIR", 40 if is_dense else 0)
    few = Protocol(people, [pairs], [1e-3, 1e-2], 60).measure("x")(rows)
    monkeypatch.setattr(drawn_tar, "MARGIN", 0.2)  # not enough at first
    grown = Protocol(people, [pairs], [1e-3, 1e-2], 60).measure("x")(rows)
    monkeypatch.setattr(drawn_tar, "MARGIN", 1e9)
    every = Protocol(people, [pairs], [1e-3, 1e-2], 60).measure("x")(rows)
    for name, drawn in every.items():
        assert 0 < drawn.value < 1
        for other in (few, grown):
            assert other[name].value == drawn.value and (other[name].draws == drawn.draws).all()


def test_cosines_of_many_pairs_hold_the_rows_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impostors, "MAX_PAIRS_AT_ONCE", 7)
    held = []

    class Rows(np.ndarray):
        def __getitem__(self, places: object) -> NDArray[np.float64]:  # type: ignore[override]
            held.append(np.asarray(places).size)
            return np.asarray(self)[places]  # type: ignore[index]

    rows = np.random.default_rng(0).normal(size=(12, 40)).astype(np.float32)
    pairs = all_pairs(["a"] * 12, range(12))
    unit = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    found = impostors.cosines(unit.view(Rows), pairs.first, pairs.second)
    assert found == pytest.approx(cosines(rows, pairs), abs=1e-15)
    assert max(held) == 7 and sum(held) == 2 * len(pairs.same)


def test_draws_are_the_same_for_all_features_so_that_equal_ones_do_not_differ() -> None:
    people = np.repeat(np.arange(6), 2)
    pairs = all_pairs(people.astype(str).tolist(), range(12))
    measure = protocol(people, pairs).measure("x")
    one, again, other = measure(features(12, 0)), measure(2 * features(12, 0)), measure(features(12, 1))
    for name, drawn in one.items():
        assert (drawn - again[name]).interval == pytest.approx((0, 0), abs=1e-12)
        assert len(drawn.draws) == len(other[name].draws) <= 50 and np.isfinite(drawn.draws).all()


def test_accuracy_by_the_other_folds_and_the_mean_over_rounds() -> None:
    rng = np.random.default_rng(0)
    people, rows = np.repeat(np.arange(10), 2), features(20, 5)
    rows[1::2] = rows[::2] + 0.3 * features(10, 6)
    rounds = []
    for _ in range(2):
        first, other = rng.integers(20, size=(2, 40))
        first, second = np.r_[np.arange(0, 20, 2), first], np.r_[np.arange(1, 20, 2), other]
        rounds.append(Pairs(first, second, people[first] == people[second], np.arange(50) % 5))
    found = Protocol(people, rounds, [0.1], 50).measure("x")(rows)
    right = []  # folds of one size
    for p in rounds:
        assert p.folds is not None
        values = cosines(rows, p)
        right.append((values >= fold_thresholds(values, p.same, p.folds)[p.folds]) == p.same)
    assert found["accuracy"].value == pytest.approx(np.mean(right))
    low, high = found["accuracy"].interval
    assert low < found["accuracy"].value < high and "rank1" not in found


def test_a_domain_is_measured_as_if_there_were_no_other() -> None:
    people = np.repeat(np.arange(6), 2)
    pairs = all_pairs(people.astype(str).tolist(), range(12))
    members = np.array([True, False, True, True, False, True])
    part, own = protocol(people, pairs).restricted_to(members[people]), members[people]
    assert part.identities.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    alone = np.repeat(np.arange(4), 2)
    expected = protocol(alone, all_pairs(alone.astype(str).tolist(), range(8))).measure("x")(features(12, 0)[own])
    for name, drawn in part.measure("x")(features(12, 0)[own]).items():
        assert drawn.value == expected[name].value and (drawn.draws == expected[name].draws).all()
    (kept,) = part.rounds
    assert int(kept.same.sum()) == 4 and len(kept.same) == 8 * 7 // 2


def test_what_cannot_be_measured() -> None:
    people = np.repeat(np.arange(3), 2)
    pairs = all_pairs(people.astype(str).tolist(), range(6))
    (why,) = protocol(people, pairs, 0.01).too_few().values()
    assert why == "a FAR of 0.01 needs at least 100 impostor pairs, and there are 12"
    assert [*protocol(people, pairs, 0.01).measure("x")(features(6, 0))] == ["rank1"]
    with pytest.raises(ArgumentError, match=r"far .* at least 100 impostor pairs, and there are 12"):
        protocol(people, replace(pairs, every=False), 0.01).measure("x")
    assert [*Protocol(people, [pairs], [0.01, 0.1], 20).measure("x")(features(6, 0))] == ["tar_at_far_1e-1", "rank1"]
    only = Pairs(pairs.first[pairs.same], pairs.second[pairs.same], pairs.same[pairs.same])
    with pytest.raises(ClipselectError, match=r"x: 3 genuine and 0 impostor pairs can be compared"):
        protocol(people, only).measure("x")


def test_sets_that_are_gone_take_their_pairs_along() -> None:
    pairs = all_pairs(["a", "a", "b"], range(3))
    kept = pairs.kept(np.array([0, -1, 1]))
    assert (kept.first.tolist(), kept.second.tolist(), kept.same.tolist(), kept.every) == ([0], [1], [False], True)
    assert kept.folds is None


def test_names_of_rates() -> None:
    assert [tar_name(far) for far in (1e-2, 0.05, 1e-4, 1.0)] == [
        "tar_at_far_1e-2", "tar_at_far_5e-2", "tar_at_far_1e-4", "tar_at_far_1e0",
    ]  # fmt: skip
