"""`clipselect score`, run as users run it: in a process of its own."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import safetensors.torch
from conftest import make_video, picture

from clipselect.commands import main
from clipselect.ddnet import DDNet, DDNetConfig
from clipselect.errors import ClipselectError
from clipselect.weights import save_weights
from clipselect.zoo import DDNETS, DEFAULT_DDNET, weights_path

CLIP_KEYS = {"start", "end", "frames", "first_frame", "score", "rank", "picked", "file"}


class Run:
    """`clipselect ARGUMENTS` within this process; `code`, `out` and `err` as a shell would see them."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capfd, self.monkeypatch = capfd, monkeypatch

    def __call__(self, *arguments: object) -> "Run":
        self.monkeypatch.setattr(sys, "argv", ["clipselect", *map(str, arguments)])
        self.capfd.readouterr()
        try:
            main()
            self.code = 0
        except SystemExit as e:
            self.code = int(e.code or 0)
        self.out, self.err = self.capfd.readouterr()
        return self


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(capfd, monkeypatch)


def assert_refused(run: Run, *says: str) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output."""
    assert run.code == 2
    assert run.out == ""
    assert len(run.err.strip().splitlines()) == 1 and run.err.startswith("Error: ")
    for text in says:
        assert text in run.err


def test_table_and_timeline(run: Run, video: Path) -> None:
    run("score", video, "--k", 2)
    assert run.code == 0 and run.err == ""
    assert re.search(r"rank\s+start\s+end\s+frames\s+score\s+picked", run.out)
    assert run.out.count("✔") == 2 and "▲" in run.out


def test_json_is_as_documented(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 2, "--json", tmp_path / "out.json", "--quiet")
    assert run.code == 0 and run.out == "" and run.err == ""
    record = only_video(json.loads((tmp_path / "out.json").read_text()))
    assert record["path"] == str(video) and record["error"] is None and record["model"] == DEFAULT_DDNET
    assert record["duration"] == pytest.approx(63 / 25)
    clips = record["clips"]
    assert [set(c) for c in clips] == [CLIP_KEYS] * 3
    assert [(c["start"], c["end"], c["frames"]) for c in clips] == [(0, 1, 25), (1, 2, 25), (1.52, 2.52, 25)]
    assert sorted(c["rank"] for c in clips) == [1, 2, 3]
    assert [c["picked"] for c in clips] == [c["rank"] <= 2 for c in clips]
    by_rank = sorted(clips, key=lambda c: c["rank"])
    assert [c["score"] for c in by_rank] == sorted((c["score"] for c in clips), reverse=True)


def test_machine_output_on_stdout_stands_alone(run: Run, video: Path) -> None:
    assert only_video(json.loads(run("score", video, "--json").out))["clips"]
    assert only_video(json.loads(run("score", video, "--json", "-").out))["clips"]
    assert only_video(json.loads(run("score", "--json", "--k", 1, video).out))["clips"]
    rows = list(csv.DictReader(io.StringIO(run("score", video, "--csv", "-", "--quiet").out)))
    assert len(rows) == 3 and set(rows[0]) > CLIP_KEYS


def test_scores_are_the_same_in_every_run_and_batch(run: Run, video: Path) -> None:
    one = only_video(json.loads(run("score", video, "--stride", 0.1, "--json").out))["clips"]
    again = only_video(json.loads(run("score", video, "--stride", 0.1, "--json").out))["clips"]
    assert one == again and len(one) == 16
    few = {c["start"]: c["score"] for c in only_video(json.loads(run("score", video, "--json").out))["clips"]}
    assert all(c["score"] == pytest.approx(few[c["start"]], abs=1e-5) for c in one if c["start"] in few)


def test_threshold_gap_duration_and_stride(run: Run, video: Path) -> None:
    def clips(*options: object) -> list[dict[str, Any]]:
        return only_video(json.loads(run("score", video, "--json", *options).out))["clips"]

    assert sum(c["picked"] for c in clips("--threshold", 1)) == 1
    assert all(c["picked"] for c in clips("--threshold", 0))
    assert [c["start"] for c in clips("--clip-duration", 0.5, "--stride", 0.9)] == [0, 0.9, 1.8, 2.02]
    assert clips("--clip-duration", 10)[0]["end"] == pytest.approx(2.52) and len(clips("--clip-duration", 10)) == 1
    picked = sorted((c["start"], c["end"]) for c in clips("--stride", 0.1, "--k", 2, "--min-gap", 0.25) if c["picked"])
    assert len(picked) == 1 or picked[1][0] - picked[0][1] >= 0.25 - 1e-9


def test_several_videos_globs_and_one_bad_file(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    shutil.copy(video, tmp_path / "c.mp4")
    run("score", tmp_path / "*.mp4", tmp_path / "missing.mp4", "--json", tmp_path / "out.json")
    assert run.code == 1
    assert "2 of 4 videos scored, 2 failed" in run.err and "b.mp4: not a video" in run.err
    document = json.loads((tmp_path / "out.json").read_text())
    assert [v["error"] is None for v in document["videos"]] == [True, False, True, False]
    assert document["videos"][1]["clips"] == [] and document["videos"][1]["duration"] is None


def test_all_bad_is_exit_code_2_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    run("score", tmp_path / "b.mp4", tmp_path / "missing.mp4", "--json", tmp_path / "out.json")
    assert run.code == 2 and not (tmp_path / "out.json").exists()


def test_html_is_one_page_with_a_thumbnail_per_clip(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 1, "--html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert page.count("<img") == page.count("data:image/jpeg;base64,/9j/") == 3
    assert page.count('<figure class="picked"') == 1
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_html_escapes_file_names(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "<b>&[red].mp4")
    run("score", tmp_path / "<b>&[red].mp4", "--html", tmp_path / "out.html")
    assert run.code == 0 and "&[red].mp4" in run.out
    assert "<b>&" not in (tmp_path / "out.html").read_text()


def test_plot_is_a_picture(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--plot", tmp_path / "out.png")
    with av.open(str(tmp_path / "out.png")) as image:
        assert next(image.decode(video=0)).width > 400


def test_extracted_clips_hold_exactly_the_clips_frames(run: Run, tmp_path: Path) -> None:
    video = make_video(tmp_path / "numbers.mp4", 63, size=(64, 48), options={"g": "20", "bf": "2"})
    run("score", video, "--k", 2, "--extract", tmp_path / "out", "--json", tmp_path / "out.json")
    picked = [c for c in only_video(json.loads((tmp_path / "out.json").read_text()))["clips"] if c["picked"]]
    assert len(picked) == len(list((tmp_path / "out").iterdir())) == 2
    for clip in picked:
        with av.open(clip["file"]) as file:
            levels = [int(f.to_ndarray(format="rgb24")[4, -4, 0]) for f in file.decode(video=0)]
        numbers = range(clip["first_frame"], clip["first_frame"] + clip["frames"])
        assert len(levels) == clip["frames"]
        assert np.abs(np.subtract(levels, [int(picture(i)[4, -4, 0]) for i in numbers])).max() <= 8


def test_truncated_video_is_scored_with_a_warning(run: Run, tmp_path: Path) -> None:
    path = make_video(tmp_path / "cut.mkv", 100, size=(128, 96), options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    run("score", path, "--quiet", "--json", tmp_path / "out.json")
    assert run.code == 0 and re.search(r"warning: .*cut\.mkv: .*\d+\.\d\d s", run.err)
    assert 0.5 < only_video(json.loads((tmp_path / "out.json").read_text()))["duration"] < 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--k", "0"], "--k must be at least 1"),
        (["--k", "-3"], "--k must be at least 1"),
        (["--clip-duration", "0"], "--clip-duration must be a positive"),
        (["--clip-duration", "-1"], "--clip-duration must be a positive"),
        (["--clip-duration", "nan"], "--clip-duration must be a positive"),
        (["--clip-duration", "inf"], "--clip-duration must be a positive"),
        (["--stride", "0"], "--stride must be a positive"),
        (["--stride", "1e-9"], "choose a larger stride"),
        (["--threshold", "1.5"], "--threshold must lie in [0, 1]"),
        (["--threshold", "nan"], "--threshold must lie in [0, 1]"),
        (["--min-gap", "-1"], "--min-gap must be at least 0"),
        (["--fps", "0"], "--fps must be a positive"),
        (["--decoder", "vlc"], "--decoder must be pyav or decord"),
        (["--model", "no-such-model"], "unknown model 'no-such-model'"),
        (["--device", "cuda:99"], "'cuda:99' is not available"),
        (["--device", "toaster"], "'toaster' is not available"),
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
    assert_refused(run("score", tmp_path), "folder without frames")
    assert_refused(run("score", tmp_path / "*.mov"), "*.mov: no such file")
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
        ("base", "holds weights of a base"),
    ],
)
def test_bad_weights_are_refused_in_one_sentence(run: Run, video: Path, tmp_path: Path, kind: str, says: str) -> None:
    path = damaged(tmp_path, kind)
    assert_refused(run("score", video, "--model", path), str(path), says)


def test_frame_folder_and_other_decoder(run: Run, video: Path, tmp_path: Path) -> None:
    pytest.importorskip("decord")
    by_pyav = only_video(json.loads(run("score", video, "--json").out))["clips"]
    by_decord = only_video(json.loads(run("score", video, "--json", "--decoder", "decord").out))["clips"]
    assert [c["start"] for c in by_pyav] == [c["start"] for c in by_decord]
    assert [c["score"] for c in by_decord] == pytest.approx([c["score"] for c in by_pyav], abs=0.05)


def test_as_a_process(video: Path, tmp_path: Path) -> None:
    """The entry point itself: exit codes, streams, and a narrow, colourless, ASCII terminal."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "40", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "clipselect", "score", video, tmp_path / "none.mp4"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "none.mp4: no such file" in done.stderr and "rank" in done.stdout


