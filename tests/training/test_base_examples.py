"""What a base is trained on: footage of classes and background, and clips drawn from it."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.training_data import SMALL

from clipselect.data.datasets import LabelledVideo, Segment
from clipselect.errors import ClipselectError
from clipselect.media.progress import Progress
from clipselect.training.base_examples import BaseExamples, Footage, durations_of, find_background, find_footage
from clipselect.training.frame_cache import FrameCache

SECOND = Fraction(12, 25)  # of the films


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "frames", 36, Fraction(100), 10**9)


def failures(errors: dict[str, str]) -> Callable[[str, ClipselectError], Any]:
    return lambda path, error: errors.update({path: str(error)})


def test_footage_is_the_whole_video_or_its_segments_within_it() -> None:
    videos = [
        LabelledVideo("a", (0,)),
        LabelledVideo("b", (1,), (Segment(0.1, 0.2, 1), Segment(0.4, 99, 1), Segment(7, 8, 1))),
        LabelledVideo("both", (1, 0), (Segment(0, 0.3, 1), Segment(0.2, 0.4, 0))),
        LabelledVideo("unreadable", (1,)),
    ]
    found = find_footage(videos, ("a", "b"), dict.fromkeys(("a", "b", "both"), SECOND))
    tenth = Fraction(1, 10)
    assert found == [
        [Footage("a", Fraction(0), SECOND), Footage("both", 2 * tenth, 4 * tenth)],
        [Footage("b", tenth, 2 * tenth), Footage("b", 4 * tenth, SECOND), Footage("both", Fraction(0), 3 * tenth)],
    ]


def test_background_is_whole_videos_by_domain() -> None:
    domains = find_background([["a", "gone"], ["gone"], ["b"]], {"a": SECOND, "b": 2 * SECOND})
    assert domains == [[Footage("a", Fraction(0), SECOND)], [Footage("b", Fraction(0), 2 * SECOND)]]


def test_a_class_of_which_nothing_can_be_read_is_an_error() -> None:
    with pytest.raises(ClipselectError, match="class 'b': not one of its training videos can be read"):
        find_footage([LabelledVideo("a", (0,)), LabelledVideo("no", (1,))], ("a", "b"), {"a": SECOND})


def test_videos_that_cannot_be_read_are_named_and_have_no_duration(films: Path, cache: FrameCache) -> None:
    errors: dict[str, str] = {}
    shown: list[Progress] = []
    good, bad, absent = (str(films / name) for name in ("a0.mp4", "no.mp4", "absent.mp4"))
    assert durations_of([good, bad, absent], cache, shown.append, failures(errors)) == {good: SECOND}
    assert [*errors] == [bad, absent] and all(path in why for path, why in errors.items())
    assert (shown[0].done, shown[-1].done, shown[-1].total) == (0, 3, 3)


def examples(films: Path, cache: FrameCache, background: bool = True, seed: int = 0) -> BaseExamples:
    whole = {name: Footage(str(films / f"{name}.mp4"), Fraction(0), SECOND) for name in ("a0", "a1", "b0", "n0", "n1")}
    classes = [[whole["a0"], whole["a1"]], [whole["b0"]]]
    elsewhere = [[whole["n0"]], [whole["n1"]]] if background else []
    return BaseExamples(cache, classes, elsewhere, Fraction(1, 5), SMALL, 6, 10, seed)


def test_an_example_is_a_function_of_seed_step_and_place(films: Path, cache: FrameCache) -> None:
    one, again, other = examples(films, cache), examples(films, cache), examples(films, cache, seed=1)
    for place in ((0, 0), (3, 2), (9, 5)):
        assert all(torch.equal(x, y) for x, y in zip(one(*place), again(*place), strict=True))
        assert not torch.equal(one(*place)[0], other(*place)[0])
    assert len({float(one(step, i)[0].mean()) for step in range(3) for i in range(3)}) == 9


def test_every_third_example_is_background_where_there_is_some(films: Path, cache: FrameCache) -> None:
    labels = [[int(examples(films, cache)(step, i)[1]) for i in range(6)] for step in range(8)]
    assert all(row[0] == row[3] == 2 for row in labels)
    assert {k for row in labels for i, k in enumerate(row) if i % 3} == {0, 1}
    plain = examples(films, cache, background=False)
    counts = Counter(int(plain(step, i)[1]) for step in range(8) for i in range(6))
    assert {*counts} == {0, 1} and min(counts.values()) > 12  # classes alike, though one has twice the videos


def test_clips_lie_within_their_footage_and_are_about_as_long_as_asked(
    films: Path, cache: FrameCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Fraction, Fraction]] = []

    def clip(_: FrameCache, path: str, start: Fraction, length: Fraction, frames: int) -> np.ndarray[Any, Any]:
        asked.append((start, length))
        return np.zeros((frames, 36, 36, 3), np.uint8)

    monkeypatch.setattr(FrameCache, "clip", clip)
    footage = Footage("v", Fraction(3), Fraction(4))
    one = BaseExamples(cache, [[footage]], [], Fraction(1, 2), SMALL, 2, 10, 0)
    short = BaseExamples(cache, [[Footage("v", Fraction(3), Fraction("3.1"))]], [], Fraction(1, 2), SMALL, 2, 10, 0)
    for i in range(40):
        one(i, 0)
    assert all(start >= 3 and start + length <= 4 and 0.39 < length < 0.63 for start, length in asked)
    assert max(start for start, _ in asked) > 3.3 and min(start for start, _ in asked) < 3.1
    assert len({length for _, length in asked}) > 20
    asked.clear()
    short(0, 0)
    assert asked == [(3, Fraction(1, 10))]
