"""`clipselect faces --aggregate`: one image per group beside its picked frames, and everywhere what it is."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.command_line import Run, assert_refused
from helpers.frame_fixtures import textured, tiny_ddnet, write
from helpers.set_networks import tiny_base, write_fan, write_lfenet
from PIL import Image as Pillow

pytestmark = pytest.mark.usefixtures("one_thread")

LABEL = "made by a network from 2 frames: not a photograph"


@pytest.fixture
def command(tmp_path: Path) -> list[object]:
    for person in ("anna", "ben"):
        for i in range(4):
            write(tmp_path / "in" / person / f"{i}.png", textured(len(person), i))
    model = tiny_ddnet(tmp_path / "model.safetensors")
    fan = write_fan(tmp_path / "fan.safetensors", tiny_base())
    return ["faces", tmp_path / "in", "--model", model, "--k", 2, "--device", "cpu", "--aggregate", fan]


def test_page_picture_and_files_show_it_and_say_what_it_is(command: list[object], run: Run, tmp_path: Path) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("json", "html", "png", "svg")}
    for plot in ("png", "svg"):
        run(
            *command, "--json", out["json"], "--html", out["html"], "--plot", out[plot], "--save", tmp_path / "picks",
            "--quiet",
        )  # fmt: skip
        assert run.code == 0, run.err
    groups = json.loads(out["json"].read_text())["groups"]
    for group in groups:
        about = group["aggregate"]
        assert (about["network"], about["frames"], about["label"]) == ("fan", 2, LABEL)
        with Pillow.open(about["file"]) as image:
            assert image.text["Description"] == LABEL and image.size == (16, 16)  # type: ignore[attr-defined]
        assert Path(about["file"]).parent == Path(next(f["file"] for f in group["frames"] if f["file"])).parent
    page = out["html"].read_text()
    assert page.count(f'<figcaption><span class="detail">{LABEL}') == 2
    embedded = [base64.b64decode(text) for text in re.findall(r"data:image/png;base64,([^\"]+)", page)]
    assert sorted(embedded) == sorted(Path(group["aggregate"]["file"]).read_bytes() for group in groups)
    with Pillow.open(io.BytesIO(out["png"].read_bytes())) as image:
        assert LABEL in image.text["Description"]  # type: ignore[attr-defined]
    assert LABEL in out["svg"].read_text().replace("&#160;", " ")


def test_images_that_no_one_sees_are_not_named(
    command: list[object], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipselect.commands.output.shown.PICTURED_GROUPS", 1)
    run(*command, "--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    groups = json.loads((tmp_path / "out.json").read_text())["groups"]
    assert sorted("aggregate" in group for group in groups) == [False, True]


def test_a_plot_says_of_how_many_frames_each_image_is_made(command: list[object], run: Run, tmp_path: Path) -> None:
    write(tmp_path / "in" / "single" / "0.png", textured(3, 0))
    run(*command, "--plot", tmp_path / "out.png")
    with Pillow.open(tmp_path / "out.png") as image:
        about = image.text["Description"]  # type: ignore[attr-defined]
    assert LABEL in about and "made by a network from 1 frame: not a photograph" in about


def test_it_is_made_of_the_picked_frames(command: list[object], run: Run, tmp_path: Path) -> None:
    from clipselect.media.images import read_image
    from clipselect.sets.aggregated_face import load_face_aggregator

    run(*command, "--json", "-", "--save", tmp_path / "picks")
    maker = load_face_aggregator(tmp_path / "fan.safetensors", "cpu")
    for group in json.loads(run.out)["groups"]:
        picked = [read_image(frame["path"]) for frame in group["frames"] if frame["picked"]]
        made = np.abs(maker.aggregate(picked).image - read_image(group["aggregate"]["file"]).astype(int))
        assert made.max() <= 1


def test_without_it_nothing_changes(command: list[object], run: Run, tmp_path: Path) -> None:
    run(*command[:-2], "--json", "-", "--html", tmp_path / "o.html", "--save", tmp_path / "picks")
    assert "aggregate" not in run.out and "photograph" not in (tmp_path / "o.html").read_text()
    assert not [*tmp_path.rglob("aggregate.png")]


def test_the_images_of_an_earlier_run_are_named_and_kept(command: list[object], run: Run, tmp_path: Path) -> None:
    picks = tmp_path / "picks"
    for _ in range(2):
        assert run(*command, "--save", picks, "--quiet").problems == []
    (picks / "my_aggregate.png").touch()
    run(*command[:-2], "--save", picks, "--quiet")
    assert run.code == 0 and len(run.problems) == 1
    assert f"{picks}: holds 2 files of another run" in run.err and "aggregate.png" in run.err
    assert len([*picks.rglob("aggregate.png")]) == 2


def test_what_cannot_be_done_is_refused(command: list[object], run: Run, tmp_path: Path) -> None:
    assert_refused(run(*command), "--aggregate", "--html")
    lfenet = write_lfenet(tmp_path / "lfenet.safetensors", tiny_base())
    assert_refused(run(*command[:-1], lfenet, "--save", tmp_path / "p"), "lfenet.safetensors", "weights of a fan")
    assert_refused(run(*command[:-1], "nowhere.safetensors", "--save", tmp_path / "p"), "nowhere.safetensors", "check")
