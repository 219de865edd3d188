"""Damaged files end in scores or in a VideoError, and leave nothing open; `tests/fuzz/run_fuzz.py` has them by the
thousand, and so has this file with CLIPSELECT_FUZZ=1000 in the environment."""

import os
import signal
from argparse import Namespace
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.videos import make_video
from run_fuzz import GOOD, Child, fuzz, make_files, mutations
from run_soak import soak

from clipselect import DenseClips
from clipselect.errors import VideoError
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video

COUNT = int(os.environ.get("CLIPSELECT_FUZZ", "72"))

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory and descriptors of Linux"),
    pytest.mark.usefixtures("one_thread"),
]


def test_mutated_files_are_scored_or_refused_soon_and_in_little_memory(tmp_path: Path) -> None:
    settings = Namespace(count=COUNT, seed=0, seconds=60.0, megabytes=400.0, out=tmp_path)
    found = fuzz(tmp_path, settings)
    assert found["harmful"] == []
    assert set(found["outcomes"]) == set(GOOD) and sum(found["outcomes"].values()) == COUNT


def test_the_same_seed_damages_alike_and_every_file_is_damaged(tmp_path: Path) -> None:
    originals = make_files(tmp_path)
    once, again = ([*mutations(originals, 3, 72)] for _ in range(2))
    assert once == again and {name for name, _, _ in once} == set(originals)
    assert all(data != originals[name] for name, _, data in once if _ != "zero")
    assert [*mutations(originals, 4, 72)] != once


def test_a_process_that_dies_or_hangs_is_noticed(tmp_path: Path) -> None:
    with Child() as child:
        child.process.kill()
        assert child.score(tmp_path / "a.mp4", False, 60)[0] == "exit -9"
        child.restart()
        os.kill(child.process.pid, signal.SIGSTOP)
        assert child.score(tmp_path / "a.mp4", False, 0.1)[0] == "hang"
        child.restart()
        assert child.score(tmp_path / "a.mp4", False, 60)[0] == "VideoError"


def test_no_file_is_left_open_and_none_is_kept(tmp_path: Path) -> None:
    found = soak(tmp_path, 96)
    assert found["descriptors_left"] == 0 and sum(found["outcomes"].values()) == 96
    assert found["outcomes"]["scored"] > found["outcomes"]["VideoError"] > 0


def test_a_clock_that_says_nonsense_is_the_files_fault_and_stops_no_batch(run: Run, tmp_path: Path) -> None:
    ticks = [*range(0, 2000, 40), 10**10]
    absurd = make_video(tmp_path / "absurd.mkv", ticks, time_base=Fraction(1, 1000))
    with pytest.raises(VideoError, match=r"absurd\.mkv: lasts 1000000\d s by its own clock, and .*or repair the file"):
        score_video(open_source(absurd), load_scorer(), stride=1)
    run("score", absurd)
    assert_refused(run, str(absurd), "or repair the file")
    run("index", absurd, make_video(tmp_path / "fine.mp4", 30), "-o", tmp_path / "s.parquet", "--workers", 0)
    assert run.code == 1 and f"{absurd}: lasts" in run.err
    with pytest.raises(VideoError, match=r"absurd\.mkv"):
        DenseClips(1)(0.0, 10.0, {"video_path": str(absurd)})
