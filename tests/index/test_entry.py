"""What an index knows of a video: exact through any row, and which videos are the same."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ClipselectError
from clipselect.index import score_index
from clipselect.index.entry import Entry, Scoring, from_row, to_row
from clipselect.media.candidate_clips import Clip
from clipselect.scoring.scorer import load_scorer

SCORING = Scoring("ddnet3d-test", "0123456789abcdef", "2", "1/3")

clocks = st.sampled_from([1, 24, 25, 1000, 12_800, 15_360, 30_000, 90_000, 24_000_000, 1_000_000_007])
sizes = st.integers(0, 2**62)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Any entry that a reader can produce: times are ticks of one clock, as large as hours are."""
    clock = draw(clocks)
    ticks = st.integers(0, 2**49).map(lambda n: Fraction(n, clock))
    numbers = st.integers(0, 2**31 - 1)
    clips = [
        Clip(*sorted(draw(st.tuples(ticks, ticks))), *sorted(draw(st.tuples(numbers, numbers.filter(lambda n: n > 0)))))
        for _ in range(draw(st.integers(0, 4)))
    ]
    clips = [replace(c, first=max(c.first, 1)) for c in clips]  # so that their number of frames fits an int32
    scores = draw(st.lists(st.floats(0, 1, width=32), min_size=len(clips), max_size=len(clips)))
    return Entry(
        draw(text), draw(sizes), draw(sizes), draw(st.none() | st.floats(0.001, 10_000)),
        None, tuple(draw(st.lists(text, max_size=3))), draw(ticks), draw(ticks) * draw(st.sampled_from([1, -1])),
        clips, np.array(scores, np.float32),
    )  # fmt: skip


def assert_same(one: Entry | None, other: Entry) -> None:
    assert one is not None
    assert replace(one, scores=other.scores) == other
    assert one.scores.dtype == np.float32 and np.array_equal(one.scores, other.scores)


@given(entries())
def test_a_row_as_json_gives_the_entry_back_exactly(entry: Entry) -> None:
    assert_same(from_row(json.loads(json.dumps(to_row(entry), allow_nan=False))), entry)


@given(entries())
def test_a_row_of_the_file_gives_the_entry_back_exactly(entry: Entry) -> None:
    table = pa.Table.from_pylist([to_row(entry)], score_index.SCHEMA)
    assert_same(from_row(table.to_pylist()[0]), entry)


def test_a_failed_video_keeps_its_error_and_has_no_times() -> None:
    entry = Entry("/a.mp4", 3, 4, None, "/a.mp4: not a video")
    row = to_row(entry)
    assert row["duration"] is row["start_time"] is row["clock"] is None and row["start"] == row["score"] == []
    assert_same(from_row(row), entry)


def test_a_missing_video_has_neither_size_nor_time(tmp_path: Path) -> None:
    entry = replace(Entry.before(tmp_path / "none.mp4", 30), error="no such file")
    assert entry.size is entry.mtime_ns is entry.fps is None
    assert_same(from_row(to_row(entry)), entry)
    assert not entry.same_video(entry)


@pytest.mark.parametrize("duration", [Fraction(1, 2**63), Fraction(2**60 + 1, 1024), Fraction(12_345, 10**16 + 1) + 99])
def test_times_too_fine_for_the_file_are_refused(duration: Fraction) -> None:
    with pytest.raises(ClipselectError, match=re.escape("/a.mp4: the times of its clips are too fine")):
        to_row(Entry("/a.mp4", 1, 1, None, duration=duration))


@pytest.mark.parametrize("fps", [24, 30])
def test_another_rate_makes_a_folder_of_frames_another_video(tmp_path: Path, fps: float) -> None:
    assert Entry.before(tmp_path, 30).same_video(Entry.before(tmp_path, fps)) == (fps == 30)
    (tmp_path / "a.mp4").touch()
    assert Entry.before(tmp_path / "a.mp4", 30).same_video(Entry.before(tmp_path / "a.mp4", fps))


def test_scoring_names_model_and_grid() -> None:
    assert str(SCORING) == "model ddnet3d-test (01234567), clips of 2 s every 1/3 (0.3333) s"


def test_scoring_defaults_to_what_the_model_was_distilled_with() -> None:
    scorer = load_scorer()
    assert Scoring.from_scorer(scorer) == Scoring.from_scorer(scorer, scorer.clip_duration, scorer.clip_duration)
    assert Scoring.from_scorer(scorer, 0.1).stride == "1/10"
    assert Scoring.from_scorer(scorer).sha256 == scorer.metadata["sha256"]
