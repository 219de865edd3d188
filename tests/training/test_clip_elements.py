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
    assert elements.predicted.tolist() == [1, 1, 1]  # mean probabilities 0.27, 0.43, 0.3
    assert elements.features.tolist() == [[0, 1], [2, 3], [4, 5]]
    background = elements_from_outputs(0, LabelledVideo("v", ()), outputs)
    assert background.label.tolist() == background.shows.tolist() == [BACKGROUND] * 3
