"""The score index as a file: exact rows, look-ups over groups of rows, and what is no index."""

import json
import os
import pickle
import re
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.errors import ClipselectError
from clipselect.index import score_index
from clipselect.index.score_index import (
    Entry,
    ScoreIndex,
    Scoring,
    from_row,
    signature,
    stored_path,
    to_row,
    write_index,
)
from clipselect.media.candidates import Clip
from clipselect.scoring.scorer import load_scorer

SCORING = Scoring("ddnet3d-test", "0123456789abcdef", "2", "1/3")
CLIP = Clip(Fraction(1, 3), Fraction(7, 3), 8, 57)

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


def some(path: Path | str, number: int = 0) -> Entry:
    """An entry whose only score tells its number."""
    scores = np.array([number / 1000], np.float32)
    return Entry(stored_path(path), number, 1, None, None, (), Fraction(5, 2), Fraction(1, 25), [CLIP], scores)


def assert_same(one: Entry | None, other: Entry) -> None:
    assert one is not None
    assert replace(one, scores=other.scores) == other
    assert one.scores.dtype == np.float32 and np.array_equal(one.scores, other.scores)


def write(path: Path, found: list[Entry]) -> ScoreIndex:
    write_index(path, SCORING, iter(sorted((to_row(entry) for entry in found), key=lambda row: row["path"])))
    return ScoreIndex(path)


@given(entries())
def test_a_row_of_the_journal_gives_the_entry_back_exactly(entry: Entry) -> None:
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
        to_row(replace(some("/a.mp4"), duration=duration))


@pytest.mark.parametrize("fps", [24, 30])
def test_another_rate_makes_a_folder_of_frames_another_video(tmp_path: Path, fps: float) -> None:
    assert Entry.before(tmp_path, 30).same_video(Entry.before(tmp_path, fps)) == (fps == 30)
    (tmp_path / "a.mp4").touch()
    assert Entry.before(tmp_path / "a.mp4", 30).same_video(Entry.before(tmp_path / "a.mp4", fps))


def test_a_folders_signature_sees_its_visible_files(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"12345")
    (tmp_path / "2.png").write_bytes(b"123")
    os.utime(tmp_path / "1.png", ns=(7, 7_000_000_123))
    os.utime(tmp_path / "2.png", ns=(7, 5_000_000_000))
    (tmp_path / ".hidden").write_bytes(b"1")
    assert signature(tmp_path) == (8, 7_000_000_123)


@settings(max_examples=25)
@given(
    st.sets(st.text("/aä日𝄞.z", min_size=1, max_size=4), max_size=12), st.integers(1, 5), st.text("/aä日z", max_size=4)
)
def test_every_path_is_found_over_any_number_of_groups(names: set[str], rows: int, other: str) -> None:
    found = [some("x", number) for number in range(len(names))]
    found = [replace(entry, path=f"/{name}") for entry, name in zip(found, sorted(names), strict=True)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_index, "ROWS_PER_GROUP", rows)
        scores = write(Path(folder) / "s.parquet", found)
    assert len(scores) == len(names) and scores._file.metadata.num_row_groups == -(-len(names) // rows)
    assert [row["path"] for row in scores.rows()] == [entry.path for entry in found]
    for entry in found:
        head = scores._find(entry.path)[2]
        assert head is not None and (head.path, head.size) == (entry.path, entry.size)
    assert (scores._find(f"/{other}")[2] is not None) == (other in names)


def test_entries_are_found_by_path_first_last_and_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_index, "ROWS_PER_GROUP", 3)
    found = [some(tmp_path / f"{name}.mp4", i) for i, name in enumerate("bcdefghij")]
    scores = write(tmp_path / "s.parquet", found)
    for i, name in enumerate("bcdefghij"):
        assert_same(scores.entry(tmp_path / f"{name}.mp4"), found[i])
        assert_same(scores.entry(str(tmp_path / f"x/../{name}.mp4")), found[i])
    for name in ("a", "cc", "k"):
        assert scores.entry(tmp_path / f"{name}.mp4") is None and scores.head(tmp_path / f"{name}.mp4") is None


def test_an_index_of_nothing_finds_nothing(tmp_path: Path) -> None:
    scores = write(tmp_path / "s.parquet", [])
    assert len(scores) == 0 and [*scores.rows()] == [] and scores.entry("/a.mp4") is None


def test_paths_count_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = write(tmp_path / "s.parquet", [some(tmp_path / "a.mp4", 7)])
    monkeypatch.chdir(tmp_path)
    assert_same(scores.entry("a.mp4"), some(tmp_path / "a.mp4", 7))


@pytest.mark.parametrize("name", ["ä.mp4", "日本.mp4", "𝄞.mp4", "line\nbreak.mp4", os.fsdecode(b"\xff\xfe.mp4")])
def test_any_file_name_is_found(tmp_path: Path, name: str) -> None:
    found = [some(tmp_path / n, i) for i, n in enumerate([name, "plain.mp4"])]
    scores = write(tmp_path / "s.parquet", found)
    assert_same(scores.entry(tmp_path / name), found[0])
    assert_same(scores.entry(tmp_path / "plain.mp4"), found[1])


