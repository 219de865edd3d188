"""Which class a training element stands in, and which one it shows."""

from fractions import Fraction

import pytest
import torch

from clipselect.data.datasets import BACKGROUND, LabelledVideo, Segment
from clipselect.media.candidate_clips import Clip
from clipselect.training.clip_elements import ClipOutputs, elements_from_outputs


def clip(start: float, end: float) -> Clip:
    return Clip(Fraction(str(start)), Fraction(str(end)), 0, 1)


def test_elements_know_the_class_they_stand_in_and_the_one_they_show() -> None:
    clips = [clip(0, 1), clip(1, 2), clip(2, 3)]
    probabilities = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1]])
    outputs = ClipOutputs(clips, torch.arange(6.0).view(3, 2), probabilities)
    video = LabelledVideo("v", (2, 0), (Segment(1, 2, 2), Segment(2, 3, 0)))
    elements = elements_from_outputs(7, video, outputs)
    assert elements.item.tolist() == [7, 7, 7] and elements.start.tolist() == [0, 1, 2]
    assert elements.end.tolist() == [1, 2, 3]
    assert elements.shows.tolist() == [BACKGROUND, 2, 0] and elements.label.tolist() == [2, 2, 0]
    assert elements.confidence.tolist() == pytest.approx([0.6, 0.5, 0.5])
    assert elements.likely.tolist() == [[1, 2], [2, 1], [0, 1]]
    assert elements.predicted.tolist() == [1, 2, 1]  # the mean over the video, 0.27, 0.43, 0.3, and the clip's own
    assert elements.background.tolist() == pytest.approx([0, 0, 0], abs=1e-6) and elements.answers.tolist() == [1, 2, 1]
    assert elements.features.tolist() == [[0, 1], [2, 3], [4, 5]]
    background = elements_from_outputs(0, LabelledVideo("v", ()), outputs)
    assert background.label.tolist() == background.shows.tolist() == [BACKGROUND] * 3


def test_the_base_may_answer_that_a_clip_shows_none_of_its_classes() -> None:
    outputs = ClipOutputs([clip(0, 1), clip(1, 2)], torch.zeros(2, 2), torch.tensor([[0.3, 0.1], [0.3, 0.5]]))
    elements = elements_from_outputs(0, LabelledVideo("v", ()), outputs)
    assert elements.background.tolist() == pytest.approx([0.6, 0.2])
    assert elements.answers.tolist() == [BACKGROUND, 1]
