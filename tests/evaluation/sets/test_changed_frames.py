"""Which frames of sets are blurred or degraded, and how a cache distinguishes them."""

import numpy as np
import pytest
from helpers.frame_fixtures import blocks, noise

from clipselect.evaluation.sets import changed_frames
from clipselect.evaluation.sets.changed_frames import Condition, change_of, condition_of, degraded
from clipselect.evaluation.sets.face_sets import FaceSets, all_pairs


def test_all_but_one_of_ten_are_blurred_the_same_ones_at_every_length() -> None:
    groups = [[0], [1, 2], [*range(3, 13)], [*range(13, 33)]]
    sets = FaceSets(
        [str(i) for i in range(33)], groups, ["a", "a", "b", "b"], [all_pairs(["a", "a", "b", "b"], range(4))]
    )
    short, long = (condition_of(sets, length, 0, "x") for length in (7.0, 17.0))
    assert [int((short.lengths[g] == 0).sum()) for g in short.groups] == [1, 1, 1, 2]
    assert ((short.lengths == 0) == (long.lengths == 0)).all() and (short.angles == long.angles).all()
    assert {*short.lengths} == {0, 7} and {*long.lengths} == {0, 17}
    assert (short.name, short.elements.tolist()) == ("x, blur 7", [i for group in groups for i in group])
    other = condition_of(sets, 7.0, 1, "x")
    assert (other.angles != short.angles).all() and condition_of(sets, 0, 0, "x").groups == groups


def test_faces_of_one_blurred_picture_are_cached_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = FaceSets(["x.png"] * 2, [[0], [1]], ["a", "b"], [], crop=lambda image, _: image, crop_identity="boxes")

    def identity(elements: list[int], length: float = 9.0) -> str:
        condition = Condition("x", np.array(elements), np.full(2, length), np.zeros(2), [[0], [1]])
        change = change_of(condition, sets, blocks()[0])
        assert change is not None
        return change.identity

    blurred, swapped, unchanged = identity([0, 1]), identity([1, 0]), identity([0, 1], 0.0)
    assert blurred != swapped
    monkeypatch.setattr(changed_frames, "degradation_code", lambda: "another")
    assert identity([0, 1]) != blurred and identity([0, 1], 0.0) == unchanged


def test_images_that_are_faces_are_not_changed_without_blur() -> None:
    sets = FaceSets(["x.png"] * 2, [[0], [1]], ["a", "b"], [])
    assert change_of(condition_of(sets, 0, 0, "x"), sets, blocks()[0]) is None


def test_every_frame_is_degraded_by_its_place_and_the_seed_alone() -> None:
    sets = FaceSets(["x.png"] * 40, [[*range(20)], [*range(20, 40)]], ["a", "b"], [])
    image = noise(32, 32)

    def found(seed: int) -> list[bytes]:
        change = change_of(degraded(sets, seed, "x"), sets, blocks()[0])
        assert change is not None
        return [change.apply(image, i).tobytes() for i in range(40)]

    assert found(0) == found(0) != found(1) and len({*found(0)}) >= 36  # two may well compress alike
    assert image.tobytes() not in found(0) and degraded(sets, 0, "x").name == "x, degraded"
    one, other = (change_of(degraded(sets, seed, "x"), sets, blocks()[0]) for seed in (0, 1))
    assert one is not None and other is not None and one.identity != other.identity
