"""`clipselect distill` stopped, on damaged or foreign work, or asked what cannot be: one sentence, nothing lost."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.command_line import Run, assert_refused
from helpers.frame_fixtures import EMBEDDER, frames_command, people
from helpers.training_data import assert_same_weights, distil_command, distil_data, film, with_options

import clipselect.training.distillation  # noqa: F401  # before a test replaces what it imports by name
from clipselect.scoring.weights_file import load_weights
from clipselect.training import clip_elements, ddnet_training

Distil = Callable[..., Run]
"""Options -> what became of the command."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of clips, and in `faces` of frames; in `few` are too few of these."""
    folder = distil_data(tmp_path_factory.mktemp("data"))
    people(folder / "faces" / "people", 10)
    people(folder / "few", 3)
    (folder / "faces" / "base.py").write_text(EMBEDDER)
    return folder


@pytest.fixture(scope="module")
def command(data: Path) -> list[object]:
    return distil_command(data)


@pytest.fixture
def distil(command: list[object], run: Run, tmp_path: Path) -> Distil:
    """The same without background, or another command, to d.safetensors; options given later count."""
    standard, output = command, tmp_path / "d.safetensors"

    def call(*options: object, command: list[object] | None = None) -> Run:
        return run(*with_options(command or standard, "-o", output, "--overwrite", *options))

    return call


def assert_refused_at_last(run: Run, *says: str) -> None:
    """Exit code 2, and a sentence after whatever was reported on the way."""
    assert run.code == 2 and run.out == "" and "Traceback" not in run.err
    last = run.err.splitlines()[-1]
    assert last.startswith("Error: ") and all(text in last for text in says), last


@pytest.mark.parametrize(
    ("number", "where", "frames"), [(signal.SIGINT, "features", False), (signal.SIGTERM, "training", True)]
)
def test_a_stopped_run_says_how_to_go_on_and_ends_as_one_left_alone(
    distil: Distil,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    where: str,
    frames: bool,
) -> None:
    command = frames_command(data / "faces") if frames else None
    module, name = (clip_elements, "clip_outputs") if where == "features" else (torch, "save")
    original = getattr(module, name)

    def stop(*arguments: Any, **more: Any) -> Any:
        os.kill(os.getpid(), number)
        return original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, stop)
        run = distil(command=command)
    assert run.code == 128 + number and run.out == "" and not (tmp_path / "d.safetensors").exists()
    assert run.err.endswith(
        f"stopped: what is finished is kept in {tmp_path}/d.work; give the same command again to go on\n"
    )
    again = distil(command=command)
    assert again.code == 0, again.err
    assert distil("-o", tmp_path / "whole.safetensors", command=command).code == 0
    assert_same_weights(tmp_path / "d.safetensors", tmp_path / "whole.safetensors")


def test_a_work_folder_of_another_run_is_refused(distil: Distil, data: Path) -> None:
    background = ("--background", data / "elsewhere")
    assert distil(*background).code == 0
    refusal = "features: features of another base or of other data; choose another work folder"
    assert_refused_at_last(distil(*background, "--stride", "0.2"), refusal)
    assert_refused_at_last(distil(*background, "--base", f"{data / 'base.py'}:elsewhere"), refusal)
    assert_refused_at_last(distil(), refusal)
    assert distil(*background).code == 0


def test_recipes_can_be_tried_on_the_same_features(distil: Distil, tmp_path: Path) -> None:
    assert distil().code == 0
    features = tmp_path / "d.work" / "features" / "000000.npz"
    stamp = features.stat().st_mtime_ns
    assert distil("--steps", 2, "-o", tmp_path / "e.safetensors", "--work", tmp_path / "d.work").code == 0
    assert features.stat().st_mtime_ns == stamp and len([*(tmp_path / "d.work").glob("ddnet-*.ckpt")]) == 2
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "d.safetensors", tmp_path / "e.safetensors")


def test_a_loss_that_is_not_a_number_ends_with_a_sentence(distil: Distil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ddnet_training.DDNetLoss, "__call__", lambda self, net, x, y: net(x).sum() * float("nan"))
    assert_refused_at_last(distil(), "the loss is not a number at step 0: choose a smaller learning rate")


