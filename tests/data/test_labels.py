"""Which class a clip of a labelled video shows."""

from fractions import Fraction

import pytest

from clipselect.data.datasets import BACKGROUND, LabelledVideo, Segment, shown_class
from clipselect.media.candidate_clips import Clip


def clip(start: float, end: float) -> Clip:
    return Clip(Fraction(str(start)), Fraction(str(end)), 0, 1)


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (0, 1, BACKGROUND),
        (1, 3, 0),
        (1.5, 2.5, 0),
        (0.9, 2.9, BACKGROUND),
        (1, 2.9, BACKGROUND),
        (1, 4, 1),
        (4, 5, 1),
        (6, 7, BACKGROUND),
    ],
)
def test_with_segments_a_clip_shows_the_one_that_fills_most_of_it_and_at_least_half(
    start: float, end: float, shown: int
) -> None:
    video = LabelledVideo("v", (1, 0), (Segment(2, 3, 0), Segment(2.5, 6, 1)))
    assert shown_class(clip(start, end), video) == shown


@pytest.mark.parametrize(
    ("segments", "shown"),
    [
        ([(0, 0.9, 0), (1, 1.9, 0)], 0),
        ([(0, 0.9, 0), (0.1, 0.8, 0), (0.2, 0.9, 0)], BACKGROUND),  # the same 0.9 s, again and again
        ([(1.1, 1.6, 0), (0, 0.6, 0), (0.4, 0.7, 0)], 0),
        ([(0, 0.6, 1), (0.6, 1.8, 0), (1.3, 2, 1)], 1),
        ([(0, 0.5, 1), (0.5, 1.1, 0), (1.1, 1.4, 1), (1.4, 2, 0)], 0),
        ([(-5, 0, 0), (0, 0.9, 1), (2, 9, 0)], BACKGROUND),
    ],
)
def test_segments_of_one_class_fill_a_clip_together(segments: list[tuple[float, float, int]], shown: int) -> None:
    video = LabelledVideo("v", (0, 1), tuple(Segment(*segment) for segment in segments))
    assert shown_class(clip(0, 2), video) == shown


def test_without_segments_every_clip_shows_the_main_label_of_its_video_and_background_none() -> None:
    assert shown_class(clip(0, 1), LabelledVideo("v", (1, 0))) == 1
    assert shown_class(clip(0, 1), LabelledVideo("v", ())) == BACKGROUND
