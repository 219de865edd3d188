"""What is found out about held-out videos, and how often the order of two of their clips is right."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from clipselect.zoo.loading import load_base

from clipselect.data.datasets import LabelledVideo
from clipselect.media.clip_decoding import clip_grid
from clipselect.media.sources import open_source
from clipselect.scoring.cheap_scores import motion_scores, packet_scores
from clipselect.scoring.scorer import load_ddnet
from clipselect.scoring.video_scores import score_video
from clipselect.training import held_out
from clipselect.training.clip_elements import ClipData
from clipselect.training.d_scores import DScoreTarget


def test_scores_motion_and_packets_are_those_of_every_candidate(video: Path) -> None:
    base, scorer = load_base(device="cpu"), load_ddnet(device="cpu")
    length, stride, spec = Fraction(1), Fraction(1, 2), scorer.input_spec
    target = DScoreTarget(base.classes, torch.rand(len(base.classes) + 1, 160, dtype=torch.float64))
    data = ClipData([LabelledVideo(str(video), (0,))], base, length, stride)
    (found,) = held_out.held_out_outputs(data, scorer, target)
    scored = score_video(open_source(video), scorer, clip_duration=length, stride=stride)
    assert np.allclose(found.scores, scored.scores, atol=1e-5)
    assert np.allclose(found.features, scored.features, atol=1e-4)
    moved = motion_scores(open_source(video), clip_grid(length, stride), size=spec.size, frames=spec.clip_frames)
    assert np.array_equal(found.motion, np.concatenate(moved.results)) and np.array_equal(found.spans, scored.spans)
    assert np.array_equal(found.packets, packet_scores(moved.source, moved.clips))


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
