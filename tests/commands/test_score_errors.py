"""What goes wrong in `clipselect score`: exit codes, one sentence, and nothing lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
from helpers.command_line import Run, assert_refused, only_video
from helpers.videos import make_video

from clipselect.errors import ClipselectError
from clipselect.media.candidate_clips import Clip
from clipselect.media.extract import extract_clip
from clipselect.media.sources import Source
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.scoring.shipped import DDNETS, DEFAULT_DDNET, weights_path
from clipselect.scoring.weights_file import save_weights


def test_all_bad_is_exit_code_2_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    run("score", tmp_path / "b.mp4", tmp_path / "missing.mp4", "--json", tmp_path / "out.json")
    assert run.code == 2 and not (tmp_path / "out.json").exists()


def test_truncated_video_is_scored_with_a_warning(run: Run, tmp_path: Path) -> None:
    path = make_video(tmp_path / "cut.mkv", 100, size=(128, 96), options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    run("score", path, "--quiet", "--json", tmp_path / "out.json")
    assert run.code == 0 and re.search(r"warning: .*cut\.mkv: .*\d+\.\d\d s", run.err)
    assert 0.5 < only_video(json.loads((tmp_path / "out.json").read_text()))["duration"] < 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--k", "0"], "--k must"),
        (["--k", "-3"], "--k must"),
        (["--clip-duration", "0"], "--clip-duration must"),
        (["--clip-duration", "-1"], "--clip-duration must"),
        (["--clip-duration", "nan"], "--clip-duration must"),
        (["--clip-duration", "inf"], "--clip-duration must"),
        (["--stride", "0"], "--stride must"),
        (["--stride", "1e-9"], "larger stride"),
        (["--threshold", "1.5"], "--threshold must"),
        (["--threshold", "nan"], "--threshold must"),
        (["--min-gap", "-1"], "--min-gap must"),
        (["--fps", "0"], "--fps must"),
        (["--decoder", "vlc"], "--decoder must"),
        (["--model", "no-such-model"], "'no-such-model'"),
        (["--device", "cuda:99"], "'cuda:99'"),
        (["--device", "toaster"], "'toaster'"),
        (["--json", "/no/such/folder/out.json"], "/no/such/folder"),
        (["--json", "/"], "is a folder"),
        (["--html", "/proc/out.html"], "/proc/out.html"),
        (["--extract", "/proc/clips"], "/proc/clips"),
        (["--json", "-", "--csv", "-"], "cannot both go to standard output"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(run: Run, video: Path, options: list[str], says: str) -> None:
    assert_refused(run("score", video, *options), says)


def test_bad_videos_are_refused_in_one_sentence(run: Run, tmp_path: Path) -> None:
    assert_refused(run("score", tmp_path / "none.mp4"), "none.mp4", "no such file")
    assert_refused(run("score", tmp_path), "folder without videos")
    assert_refused(run("score", tmp_path / "*.mov"), "*.mov: nothing matches")
    assert_refused(run("score", "x" * 5000), "cannot be read")


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "weights.safetensors"
    original = weights_path(DEFAULT_DDNET, DDNETS)
    if kind == "byte":
        data = bytearray(original.read_bytes())
        data[-1000] ^= 1
        path.write_bytes(data)
    elif kind == "text":
        path.write_text("no weights")
    elif kind == "foreign":
        safetensors.torch.save_file(DDNet(DDNetConfig(dims=3)).state_dict(), path)
    elif kind == "image":
        save_weights(path, DDNet().state_dict(), {**metadata(), "config": {"dims": 2}})
    elif kind == "shape":
        save_weights(path, DDNet(DDNetConfig(dims=3, depths=(1, 1, 1, 1))).state_dict(), metadata())
    elif kind == "base":
        save_weights(path, DDNet().state_dict(), {"kind": "base"})
    return path


def metadata() -> dict[str, Any]:
    with safetensors.safe_open(weights_path(DEFAULT_DDNET, DDNETS), framework="pt") as file:
        return json.loads(file.metadata()["clipselect"])


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("byte", "do not match their hash"),
        ("text", "not a safetensors file"),
        ("foreign", "no clipselect metadata"),
        ("image", "2D DDNet"),
        ("shape", "do not describe one DDNet"),
        ("base", "holds weights of kind base"),
    ],
)
def test_bad_weights_are_refused_in_one_sentence(run: Run, video: Path, tmp_path: Path, kind: str, says: str) -> None:
    path = damaged(tmp_path, kind)
    assert_refused(run("score", video, "--model", path), str(path), says)


def test_an_output_never_overwrites_a_video(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "a.mp4")
    shutil.copy(video, tmp_path / "b.mp4")
    before = (tmp_path / "b.mp4").read_bytes()
    assert_refused(run("score", "--json", tmp_path / "b.mp4", tmp_path / "a.mp4"), "b.mp4", "choose another output")
    assert_refused(run("score", tmp_path / "b.mp4", "--html", tmp_path / "b.mp4"), "b.mp4", "choose another output")
    assert_refused(run("score", video, "--json", tmp_path / "o", "--csv", tmp_path / "o"), "name the same file")
    assert (tmp_path / "b.mp4").read_bytes() == before


def test_special_files_and_links_are_written_through(run: Run, video: Path, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    assert run("score", video, "--quiet", "--json", tmp_path / "link.json", "--csv", "/dev/null").code == 0
    assert (tmp_path / "link.json").is_symlink() and Path("/dev/null").is_char_device()
    assert only_video(json.loads((tmp_path / "real.json").read_text()))


def test_a_pipe_is_not_waited_for(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert_refused(run("score", tmp_path / "pipe.mp4"), "save it to a file first")


def test_what_one_video_cannot_do_does_not_cost_the_others(run: Run, video: Path, tmp_path: Path) -> None:
    """An hour at a tiny stride has too many candidates; the short video beside it is still scored."""
    long = make_video(tmp_path / "long.mkv", [0, 3_600_000], time_base=Fraction(1, 1000))
    run("score", long, video, "--stride", 0.01, "--clip-duration", 2, "--json", tmp_path / "out.json")
    assert run.code == 1 and "larger stride" in run.err
    document = json.loads((tmp_path / "out.json").read_text())
    assert [v["error"] is None for v in document["videos"]] == [False, True]


def test_extracting_fails_alone(run: Run, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from_second = iter([False, True])

    def full(source: Source, clip: Clip, path: Path) -> None:
        if next(from_second):
            raise ClipselectError("disk full; make room")
        extract_clip(source, clip, path)

    monkeypatch.setattr("clipselect.samplers.picks.extract_clip", full)
    run("score", video, "--extract", tmp_path / "out", "--json", tmp_path / "out.json", "--quiet")
    assert run.code == 2 and "disk full" in run.err and "another run" not in run.err
    clips = only_video(json.loads((tmp_path / "out.json").read_text()))["clips"]
    assert len(clips) == 3 and {clip["file"] for clip in clips} == {None, *map(str, (tmp_path / "out").iterdir())}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["score", ""], "VIDEO"),
        (["score", "--quiet", ""], "VIDEO"),
        (["score", "a.mp4", "--model", ""], "--model"),
        (["score", "a.mp4", "--json", ""], "--json"),
        (["score", "a.mp4", "--html="], "--html"),
        (["classify", "a.mp4", "--base", ""], "--base"),
        (["index", "", "-o", "x.parquet"], "PATH"),
        (["index", "a.mp4", "-o", ""], "-o"),
        (["evaluate", "clips", "--out", ""], "--out"),
        (["report", ""], "RESULTS"),
    ],
)
def test_an_empty_word_is_refused_by_the_name_of_its_argument(run: Run, words: list[str], named: str) -> None:
    assert_refused(run(*words), f"{named} must not be empty")


@pytest.mark.parametrize("words", [["--json"], ["--csv", "--quiet"], ["--model", "--json", "-"]])
def test_an_option_without_its_value_does_not_take_the_next_option(run: Run, video: Path, words: list[str]) -> None:
    assert_refused(run("score", video, *words), f"{words[0]} needs a value")


def test_a_reader_that_stops_ends_a_command_quietly() -> None:
    for words in ([], ["score"]):
        command = [sys.executable, "-m", "clipselect", *words, "--help"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout and process.stderr
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 128 + 13


def test_too_short_a_clip_is_not_called_a_stride(run: Run, video: Path) -> None:
    assert_refused(run("score", video, "--clip-duration", "1e-12", "--quiet"), "clip_duration of 1e-12 s gives over")
    assert "stride" not in run.err
    assert_refused(run("score", video, "--stride", "1e-12", "--quiet"), "stride of 1e-12 s gives over")


SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.md", "root:x:0:0\n"), ("fake.mp4", "not a video"), ("x.json", '{"a": 1}'), ("x.srt", SUBTITLES)],
)
def test_text_is_called_text(run: Run, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert_refused(run("score", tmp_path / name), f"{name}: is text, not a video; give")


def test_a_text_that_lists_nothing_is_a_clear_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hi")
    assert_refused(
        run("score", tmp_path / "a.txt"), "a.txt: was read as a list", "the file it lists, hi, is not there; give"
    )


def test_doubts_are_printed_with_quiet_too(run: Run, video: Path) -> None:
    run("score", video)
    assert run.err == "" and run.out.count("note: ") >= 1
    notes = run.out.count("note: ")
    run("score", video, "--quiet")
    assert run.out == "" and run.err.count("warning: ") == notes and "guess" in run.err
    run("classify", video, "--quiet")
    assert run.out == "" and run.err.count("warning: ") == notes


@pytest.mark.parametrize("command", ["score", "classify"])
def test_a_rate_for_video_files_is_refused(run: Run, video: Path, command: str) -> None:
    assert_refused(run(command, video, "--fps", 10), "--fps is for", "leave it out")