def test_bytes_that_are_not_utf8_appear_as_documented(tmp_path: Path) -> None:
    assert stored_path(os.fsdecode(b"/a/\xff.mp4")) == "/a/\\xff.mp4"


def test_a_link_is_found_under_its_own_name_or_by_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real.mp4")
    (tmp_path / "real.mp4").touch()
    real, link = some(tmp_path / "real.mp4", 1), some(tmp_path / "link.mp4", 2)
    assert_same(write(tmp_path / "1.parquet", [real]).entry(tmp_path / "link.mp4"), real)
    assert_same(write(tmp_path / "2.parquet", [real, link]).entry(tmp_path / "link.mp4"), link)
    assert write(tmp_path / "3.parquet", [link]).entry(tmp_path / "real.mp4") is None


def test_an_open_index_goes_through_a_pickle(tmp_path: Path) -> None:
    scores = pickle.loads(pickle.dumps(write(tmp_path / "s.parquet", [some("/a.mp4", 3)])))
    assert scores.scoring == SCORING and len(scores) == 1
    assert_same(scores.entry("/a.mp4"), some("/a.mp4", 3))


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    with pytest.raises(ClipselectError, match=re.escape(f"{path}: no such score index; make it with clipselect index")):
        ScoreIndex(path)
    with pytest.raises(ClipselectError, match="no such score index"):
        ScoreIndex(tmp_path)


@pytest.mark.parametrize("kind", ["text", "empty", "other parquet", "other metadata", "cut"])
def test_what_is_no_index_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s.parquet"
    write(path, [some("/a.mp4")])
    if kind in ("text", "empty"):
        path.write_text("path,score\n" if kind == "text" else "")
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        metadata = {"clipselect": '["version"]'} if kind == "other metadata" else None
        pq.write_table(pa.table({"path": ["/a.mp4"]}).replace_schema_metadata(metadata), path)
    with pytest.raises(ClipselectError) as e:
        ScoreIndex(path)
    assert str(e.value) == f"{path}: not a score index; make it with clipselect index"


def test_another_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(score_index, "VERSION", 99)
        write(tmp_path / "s.parquet", [some("/a.mp4")])
    with pytest.raises(ClipselectError, match=r"s\.parquet: an index of version 99, not 1; make it again"):
        ScoreIndex(tmp_path / "s.parquet")


def test_pandas_reads_it_in_one_line(tmp_path: Path) -> None:
    write(tmp_path / "s.parquet", [some("/a.mp4", 1), some("/b.mp4", 2)])
    clips = pd.read_parquet(tmp_path / "s.parquet").explode(["start", "end", "first_frame", "frames", "score"])
    assert clips["path"].tolist() == ["/a.mp4", "/b.mp4"] and clips["score"].tolist() == pytest.approx([0.001, 0.002])
    assert clips["first_frame"].tolist() == [8, 8] and clips["frames"].tolist() == [50, 50]


def test_duckdb_reads_it_in_one_line(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write(tmp_path / "s.parquet", [some("/a.mp4", 1), some("/b.mp4", 2)])
    query = f"select path, unnest(start) as start, unnest(score) as score from '{tmp_path / 's.parquet'}'"
    rows = sorted(duckdb.sql(query).fetchall())
    assert rows == [("/a.mp4", pytest.approx(1 / 3), pytest.approx(0.001)),
                    ("/b.mp4", pytest.approx(1 / 3), pytest.approx(0.002))]  # fmt: skip


def test_the_documented_columns_are_the_files(tmp_path: Path) -> None:
    documented: dict[str, str] = {}
    for names, kind in re.findall(r"^\| (`.+?`) \| ([a-z0-9 ]+?) \|", score_index.__doc__ or "", re.MULTILINE):
        documented |= dict.fromkeys(re.findall(r"`(\w+)`", names), kind)
    plain = {"double": "double", "string": "string", "int64": "int64"}
    lists = {f"list of {kind}": kind for kind in ("string", "double", "int32", "float")}
    write(tmp_path / "s.parquet", [some("/a.mp4")])
    schema = pq.read_schema(tmp_path / "s.parquet")
    found = {f.name: f"list of {f.type.value_type}" if f.type in map(pa.list_, map(pa.type_for_alias, lists.values()))
             else plain[str(f.type)] for f in schema}  # fmt: skip
    assert found == documented and schema.names == score_index.SCHEMA.names == list(documented)


def test_scoring_names_model_and_grid() -> None:
    assert str(SCORING) == "model ddnet3d-test (01234567), clips of 2 s every 1/3 (0.3333) s"


def test_scoring_defaults_to_what_the_model_was_distilled_with() -> None:
    scorer = load_scorer()
    assert Scoring.from_scorer(scorer) == Scoring.from_scorer(scorer, scorer.clip_duration, scorer.clip_duration)
    assert Scoring.from_scorer(scorer, 0.1).stride == "1/10"
    assert Scoring.from_scorer(scorer).sha256 == scorer.metadata["sha256"]
