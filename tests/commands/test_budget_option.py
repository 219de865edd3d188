"""`clipselect score --budget`."""

import csv
import io
import json
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.videos import make_video


@pytest.fixture
def long_video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "long.mp4", 1300, options={"g": "25", "keyint_min": "25"})


def test_the_command_says_what_it_left_out(run: Run, long_video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert run("score", long_video, "--budget", 0.3, "--k", 2, "--json", out).code == 0
    assert "of 52 candidate clips were left out after a look at the key frames" in " ".join(run.out.split())
    document = json.loads(out.read_text())
    [video] = document["videos"]
    assert document["settings"]["budget"] == 0.3 and len(video["clips"]) < 20 and "left out" in video["warnings"][0]
    assert sum(clip["picked"] for clip in video["clips"]) == 2
    assert video["skipped"] == 52 - len(video["clips"]) and 0 < video["decoded"] <= 0.3 and video["fast"] is False
    run("score", long_video, "--budget", 0.3, "--csv", "-")
    rows = [*csv.DictReader(io.StringIO(run.out))]
    assert {(row["decoded"], row["skipped"]) for row in rows} == {(str(video["decoded"]), str(video["skipped"]))}


def test_what_does_not_go_together_is_refused(run: Run, long_video: Path) -> None:
    run("score", long_video, "--budget", 0.3, "--fast")
    assert_refused(run, "--budget does not work with fast")
    run("score", long_video, "--budget", 3)
    assert_refused(run, "--budget must lie in (0, 1]")
