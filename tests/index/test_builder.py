"""Adding to an index: old entries and new ones, what is refused, what another run finishes meanwhile."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index import unfinished
from clipselect.index.builder import IndexBuilder
from clipselect.index.entry import Entry, Scoring
from clipselect.index.score_index import ScoreIndex

SCORING = Scoring("m", "0" * 64, "1", "1")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "s.parquet"


def entry(name: str, mtime: int = 1) -> Entry:
    return Entry(f"/{name}.mp4", 1, mtime, None, "an error")


def add(out: Path, *entries: Entry, finish: bool = True) -> None:
    with IndexBuilder(out, SCORING) as builder:
        for one in entries:
            builder.add(one)
        if finish:
            builder.finish()


def rows(out: Path) -> dict[str, int]:
    return {row["path"]: row["mtime_ns"] for row in ScoreIndex(out).rows()}


def test_the_newest_entry_of_a_video_counts_and_the_rows_are_sorted(out: Path) -> None:
    add(out, entry("c"), entry("a"), entry("b"))
    add(out, entry("b", 2), entry("bb"), entry("bb", 2), entry("0"))
    assert [*rows(out).items()] == [("/0.mp4", 1), ("/a.mp4", 1), ("/b.mp4", 2), ("/bb.mp4", 2), ("/c.mp4", 1)]
    assert [file.name for file in out.parent.iterdir()] == ["s.parquet"]


def test_only_those_named_are_kept(out: Path) -> None:
    add(out, entry("a"), entry("b"))
    with IndexBuilder(out, SCORING) as builder:
        builder.add(entry("c"))
        assert builder.finish({"/b.mp4", "/c.mp4", "/d.mp4"}) == 2
    assert [*rows(out)] == ["/b.mp4", "/c.mp4"]


def test_an_unfinished_run_is_resumed_even_if_it_had_just_written_the_index(out: Path) -> None:
    add(out, entry("a"), entry("b"), finish=False)
    assert not out.exists()
    left = out.with_name("s.parquet.unfinished").read_bytes()
    with IndexBuilder(out, SCORING) as builder:
        assert builder.resumed == 2
        assert builder.finish() == 2
    out.with_name("s.parquet.unfinished").write_bytes(left)  # killed before it could delete the file
    add(out, entry("c"))
    assert [*rows(out)] == ["/a.mp4", "/b.mp4", "/c.mp4"]


def test_a_video_is_known_until_its_file_changes(out: Path, tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.touch()
    found = replace(Entry.before(video, 30), error="an error")
    for finish in (False, True):
        add(out, found, finish=finish)
        with IndexBuilder(out, SCORING) as builder:
            known = builder.known(video, 30)
            assert known is not None and known.error == "an error"
            assert builder.known(tmp_path / "b.mp4", 30) is None
    video.write_text("changed")
    with IndexBuilder(out, SCORING) as builder:
        assert builder.known(video, 30) is None


@pytest.mark.parametrize("made", ["otherwise", "by somebody else"])
def test_an_index_made_otherwise_is_refused_and_kept(out: Path, made: str) -> None:
    add(out, entry("a"))
    scoring = replace(SCORING, stride="1/10") if made == "otherwise" else SCORING
    if made == "by somebody else":
        out.write_text("my notes")
    before = out.read_bytes()
    with pytest.raises(ArgumentError, match="another name") as e:
        IndexBuilder(out, scoring)
    assert e.value.argument == "overwrite" and str(out) in str(e.value) and out.read_bytes() == before
    assert [file.name for file in out.parent.iterdir()] == ["s.parquet"]
    with IndexBuilder(out, scoring, overwrite=True) as builder:
        builder.add(entry("b"))
        builder.finish()
    assert [*rows(out)] == ["/b.mp4"]


def test_what_another_run_finishes_meanwhile_is_kept(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def finish_another(*args: Any, **options: Any) -> sqlite3.Connection:
        monkeypatch.setattr(unfinished.sqlite3, "connect", connect)
        add(out, entry("other"))
        return connect(*args, **options)

    monkeypatch.setattr(unfinished.sqlite3, "connect", finish_another)
    add(out, entry("mine"))
    assert [*rows(out)] == ["/mine.mp4", "/other.mp4"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="none"):
        IndexBuilder(tmp_path / "none" / "s.parquet", SCORING)
