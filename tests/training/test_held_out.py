"""How often the order of two clips of a video is right."""

import numpy as np
import pytest

from clipselect.training import held_out


def test_pairs_of_different_clips_are_compared_by_what_they_should_be() -> None:
    truth, scores, clips = np.array([0.9, 0.1, 0.5]), np.array([0.7, 0.8, 0.1]), np.array([0, 1, 2])
    differences, is_right = held_out._ordered(truth, scores, clips)  # 0 above 1, 0 above 2, 2 above 1
    assert np.allclose(differences, [0.1, 0.6, 0.7]) and is_right.tolist() == [False, True, False]


def test_a_clip_with_several_labels_is_not_compared_with_itself() -> None:
    truth, scores, clips = np.array([0.9, 0.1, 0.5, 0.4]), np.array([0.7, 0.2]), np.array([0, 0, 0, 1])
    differences, is_right = held_out._ordered(truth, scores, clips)
    assert len(differences) == 3 and sorted(is_right.tolist()) == [False, True, True]


@pytest.mark.parametrize("shown", [1, 3, 30])
def test_of_rare_actions_all_pairs_count_up_to_the_most(shown: int) -> None:
    truth = np.zeros(3000)
    truth[-shown:] = 1
    differences, is_right = held_out._ordered(truth, truth - 0.5, np.arange(3000))
    assert len(differences) == min(shown * (3000 - shown), held_out.MAX_PAIRS)
    assert is_right.all() and (differences == 1).all()


def test_of_many_pairs_some_of_all_clips_are_drawn() -> None:
    n = 3000
    truth = np.linspace(1, 0, n)
    scores = np.where(np.arange(n) < n // 2, truth, 1 - truth)  # right in the first half, wrong in the second
    differences, is_right = held_out._ordered(truth, scores, np.arange(n))
    assert len(differences) == held_out.MAX_PAIRS
    assert 0.4 < is_right.mean() < 0.6
