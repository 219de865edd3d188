"""`clipselect index` as users run it: what is scored, skipped, refused, kept and carried on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.command_line import Run, assert_alike, assert_refused
from helpers.videos import make_video

from clipselect.index.entry import Entry
from clipselect.index.score_index import ScoreIndex
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.shipped import DDNETS, DEFAULT_DDNET, weights_path
from clipselect.scoring.video_scores import score_video
from clipselect.scoring.weights_file import load_weights, save_weights

NAMES = ["a.mp4", "b.mp4", "c.mp4"]


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of which no two are alike."""
    folder = tmp_path_factory.mktemp("three")
    for i, name in enumerate(NAMES):
        make_video(folder / name, 55 + 4 * i)
    return folder


@pytest.fixture
def folder(three: Path, tmp_path: Path) -> Path:
    """A copy of them, to be changed."""
    return Path(shutil.copytree(three, tmp_path / "v"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "s.parquet"


def test_scores_equal_those_of_score_video(run: Run, folder: Path, out: Path) -> None:
    run("index", folder, "-o", out, "--workers", 0, "--stride", 0.5)
    assert run.code == 0 and "3 videos scored, 0 unchanged, 0 failed; it now holds 3" in run.out
    assert "Error" not in run.err and "warning" not in run.err
    index, scorer = ScoreIndex(out), load_scorer()
    for path in folder.iterdir():
        entry, expected = index.entry(path), score_video(open_source(path), scorer, stride=0.5)
        assert entry is not None and entry.clips == expected.clips and entry.duration == expected.duration
        assert np.abs(entry.scores - expected.scores).max() == 0
        assert entry.start_time == expected.source.start_time
    assert sorted(os.listdir(out.parent)) == ["s.parquet", "v"]  # noqa: PTH208


@pytest.mark.processes
def test_several_processes_give_the_same_index(run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    run("index", folder, "-o", out, "--workers", 2, "--quiet")
    assert (run.code, run.out, run.err) == (0, "", "")
    run("index", folder, "-o", tmp_path / "alone.parquet", "--workers", 0)
    assert_alike(out, tmp_path / "alone.parquet")


def test_scores_do_not_depend_on_what_else_is_scored() -> None:
    scorer = load_scorer()
    size, frames = scorer.input_spec.size, scorer.input_spec.frames
    clips = np.random.default_rng(0).integers(0, 255, (64, frames, size, size, 3), dtype=np.uint8)
    whole = scorer.score(clips)
    assert all(np.array_equal(scorer.score(clips[-n:]), whole[-n:]) for n in (7, 16))


def test_a_second_run_reads_nothing_and_leaves_the_file_alone(
    run: Run, folder: Path, out: Path, reads: list[str]
) -> None:
    run("index", folder, "-o", out, "--workers", 0)
    before = out.read_bytes(), out.stat().st_mtime_ns
    reads.clear()
    run("index", folder, "-o", out, "--workers", 0)
    assert run.code == 0 and "0 videos scored, 3 unchanged" in run.out and reads == []
    assert (out.read_bytes(), out.stat().st_mtime_ns) == before and not out.with_name("s.parquet.unfinished").exists()


def grown(path: Path) -> None:
    mtime = path.stat().st_mtime_ns
    make_video(path, 90)
    os.utime(path, ns=(mtime, mtime))


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))


@pytest.mark.parametrize("change", [grown, touched])
def test_only_a_changed_file_is_read_again(
    run: Run, folder: Path, out: Path, reads: list[str], change: Callable[[Path], None]
) -> None:
    run("index", folder, "-o", out, "--workers", 0)
    change(folder / "b.mp4")
    reads.clear()
    run("index", folder, "-o", out, "--workers", 0)
    assert reads == ["b.mp4"] and "1 video scored, 2 unchanged, 0 failed; it now holds 3" in run.out
    entry = ScoreIndex(out).entry(folder / "b.mp4")
    assert entry is not None and entry.same_video(Entry.before(folder / "b.mp4", 30))
    assert len(entry.clips) == (4 if change is grown else 3)


def test_added_videos_join_those_of_earlier_runs(
    run: Run, folder: Path, out: Path, reads: list[str], tmp_path: Path
) -> None:
    run("index", folder / "c.mp4", folder / "a.mp4", "-o", out, "--workers", 0)
    reads.clear()
    run("index", folder, "-o", out, "--workers", 0)
    assert reads == ["b.mp4"] and "1 video scored, 2 unchanged, 0 failed; it now holds 3" in run.out
    run("index", folder, "-o", tmp_path / "whole.parquet", "--workers", 0)
    assert_alike(out, tmp_path / "whole.parquet")


def test_videos_no_longer_asked_for_are_kept(run: Run, folder: Path, out: Path) -> None:
    run("index", folder, "-o", out, "--workers", 0)
    (folder / "a.mp4").unlink()
    assert "0 videos scored, 2 unchanged, 0 failed; it now holds 3" in run("index", folder, "-o", out).out


def test_the_same_video_by_several_names_is_read_once(run: Run, folder: Path, out: Path, reads: list[str]) -> None:
    run("index", folder, folder / "a.mp4", folder / "*.mp4", "-o", out, "--workers", 0)
    assert sorted(reads) == NAMES


def test_a_path_with_dots_is_the_same_video(run: Run, folder: Path, out: Path, reads: list[str]) -> None:
    run("index", folder / "a.mp4", f"{folder}/../v/a.mp4", "-o", out, "--workers", 0)
    assert reads == ["a.mp4"]


def test_failures_are_listed_in_the_index_and_on_screen(run: Run, folder: Path, out: Path) -> None:
    (folder / "b.mp4").write_bytes(b"not a video at all")
    run("index", folder, folder / "none.mp4", "-o", out, "--workers", 0)
    assert run.code == 1 and "2 videos scored, 0 unchanged, 2 failed; it now holds 4" in run.out
    assert f"Error: {folder}/b.mp4: is text, not a video" in run.err and "none.mp4: no such file" in run.err
    assert f"2 of 4 videos failed; column error of {out} says why" in run.err and "Traceback" not in run.err
    errors = {row["path"]: row["error"] for row in ScoreIndex(out).rows()}
    assert "not a video" in errors[str(folder / "b.mp4")] and "no such file" in errors[str(folder / "none.mp4")]
    assert errors[str(folder / "a.mp4")] is errors[str(folder / "c.mp4")] is None


def test_all_failed_is_exit_code_2(run: Run, out: Path, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    assert run("index", tmp_path / "b.mp4", "-o", out, "--workers", 0).code == 2 and len(ScoreIndex(out)) == 1


def test_a_failed_video_is_read_again_when_asked_or_changed(
    run: Run, folder: Path, out: Path, reads: list[str], three: Path
) -> None:
    (folder / "b.mp4").write_bytes(b"not a video at all")
    arguments = ("index", folder, "-o", out, "--workers", 0)
    run(*arguments)
    reads.clear()
    assert run(*arguments).code == 1 and reads == [] and "1 of them earlier; --retry-failed" in run.err
    assert run(*arguments, "--retry-failed").code == 1 and reads == ["b.mp4"]
    shutil.copy(three / "b.mp4", folder)
    assert run(*arguments).code == 0 and reads == ["b.mp4"] * 2 and len(ScoreIndex(out)) == 3


def test_times_too_fine_to_keep_fail_every_video(run: Run, folder: Path, out: Path) -> None:
    run("index", folder, "-o", out, "--workers", 0, "--clip-duration", "0.3333333333333331")
    assert run.code == 2 and run.err.count("the times of its clips are too fine") == 3


def test_another_grid_is_refused_and_both_are_named(run: Run, folder: Path, out: Path) -> None:
    run("index", folder, "-o", out, "--workers", 0)
    before = out.read_bytes()
    run("index", folder, "-o", out, "--workers", 0, "--stride", 0.5)
    assert_refused(run, "clips of 1 s every 1 s, not with", "clips of 1 s every 0.5 s", "--overwrite", str(out))
    assert out.read_bytes() == before
    assert run("index", folder, "-o", out, "--workers", 0, "--stride", 0.5, "--overwrite").code == 0
    assert ScoreIndex(out).scoring.stride == "1/2" and "3 videos scored" in run.out


def test_another_model_is_refused_and_both_are_named(run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    tensors, metadata = load_weights(weights_path(DEFAULT_DDNET, DDNETS), kind="ddnet")
    save_weights(tmp_path / "o.safetensors", {k: v * 0.5 for k, v in tensors.items()}, {**metadata, "name": "other"})
    run("index", folder, "-o", out, "--workers", 0)
    run("index", folder, "-o", out, "--workers", 0, "--model", tmp_path / "o.safetensors")
    assert_refused(run, f"(made with model {DEFAULT_DDNET}", "not with model other")


@pytest.mark.parametrize("content", ["parquet", "text", "empty"])
def test_a_foreign_file_is_not_written_over(run: Run, folder: Path, out: Path, content: str) -> None:
    import pandas as pd

    if content == "parquet":
        pd.DataFrame({"path": ["x"]}).to_parquet(out)
    else:
        out.write_text("my notes" if content == "text" else "")
    before = out.read_bytes()
    run("index", folder, "-o", out, "--workers", 0)
    assert_refused(run, "--overwrite must be set", f"{out} (not a score index)", "another name")
    assert out.read_bytes() == before and not out.with_name("s.parquet.unfinished").exists()
    assert run("index", folder, "-o", out, "--workers", 0, "--overwrite").code == 0 and len(ScoreIndex(out)) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--workers", -1], "--workers must be at least 0"),
        (["--engine", "spark"], "--engine must be local or ray"),
        (["--fps", "nan"], "--fps must lie between"),
        (["--stride", 0], "--stride must be a positive"),
        (["--clip-duration", "inf"], "--clip-duration must be a positive"),
        (["-o", "/no/such/folder/s.parquet"], "/no/such/folder"),
        (["-o", "/proc/s.parquet"], "/proc/s.parquet"),
        (["-o", "/"], "is a folder"),
    ],
)
def test_wrong_options_are_refused(run: Run, folder: Path, out: Path, options: list[object], says: str) -> None:
    run("index", folder, "-o", out, *options)
    assert_refused(run, says)
    assert not out.exists()


def test_a_video_is_not_written_over(run: Run, folder: Path) -> None:
    before = (folder / "a.mp4").read_bytes()
    run("index", folder, "-o", folder / "a.mp4", "--overwrite", "--workers", 0)
    assert_refused(run, "a.mp4: is both a video and the index")
    assert (folder / "a.mp4").read_bytes() == before


def test_what_is_refused_leaves_nothing_behind(run: Run, folder: Path) -> None:
    run("index", folder, "-o", folder / "a.mp4", "--overwrite", "--workers", 0)
    assert sorted(path.name for path in folder.iterdir()) == NAMES


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_write_permission_is_refused(run: Run, folder: Path) -> None:
    folder.chmod(0o555)
    run("index", folder, "-o", folder / "s.parquet", "--workers", 0)
    assert_refused(run, "s.parquet: cannot be written")


def test_a_name_with_a_nul_is_one_missing_video(run: Run, folder: Path, out: Path) -> None:
    (folder / "list.txt").write_text("a\0b.mp4\na.mp4\n")
    assert run("index", folder / "list.txt", "-o", out, "--workers", 0).code == 1 and len(ScoreIndex(out)) == 2


def test_a_name_that_is_too_long_is_one_missing_video(run: Run, folder: Path, out: Path) -> None:
    run("index", "x" * 300 + ".mp4", folder / "a.mp4", "-o", out, "--workers", 0)
    assert run.code == 1 and len(ScoreIndex(out)) == 2


def test_a_folder_of_frames_is_read_again_at_another_rate(
    run: Run, tmp_path: Path, out: Path, reads: list[str]
) -> None:
    (tmp_path / "frames").mkdir()
    make_video(tmp_path / "frames" / "%03d.png", 50, codec="png", pix_fmt="rgb24")
    arguments = ("index", tmp_path / "frames", "-o", out, "--workers", 0)
    for fps, seconds, read in ((25, 2, 1), (25, 2, 0), (10, 5, 1)):
        reads.clear()
        assert run(*arguments, "--fps", fps).code == 0 and len(reads) == read
        entry = ScoreIndex(out).entry(tmp_path / "frames")
        assert entry is not None and (entry.fps, entry.duration, len(entry.clips)) == (fps, seconds, seconds)


def test_prune_drops_what_is_not_named(run: Run, folder: Path, out: Path) -> None:
    run("index", folder, "-o", out, "--workers", 0)
    assert run("index", folder / "a.mp4", "-o", out, "--workers", 0).code == 0 and len(ScoreIndex(out)) == 3
    run("index", folder / "a.mp4", "-o", out, "--workers", 0, "--prune")
    assert "1 unchanged, 0 failed; it now holds 1" in run.out and ScoreIndex(out).entry(folder / "a.mp4")


def test_an_index_is_not_called_as_other_files_are(run: Run, tmp_path: Path) -> None:
    run("index", tmp_path, "-o", tmp_path / "scores.csv")
    assert run.code == 2 and "--output must be a Parquet file" in run.err and "end its name in .parquet" in run.err