def test_an_output_never_overwrites_a_video(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "a.mp4")
    shutil.copy(video, tmp_path / "b.mp4")
    before = (tmp_path / "b.mp4").read_bytes()
    assert len(json.loads(run("score", "--json", tmp_path / "b.mp4", tmp_path / "a.mp4").out)["videos"]) == 2
    assert_refused(run("score", tmp_path / "b.mp4", "--html", tmp_path / "b.mp4"), "both a video to score and a file")
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


def test_extracted_files_of_videos_with_the_same_name_stay_apart(run: Run, video: Path, tmp_path: Path) -> None:
    for name in ("one/a.mp4", "a.mp4", "two/a-2.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(video, tmp_path / name)
    run(
        "score", *(tmp_path / n for n in ("one/a.mp4", "a.mp4", "two/a-2.mp4")), "--k", 1, "--extract", tmp_path / "out"
    )
    assert run.code == 0 and len(list((tmp_path / "out").iterdir())) == 3


def test_extracting_fails_alone(run: Run, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise ClipselectError("disk full; make room")

    monkeypatch.setattr("clipselect.commands.outputs.extract_clip", full)
    run("score", video, "--extract", tmp_path / "out", "--json", tmp_path / "out.json", "--quiet")
    assert run.code == 2 and "disk full" in run.err
    assert len(only_video(json.loads((tmp_path / "out.json").read_text()))["clips"]) == 3


def test_help_states_the_defaults(run: Run) -> None:
    text = " ".join(run("score", "--help").out.split())
    assert "default: 5" in text and "clip duration" in text


def only_video(document: dict[str, Any]) -> dict[str, Any]:
    assert document["version"] == 1 and len(document["videos"]) == 1
    return document["videos"][0]
