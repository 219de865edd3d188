"""The sets of held-out identities that choose the step of a training: which are measured in which condition."""

import numpy as np
import pytest
from helpers.identity_pictures import labelled

from clipselect.training.held_out_sets import ALL_BUT_ONE, CONDITIONS, HeldOutFeatures
from clipselect.training.set_examples import SetImages


def drawn(counts: list[int]) -> HeldOutFeatures:
    """Sets of images whose feature is 0, and 1 when they are degraded."""
    images = labelled(counts)
    features = np.zeros((len(images.paths), 1), np.float32)
    return HeldOutFeatures.draw(SetImages(images, features, features[:, None] + 1), seed=0)


def test_conditions_degrade_none_all_but_one_and_all() -> None:
    sets = drawn([4, 7])
    for condition, degraded in (("as they are", [0, 0]), (ALL_BUT_ONE, [1, 2]), ("every frame degraded", [2, 3])):
        assert [one.sum() for one in sets.sets[condition]] == np.repeat(degraded, 2).tolist()
        assert sets.identities[condition] == ["0", "0", "1", "1"]


@pytest.mark.parametrize(("counts", "identities"), [([2, 4, 3, 5], ["1", "1", "3", "3"]), ([2, 3, 4], None)])
def test_sets_of_one_have_no_image_beside_the_degraded_ones(counts: list[int], identities: list[str] | None) -> None:
    sets = drawn(counts)
    assert sets.identities.get(ALL_BUT_ONE) == identities  # one identity alone cannot be compared
    report = sets.report("nan", sets.averages)
    assert (report["identities"], report["sets"]) == (len(counts), 2 * len(counts))
    for decidability in report["decidability"].values():
        assert [*decidability] == [name for name in CONDITIONS if identities or name != ALL_BUT_ONE]
