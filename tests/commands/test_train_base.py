"""`clipselect train-base` from videos to weights that the other commands take."""

import errno
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from clipselect.zoo.loading import load_base
from helpers.command_line import Run, assert_refused, stop_at
from helpers.sampling import tiny_ddnet
from helpers.training_data import TINY, TORCHRUN, assert_same_weights, background, begin, data_set, film
from typer.testing import CliRunner

from clipselect.commands import app
from clipselect.scoring.weights_file import load_weights
from clipselect.training.frame_cache import FrameCache

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = ("--network", "narrow_r3d", *TINY, "--checkpoint-minutes", 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes in `videos`, with one file that is no video, and background in `elsewhere`."""
    folder = tmp_path_factory.mktemp("data")
    (data_set(folder / "videos") / "b" / "[bad].mp4").write_bytes(b"no video")
    background(folder / "elsewhere")
    return folder


@pytest.fixture(scope="module")
def command(data: Path) -> list[object]:
    return ["train-base", "--data", data / "videos", "--background", data / "elsewhere", *OPTIONS]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "base.safetensors"


@pytest.fixture(scope="module")
def made(command: list[object], out: Path) -> Result:
    """A run that was left alone."""
    return CliRunner().invoke(app, [*map(str, command), "-o", str(out)])


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return load_weights(path, kind="base")[0]


def test_it_names_what_it_cannot_read_and_says_what_it_made(made: Result, out: Path, data: Path) -> None:
    assert made.exit_code == 0
    assert made.stdout.startswith(f"{out}: narrow_r3d, 2 classes, top-1 ")
    assert made.stdout.endswith(" % on 2 held-out videos\n") and made.stdout.count("\n") == 1
    lines = made.stderr.splitlines()
    assert lines[0].startswith(f"Error: {data}/videos/b/[bad].mp4: is text, not a video")
    assert lines[-1] == "left out: 1 video that could not be read"
    assert "training the base: 3 of 3  loss " in made.stderr


def test_the_weights_are_a_base_with_the_background_as_a_further_output(made: Result, out: Path, data: Path) -> None:
    weights, metadata = load_weights(out, kind="base")
    base = load_base(out, "cpu")
    assert base.classes == ("a", "b") and base.name == "base" and base.clip_duration == 0.2
    assert (base.input_spec.size, base.input_spec.frames) == (32, 4)
    assert base.head is not None and base.head.out_features == metadata["outputs"] == 3
    assert metadata["data"] == "videos" and metadata["network"] == "narrow_r3d" and metadata["accuracy"]["videos"] == 2
    assert {t.dtype for t in weights.values() if t.is_floating_point()} == {torch.float16}


def test_other_commands_take_the_weights(made: Result, out: Path, data: Path, run: Run, tmp_path: Path) -> None:
    video = data / "videos" / "a" / "0.mp4"
    run(
        "classify",
        video,
        "--base",
        out,
        "--model",
        tiny_ddnet(tmp_path / "ddnet.safetensors"),
        "--clip-duration",
        "0.2",
    )
    assert run.code == 0 and "dense" in run.out and "GFLOPs" in run.out


def test_the_card_says_what_it_is_how_it_was_made_and_what_was_measured(made: Result, out: Path) -> None:
    card = out.with_suffix(".md").read_text()
    accuracy = load_weights(out, kind="base")[1]["accuracy"]["top1"]
    assert card.startswith(
        "# base\n\nA base for clipselect: narrow_r3d, 2 classes, clips of 0.2 s as 4 frames of 32 x 32."
    )
    assert "Trained on videos, 3 steps, seed 0, clipselect " in card and "\n    clipselect" in card
    assert f"Top-1 accuracy on 2 held-out videos, mean over all clips: **{accuracy:.1f} %**" in card
    assert card.count("\n| a | 1 | ") == card.count("\n| b | 1 | ") == 1


def test_the_same_command_again_trains_no_more_and_gives_the_same(
    made: Result, out: Path, command: list[object], run: Run
) -> None:
    before = tensors(out)
    run(*command, "-o", out)
    assert run.code == 0 and "training the base" not in run.err
    after = tensors(out)
    assert all(torch.equal(before[name], after[name]) for name in before)
    line = " ".join(map(str, command))
    assert f"    clipselect {line} -o {out}" in out.with_suffix(".md").read_text()


def test_quietly_only_what_cannot_be_read_is_named(made: Result, out: Path, command: list[object], run: Run) -> None:
    run(*command, "-o", out, "--quiet")
    assert run.code == 0 and run.out == "" and len(run.err.splitlines()) == 2


@pytest.mark.parametrize(("number", "step"), [(signal.SIGTERM, 2), (signal.SIGINT, 1)])
def test_a_stopped_run_says_how_to_go_on_and_ends_as_one_left_alone(
    made: Result, out: Path, command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    number: int, step: int,
) -> None:  # fmt: skip
    other = tmp_path / "base.safetensors"
    with monkeypatch.context() as patch:
        stop_at(patch, "training the base", step, number)
        run(*command, "-o", other)
    assert run.code == 128 + number and run.out == "" and not other.exists()
    work = other.with_suffix(".work")
    assert run.err.endswith(f"stopped: what is finished is kept in {work}; give the same command again to go on\n")
    assert run(*command, "-o", other).code == 0
    assert_same_weights(out, other)


@pytest.mark.processes
@pytest.mark.slow
def test_torchrun_trains_in_two_processes_of_which_one_reports(
    made: Result, out: Path, command: list[object], tmp_path: Path
) -> None:
    other = tmp_path / "base.safetensors"
    process = begin(*command, "-o", other, launcher=TORCHRUN)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert stdout.count("\n") == 1 and stdout.startswith(f"{other}: narrow_r3d, 2 classes, top-1 ")
    assert stderr.count("[bad].mp4: is text, not a video") == 1
    assert stderr.count("left out: 1 video that could not be read") == 1
    assert stderr.count("training the base: 3 of 3") == 1 and "Traceback" not in stderr
    one, several = tensors(out), tensors(other)
    assert one.keys() == several.keys()
    assert all(torch.allclose(one[n].float(), several[n].float(), atol=0.02) for n in one if "head" in n)


def test_a_full_disk_is_named_in_a_sentence(
    command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    run(*command, "-o", tmp_path / "base.safetensors")
    assert run.code == 2 and not (tmp_path / "base.safetensors").exists()
    assert "base.ckpt: cannot be written (No space left on device); make room" in run.err.splitlines()[-1]
    assert "Traceback" not in run.err


def test_a_work_folder_of_other_options_or_other_videos_is_refused(
    made: Result, out: Path, command: list[object], data: Path, run: Run, tmp_path: Path
) -> None:
    refusal = "base.ckpt: a checkpoint of a run with other options"
    other = [*command, "--seed", 1, "-o", out]
    assert_refused(run(*other), str(out), "finished weights of another run", "overwrite")
    run(*other, "--overwrite")
    assert run.code == 2 and refusal in run.err.splitlines()[-1]
    others = data_set(tmp_path / "videos")  # as many, of the same classes
    run("train-base", "--data", others, "--background", data / "elsewhere", *OPTIONS, "-o", out, "--overwrite")
    assert run.code == 2 and refusal in run.err.splitlines()[-1]


def test_a_class_of_which_nothing_can_be_read_is_refused(run: Run, tmp_path: Path) -> None:
    for i in range(2):
        film(tmp_path / "v" / "train" / "a" / f"{i}.mp4", "a", i)
    for kind in ("val/a", "val/b"):
        film(tmp_path / "v" / kind / "0.mp4", "a", 9)
    (tmp_path / "v" / "train" / "b").mkdir()
    (tmp_path / "v" / "train" / "b" / "gone.mp4").symlink_to("nowhere.mp4")
    run("train-base", "--data", tmp_path / "v", *OPTIONS, "-o", tmp_path / "o.safetensors")
    assert run.code == 2 and "gone.mp4: no such file" in run.err
    assert "class 'b': not one of its training videos can be read" in run.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--network", "x4d"), "--network must be one of slowfast_r50, "),
        (("--size", 0), "--size must lie in [32, 1024], got 0"),
        (("--frames", 0), "--frames must lie in [1, 256], got 0"),
        (("--clip-duration", "-1"), "--clip-duration must be a positive number of seconds"),
        (("--fps", 0), "--fps must lie between"),
        (("--learning-rate", "1e38"), "--learning-rate must lie in [0, 1e+06], got 1e+38"),
        (("--precision", "16"), "--precision must be one of auto, 32, bf16"),
        (("--device", "abacus"), "--device must be 'cpu', 'cuda', 'cuda:1', ... or 'auto', got 'abacus'"),
        (("--data", "nowhere"), "nowhere: no such file or folder"),
        (("--background", "nowhere"), "nowhere: no such folder"),
        (("--prefix", "."), "leave the prefix out"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[object, ...], says: str, command: list[object], run: Run, tmp_path: Path
) -> None:
    run(*command, *options, "-o", tmp_path / "o.safetensors")
    assert run.code == 2 and says in run.err.splitlines()[-1] and "Traceback" not in run.err


@pytest.mark.parametrize(
    ("output", "obstacle", "says"),
    [
        ("o.safetensors", "o.safetensors/", "o.safetensors: is a folder"),
        ("o.safetensors", "o.md/", "o.md: is a folder"),
        ("o.safetensors", "o.work", "o.work: cannot be made a folder"),
        ("nowhere/o.safetensors", "", "nowhere does not exist"),
        ("o.md", "", "--output must end in .safetensors"),
        ("/proc/o.safetensors", "", "/proc/o.safetensors: cannot be written"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    output: str, obstacle: str, says: str, command: list[object], run: Run, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def work(*_: Any) -> None:
        raise AssertionError("it began to work")

    monkeypatch.setattr(FrameCache, "duration", work)
    if obstacle.endswith("/"):
        (tmp_path / obstacle).mkdir()
    elif obstacle:
        (tmp_path / obstacle).write_text("mine")
    assert_refused(run(*command, "-o", tmp_path / output), says)
