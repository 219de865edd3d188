"""Files with names that would break lines, pages and tables: each output says the name and nothing happens."""

import csv
import io
import json
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import Run
from helpers.videos import make_video

from clipselect.index.inputs import find_videos
from clipselect.index.score_index import ScoreIndex

NAMES = [
    "two\nlines.mp4",
    "<img src=x onerror=alert(1)>.mp4",
    "\"' onload='alert(1).mp4",
    "{{ 7 * 7 }}{% raw %}.mp4",
    "[bold]&amp;[link=http:x].mp4",
    "\x1b[2J\x07.mp4",
    "=1+1,;\t.mp4",
    "-rf.mp4",
]


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMES)
def test_every_output_says_the_name_and_nothing_happens(run: Run, tmp_path: Path, name: str) -> None:
    path, bad = make_video(tmp_path / "v.mp4", 30).rename(tmp_path / name), tmp_path / f"bad {name}"
    bad.write_bytes(b"no video")
    page, table = tmp_path / "page.html", tmp_path / "t.csv"
    run("score", path, bad, "--html", page, "--json", "-", "--csv", table)
    assert run.code == 1
    assert [video["path"] for video in json.loads(run.out)["videos"]] == [str(path), str(bad)]
    assert {row["path"] for row in csv.DictReader(io.StringIO(table.read_text(), newline=""))} <= {str(path), str(bad)}
    assert "\x1b[2J" not in run.err and "\x07" not in run.err and "bad two\nlines" not in run.err
    found = Tags(page.read_text())
    make_video(tmp_path / "plain.mp4", 30)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    run("score", tmp_path / "plain.mp4", tmp_path / "bad.mp4", "--html", page, "--quiet")
    plain = Tags(page.read_text())
    assert found.tags <= plain.tags and found.attributes <= plain.attributes
    assert all(piece in found.text for piece in re.split(r"[\x00-\x1f]", name))  # how control characters show is free


@pytest.mark.parametrize("name", NAMES)
def test_an_index_keeps_the_name(run: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    path = make_video(folder / "v.mp4", 30).rename(folder / name)
    assert run("index", folder, "-o", tmp_path / "s.parquet", "--workers", 0).code == 0
    entry = ScoreIndex(tmp_path / "s.parquet").entry(path)
    assert entry is not None and len(entry.clips) == 2
    run("index", folder, "-o", tmp_path / "s.parquet", "--workers", 0)
    assert "0 videos scored, 1 unchanged" in run.out


def test_a_folder_of_many_files_is_listed_without_a_look_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network disk, a look at each of 100,000 files takes minutes."""
    for i in range(300):
        (tmp_path / f"{i:05}.mp4").touch()
    looks: list[object] = []

    def counted(look: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path, *args, **options: looks.append(path) or look(path, *args, **options)

    for name in ("stat", "lstat", "open"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    assert len(find_videos([str(tmp_path)])) == 300
    assert len(looks) < 30
