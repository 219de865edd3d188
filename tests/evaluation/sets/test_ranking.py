"""How well scores order the frames of groups."""

import doctest

import numpy as np
import pytest

from clipselect.evaluation.sets import ranking
from clipselect.evaluation.sets.frame_table import FrameTable
from clipselect.evaluation.sets.ranking import ranking_of_sets, ranking_of_tracklets, true_d_scores

SCORES = np.array([0.1, 0.2, 0.3, 0.5, 0.5, 0.5], np.float32)
TRUTH = np.array([0.2, 0.4, 0.9, 0.1, 0.2, 0.3], np.float32)
GROUPS = [np.arange(3), np.arange(3, 6)]


def table(features: list[list[float]]) -> FrameTable:
    rows = np.array(features, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return FrameTable(np.arange(len(rows)), rows, np.zeros(len(rows), np.float32), 1.0, 1.0)


def test_d_scores_order_frames_by_how_near_they_are_to_their_own_identity() -> None:
    one = table([[1, 0.1], [1, 0.8], [0.1, 1], [0.5, 1]])
    groups = [np.array([0, 1]), np.array([2, 3])]
    scores = true_d_scores(one, groups, ["a", "b"], one, groups, ["a", "b"])
    assert scores is not None and scores[0] > scores[1] and scores[2] > scores[3]
    assert true_d_scores(one, groups, ["a", "a"], one, groups, ["a", "a"]) is None


def test_groups_without_an_order_say_nothing_about_the_ranking() -> None:
    found = ranking_of_sets(SCORES, TRUTH, np.ones(6, bool), GROUPS)
    assert found["rho_within_sets"] == pytest.approx(1) and "auc_sharp" not in found
    persons = ranking_of_tracklets(SCORES, TRUTH, GROUPS, ["a", "b"])
    assert persons["rho_within_groups"] == pytest.approx(1) and persons["rho_of_all_frames"] is not None


def test_sharp_frames_by_hand() -> None:
    sharp = np.array([False, False, True, True, False, False])
    found = ranking_of_sets(SCORES, None, sharp, GROUPS)
    assert found == {"auc_sharp": pytest.approx((1 + 0.5) / 2), "best_by_score_is_sharp": 1}


def test_the_examples_are_right() -> None:
    assert doctest.testmod(ranking).failed == 0