def test_damaged_work_is_named(distil: Distil, tmp_path: Path) -> None:
    assert distil().code == 0
    features, (checkpoint,) = tmp_path / "d.work" / "features" / "000000.npz", (tmp_path / "d.work").glob("*.ckpt")
    whole = features.read_bytes()
    features.write_bytes(whole[:-100])
    assert_refused_at_last(distil(), "000000.npz: damaged; delete it and run the same command again")
    features.write_bytes(whole)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert_refused_at_last(distil(), f"{checkpoint}: a damaged checkpoint; delete it to start again")
    checkpoint.unlink()
    assert distil().code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--size", "112 pixels"), "--size must be PIXELS or HEIGHTxWIDTH"),
        (("--elements", "faces"), "--elements must be clips or frames, got faces"),
        (("--shared-names",), "--shared-names is for frames"),
        (("--data", "videos", "--data", "elsewhere"), "--data must be one folder, list or JSON for clips"),
        (("--learning-rate", "1e30"), "--learning-rate must lie in"),
        (("--base", "nothing"), "unknown model 'nothing'"),
        (("--base", "nowhere.py:base"), "nowhere.py: no such file"),
        (("--base", "slowfast_r50"), "slowfast_r50:CHECKPOINT"),
        (("--base", "slowfast_r50:nowhere.pyth"), "nowhere.pyth: no such checkpoint"),
        (("--data", "nowhere"), "nowhere: no such file or folder"),
        (("--background", "nowhere"), "nowhere: no such folder"),
        (("-o", "d.md"), "--output must end in .safetensors, got d.md"),
        (("-o", "/proc/d.safetensors"), "/proc/d.safetensors: cannot be written"),
        (("--work", "/proc/work"), "/proc/work: cannot be made a folder"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[object, ...], says: str, distil: Distil, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    assert_refused(distil(*options), says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--unlabelled",), "--unlabelled is for clips"),
        (("--device", "cuda:99"), "device 'cuda:99' is not available here"),
        (("--base", "resnet50"), "unknown base 'resnet50'"),
        (("--base", "none.onnx"), "none.onnx: cannot be read"),
        (("--normalisation", "other"), "normalisation must be one of imagenet, half, unit, bytes, got other"),
        (("--data", "few"), "only one identity"),
    ],
)
def test_so_are_those_for_frames(
    options: tuple[object, ...], says: str, distil: Distil, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    assert_refused(distil(*options, command=frames_command(data / "faces")), says)


@pytest.mark.parametrize(
    "options", [("--variants", "-1"), ("--steps", "0"), ("--batch", "1"), ("--widths", "8,16,32,48")]
)
def test_numbers_out_of_range_and_unknown_options_are_wrong_usage(distil: Distil, options: tuple[str, str]) -> None:
    run = distil(*options)
    assert run.code == 2 and run.out == "" and options[0] in run.err and "Traceback" not in run.err


@pytest.mark.parametrize("part", ["training", "held-out"])
def test_images_that_can_all_not_be_read_end_in_a_sentence_and_cost_no_weights(
    distil: Distil, data: Path, tmp_path: Path, part: str
) -> None:
    for split, first in (("train", 0), ("val", 20)):
        for path in people(tmp_path / "people" / split, 3, 2, first).glob("*/*.png"):
            if (split == "train") == (part == "training"):
                path.write_bytes(b"no image")
    command = with_options(frames_command(data / "faces"), "--data", tmp_path / "people")
    assert_refused_at_last(distil(command=command), "not one of the images can be read")
    weights = tmp_path / "d.safetensors"
    assert weights.exists() == (part == "held-out")
    if part == "held-out":
        assert load_weights(weights, kind="ddnet")[1]["held_out"] is None


def test_what_cannot_end_well_is_refused_before_any_work(
    distil: Distil, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("it began to work")

    monkeypatch.setattr(clip_elements, "clip_outputs", work)
    film(tmp_path / "bg" / "street" / "0.mp4", "n", 0)
    assert_refused(distil("--background", tmp_path / "bg"), "has no background videos for val; add some")
    film(tmp_path / "one" / "0.mp4", "a", 0)
    assert_refused(distil("--unlabelled", "--data", tmp_path / "one"), "one video is too little; give more")
    assert_refused(
        distil("--unlabelled", "--target", "labels"), "--target cannot be labels with unlabelled, which uses none"
    )
    checkpoint = tmp_path / "c.pyth"
    torch.save({"a": torch.zeros(1)}, checkpoint)
    assert_refused(
        distil("--base", f"narrow_r3d:{checkpoint}"), "c.pyth: has no head.weight, so it is no checkpoint of"
    )
    assert_refused(
        distil("--base", f"{data / 'base.py'}:strangers"),
        "videos: classes 'a', 'b' are not among the 2 classes of the base",
    )
    (tmp_path / "d.md").write_text("my notes")
    assert_refused(distil(), "d.md: is no card of weights and would be lost; choose another output")
    (tmp_path / "d.md").unlink()
    (tmp_path / "d.md").mkdir()
    assert_refused(distil(), "d.md: is a folder")
