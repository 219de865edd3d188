"""The examples of both trainings: a function of seed, step and place, also where a video is lost meanwhile."""

import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from helpers.training_data import SMALL, film
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ClipselectWarning, VideoError
from clipselect.training import training_examples
from clipselect.training.base_examples import BaseExamples, Footage
from clipselect.training.clip_elements import ClipExamples
from clipselect.training.clip_variants import JITTER
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import Example
from clipselect.training.training_examples import MAX_ATTEMPTS, rounded

PLACES = [(step, i) for step in range(4) for i in range(6)]
SECOND = Fraction(12, 25)  # of the films

Examples = Callable[[int, int], Example]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two videos of "a" and two of "b"."""
    folder = tmp_path_factory.mktemp("films")
    return [film(folder / f"{kind}{i}.mp4", kind, 10 * i + ord(kind)) for kind in "ab" for i in range(2)]


def of_base(paths: list[Path], store: FrameCache) -> BaseExamples:
    footage = [Footage(str(path), Fraction(0), SECOND) for path in paths]
    return BaseExamples(store, [footage[:2], footage[2:]], [], Fraction(1, 5), SMALL, 6, 4, 0)


def of_ddnet(paths: list[Path], store: FrameCache) -> ClipExamples:
    targets = store.folder / "d_scores.parquet"
    video, start = np.repeat(np.arange(len(paths)), 3), np.tile([0, 0.1, 0.28], len(paths))
    d_scores = np.linspace(0.05, 0.95, len(video))
    columns = {"video": video, "variant": 0 * video, "start": start, "end": start + 0.2, "d_score": d_scores}
    pq.write_table(pa.table(columns), targets)
    return ClipExamples([*map(str, paths)], targets, SMALL, steps=4, seed=0, cache=store, has_variants=False)


@pytest.fixture(params=[of_base, of_ddnet])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[list[Path]], Examples]:
    def make(paths: list[Path], limit: int = 10**9) -> Examples:
        folder = tmp_path / f"{limit} {len([*tmp_path.iterdir()])}"
        return request.param(paths, FrameCache(folder, 36, Fraction(10), limit))

    return make


def same(one: Example, other: Example) -> bool:
    return all(torch.equal(x, y) for x, y in zip(one, other, strict=True))


def test_examples_are_the_same_however_much_the_disk_holds(films: list[Path], made: Any) -> None:
    kept, unkept = made(films), made(films, limit=0)
    assert all(same(kept(*place), unkept(*place)) for place in PLACES)


def test_of_a_video_that_is_lost_during_a_training_other_clips_are_drawn(films: list[Path], made: Any) -> None:
    lost = films[1].with_name("lost.mp4")
    whole, left = made(films), made([films[0], lost, *films[2:]])
    with pytest.warns(ClipselectWarning, match=r"lost\.mp4: no such file; check the path; another example is drawn"):
        drawn = [left(*place) for place in PLACES]
    alike = [same(whole(*place), example) for place, example in zip(PLACES, drawn, strict=True)]
    assert 0 < alike.count(False) < len(PLACES) / 2  # only those that the lost video was drawn for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClipselectWarning)
        again = made([films[0], lost, *films[2:]])
        assert all(same(again(*place), example) for place, example in zip(PLACES, drawn, strict=True))


def test_a_training_stops_when_nothing_can_be_read(tmp_path: Path, made: Any) -> None:
    gone = [tmp_path / f"gone{i}.mp4" for i in range(4)]
    says = rf"^{MAX_ATTEMPTS} training examples in a row cannot be read; the last: .*gone\d\.mp4: no such file"
    with pytest.raises(VideoError, match=says), pytest.warns(ClipselectWarning):
        made(gone)(0, 0)


def test_whatever_a_video_that_cannot_be_read_raises_it_is_named(
    films: list[Path], made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(FrameCache, "clip", fails)
    monkeypatch.setattr(training_examples, "MAX_ATTEMPTS", 1)
    with pytest.raises(VideoError, match=r"\.mp4: cannot be read \(MemoryError\)"), pytest.warns(ClipselectWarning):
        made(films)(0, 0)


def test_clips_of_the_ddnet_are_jittered_as_its_docstring_says(
    films: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []

    def clip(_: FrameCache, path: str, start: Fraction, length: Fraction, frames: int) -> np.ndarray[Any, Any]:
        asked.append((float(start), float(length)))
        return np.zeros((frames, 36, 36, 3), np.uint8)

    monkeypatch.setattr(FrameCache, "clip", clip)
    examples = of_ddnet(films, FrameCache(tmp_path / "s", 36, Fraction(10), 0))
    targets = [float(examples(step, 0)[1]) for step in range(300)]
    factors = [length / 0.2 for _, length in asked]
    assert 1 - 1.5 * JITTER <= min(factors) < 0.88 and 1.17 < max(factors) <= 1 + 2 * JITTER + 1e-3
    moves = [min((start - s for s in (0, 0.1, 0.28)), key=abs) / 0.2 for start, _ in asked]
    assert 0.08 < max(map(abs, moves)) <= JITTER + 1e-3
    assert len({*targets}) == 12 and all(0.04 < target < 0.96 for target in targets)


@given(st.floats(-1e4, 1e4))
def test_rounded_numbers_are_right_to_four_digits_and_short(number: float) -> None:
    assert abs(rounded(number) - number) <= 1e-4 and rounded(number).denominator <= 10_000
    assert rounded(np.float64(number)) == rounded(number)
