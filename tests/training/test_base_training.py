"""What a base is trained on: footage of classes and background, clips drawn from it, what is done to their pixels."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import MEAN, STD
from helpers.training_data import SMALL, colours, film
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.datasets import LabelledVideo, Segment
from clipselect.errors import ClipselectError
from clipselect.media.progress import Progress
from clipselect.scoring.input_spec import InputSpec
from clipselect.training import base_training
from clipselect.training.augment import augment, normalised, training_size
from clipselect.training.base_training import (
    BaseExamples,
    Footage,
    accuracy,
    base_loss,
    durations_of,
    find_background,
    find_footage,
)
from clipselect.training.frame_cache import FrameCache

SECOND = Fraction(12, 25)  # of the films


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of "a", two of "b" and two of neither."""
    folder = tmp_path_factory.mktemp("films")
    for i, kind in enumerate("aabbnn"):
        film(folder / f"{kind}{i % 2}.mp4", kind, i)
    (folder / "no.mp4").write_bytes(b"no video")
    return folder


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


@given(st.integers(32, 256), st.integers(1, 2000))
def test_clips_are_smaller_at_first_and_of_full_size_at_the_end(size: int, steps: int) -> None:
    sizes = [training_size(size, step, steps) for step in sorted({0, steps // 3, steps - 1})]
    assert sizes[-1] == size or steps < 3
    assert all(s == size or (s % 16 == 0 and 16 <= s <= max(size, 16)) for s in sizes)
    assert training_size(112, 0, 100) == 80 and training_size(112, 65, 100) == 112


@given(st.integers(0, 2**32 - 1), st.sampled_from([(8, 8), (40, 30), (9, 33)]), st.sampled_from([16, 32]))
def test_augmented_clips_are_pictures(seed: int, shape: tuple[int, int], size: int) -> None:
    rng = np.random.default_rng(seed)
    x = augment(rng.integers(0, 256, (3, *shape, 3), dtype=np.uint8), size, rng)
    assert x.shape == (3, 3, size, size) and x.dtype == torch.float32
    assert 0 <= float(x.min()) <= float(x.max()) <= 1


def test_all_frames_of_a_clip_are_augmented_alike() -> None:
    still = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8).repeat(4, 0)
    for seed in range(10):
        x = augment(still, 16, np.random.default_rng(seed))
        assert torch.equal(x, x[:, :1].expand_as(x))


def test_time_runs_forwards_in_augmented_clips() -> None:
    lighter = np.array([60, 100, 140, 180], np.uint8).reshape(4, 1, 1, 1) * np.ones((1, 24, 24, 3), np.uint8)
    for seed in range(10):
        x = augment(lighter, 16, np.random.default_rng(seed))
        assert bool((x.mean((0, 2, 3)).diff() > 0).all())


def test_a_network_sees_pixels_in_training_as_it_does_afterwards() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), dtype=np.uint8)
    inputs = torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float() / 255
    later = InputSpec(16, 16, MEAN, STD, 3).normalise(clips)
    assert torch.allclose(normalised(inputs, MEAN, STD), later, atol=1e-5)


def test_the_loss_is_a_cross_entropy_with_smoothed_labels() -> None:
    logits = torch.tensor([[2.0, 0.0]])
    value = base_loss(lambda _: logits, torch.zeros(1, 3, 1, 1, 1), torch.tensor([0]))  # type: ignore[arg-type]
    right, wrong = torch.log_softmax(logits, 1)[0].tolist()
    smooth = base_training.LABEL_SMOOTHING
    assert float(value) == pytest.approx(-(1 - smooth / 2) * right - smooth / 2 * wrong)


def test_accuracy_is_over_whole_videos_and_counts_what_can_be_read(films: Path) -> None:
    base, errors = colours(), dict[str, str]()
    with torch.no_grad():  # whatever is redder than green is "a"
        base.head.weight.copy_(torch.tensor([[9.0, 0, 0], [0, 9.0, 0]]))  # type: ignore[union-attr]
        base.head.bias.zero_()  # type: ignore[union-attr]
    names = {"a0": (0,), "a1": (1,), "b0": (1,), "b1": (0, 1), "no": (0,)}
    videos = [LabelledVideo(str(films / f"{name}.mp4"), labels) for name, labels in names.items()]
    measured = accuracy(base, videos, 30, failures(errors))
    # right: a0, b0, and b1, one of whose labels is the answer
    assert measured.top1 == 75 and measured.videos == 4
    assert measured.confusion.tolist() == [[1, 1], [1, 1]]
    assert [Path(path).name for path in errors] == ["no.mp4"]
    assert accuracy(base, [], 30, failures(errors)).videos == 0
