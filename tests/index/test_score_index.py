"""The score index as a file: look-ups over groups of rows, and readers of other libraries."""

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

from clipselect.index import score_index
from clipselect.index.entry import Entry, Scoring, to_row
from clipselect.index.index_file import stored_path
from clipselect.index.score_index import ScoreIndex, write_index
from clipselect.media.candidate_clips import Clip

SCORING = Scoring("ddnet3d-test", "0123456789abcdef", "2", "1/3")
CLIP = Clip(Fraction(1, 3), Fraction(7, 3), 8, 57)


def some(path: Path | str, number: int = 0) -> Entry:
    """An entry whose only score is its number / 1000."""
    scores = np.array([number / 1000], np.float32)
    return Entry(stored_path(path), number, 1, None, None, (), Fraction(5, 2), Fraction(1, 25), [CLIP], scores)


def assert_same(one: Entry | None, other: Entry) -> None:
    assert one is not None
    assert replace(one, scores=other.scores) == other
    assert one.scores.dtype == np.float32 and np.array_equal(one.scores, other.scores)


def write(path: Path, found: list[Entry]) -> ScoreIndex:
    write_index(path, SCORING, iter(sorted((to_row(entry) for entry in found), key=lambda row: row["path"])))
    return ScoreIndex(path)


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
