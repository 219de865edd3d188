"""`clipselect reid` and `clipselect faces` on images and videos that the tests make."""

import csv
import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command_line import Run, assert_refused
from helpers.frame_fixtures import textured, tiny_ddnet, write
from helpers.videos import make_video

from clipselect import FaceFrameSampler, ReIDFrameSampler
from clipselect.commands import face_groups
from clipselect.commands.frame_outputs import FrameOutputs
from clipselect.commands.output.records import Result
from clipselect.errors import ClipselectError
from clipselect.media import files
from clipselect.media.extract import write_frames
from clipselect.media.images import read_image


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture
def mars(tmp_path: Path) -> Path:
    """Two tracklets of MARS's naming, of 6 and 3 frames."""
    for name, frames in (("0001C1T0001", 6), ("0001C2T0004", 3)):
        for i in range(1, frames + 1):
            write(tmp_path / "mars" / "0001" / f"{name}F{i:03d}.jpg", textured(frames, i))
    return tmp_path / "mars"


def test_reid_writes_every_output_and_they_agree(mars: Path, model: str, tmp_path: Path, run: Run) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "png", "html", "parquet")}
    run(
        "reid", mars, "--model", model, "--json", out["json"], "--csv", out["csv"], "--plot", out["png"],
        "--html", out["html"], "--index", out["parquet"], "--save", tmp_path / "picks", "--share", 0.5,
    )  # fmt: skip
    assert run.code == 0, run.err
    groups = json.loads(out["json"].read_text())["groups"]
    assert [len(group["frames"]) for group in groups] == [6, 3]
    assert [sum(frame["picked"] for frame in group["frames"]) for group in groups] == [3, 2]
    for group in groups:
        frames = sorted(group["frames"], key=lambda frame: frame["rank"])
        assert [frame["score"] for frame in frames] == sorted((f["score"] for f in frames), reverse=True)
        assert [frame["picked"] for frame in frames] == [i < -(-len(frames) // 2) for i in range(len(frames))]
        for frame in frames:
            assert (frame["file"] is not None) == (frame["weight"] is not None) == frame["picked"]
            if frame["file"]:
                np.testing.assert_array_equal(read_image(frame["file"]), read_image(frame["path"]))
    rows = [*csv.DictReader(out["csv"].open())]
    assert [row["path"] for row in rows] == [f["path"] for group in groups for f in group["frames"]]
    assert out["png"].read_bytes().startswith(b"\x89PNG")
    assert out["html"].read_text().count("<figure") == 9
    sampler = ReIDFrameSampler(share=0.5, scorer=model, index=out["parquet"], on_missing="raise")
    kept = sampler([f["path"] for f in groups[0]["frames"]]).indices.tolist()
    assert kept == [i for i, f in enumerate(groups[0]["frames"]) if f["picked"]]


def test_an_image_that_cannot_be_read_is_named_and_left_out(mars: Path, model: str, run: Run) -> None:
    broken = next(mars.rglob("0001C1T0001F002.jpg"))
    broken.write_bytes(b"no image")
    run("reid", mars, "--model", model, "--json", "-")
    assert run.code == 0
    assert str(broken) in run.err
    assert len(json.loads(run.out)["groups"][0]["frames"]) == 5


def test_a_tracklet_of_which_nothing_can_be_read_does_not_stop_the_others(mars: Path, model: str, run: Run) -> None:
    for path in mars.rglob("0001C2*.jpg"):
        path.write_bytes(b"")
    run("reid", mars, "--model", model, "--json", "-")
    assert run.code == 1
    first, second = json.loads(run.out)["groups"]
    assert first["error"] is None
    assert "not one of the 3 images" in second["error"]
    assert "1 of 2 tracklets scored, 1 failed" in run.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["reid", "nowhere"], "nowhere"),
        (["reid", ".", "--layout", "other"], "--layout"),
        (["reid", ".", "--share", "2"], "share"),
        (["faces", ".", "--threshold", "3"], "threshold"),
        (["faces", "nowhere.mp4"], "nowhere.mp4"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], named: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    run(*arguments, "--model", model)
    assert run.code == 2
    assert named in run.err
    assert "Traceback" not in run.err


def test_folders_of_cropped_faces_are_groups(tmp_path: Path, model: str, run: Run) -> None:
    for person in ("anna", "ben"):
        for i in range(4):
            write(tmp_path / "faces" / person / f"{i}.png", textured(1, i))
    run("faces", tmp_path / "faces", "--model", model, "--k", 2, "--json", "-")
    assert run.code == 0
    groups = json.loads(run.out)["groups"]
    assert [group["group"] for group in groups] == ["anna", "ben"]
    assert [sum(frame["picked"] for frame in group["frames"]) for group in groups] == [2, 2]


def test_a_cropped_face_too_small_to_be_one_is_named_and_left_out(tmp_path: Path, model: str, run: Run) -> None:
    for name, side in (("large", 20), ("small", 19)):
        write(tmp_path / "anna" / f"{name}.png", textured(1, 1)[:side, :24])
    run("faces", tmp_path / "anna", "--model", model, "--json", "-")
    assert run.code == 0
    assert f"{tmp_path / 'anna' / 'small.png'}: 24 x 19 pixels, smaller than 20" in run.err
    assert [frame["path"] for frame in json.loads(run.out)["groups"][0]["frames"]] == [
        str(tmp_path / "anna" / "large.png")
    ]
    with pytest.raises(ClipselectError, match="frame 1: 24 x 19 pixels"):
        FaceFrameSampler(scorer=model)([textured(1, 1)[:20, :24], textured(1, 1)[:19, :24]])


def test_a_video_without_faces_says_in_how_many_frames_it_looked(tmp_path: Path, model: str, run: Run) -> None:
    video = make_video(tmp_path / "empty.mp4", 12)
    run("faces", video, "--model", model, "--every", 3)
    assert run.code == 2
    assert "of the 4 looked at" in run.err


def test_faces_below_a_size_are_left_out(tmp_path: Path, shared: Path, model: str, run: Run) -> None:
    still = read_image(shared / "faces/val/lfw_colin_powell/000.jpg")
    height, width = (side // 2 * 2 for side in still.shape[:2])
    write_frames(tmp_path / "one.mp4", [still[:height, :width]] * 5, 25, width, height)
    run("faces", tmp_path / "one.mp4", "--model", model, "--json", "-")
    (group,) = json.loads(run.out)["groups"]
    face = min(group["frames"][0]["box"][2:])
    assert run.code == 0 and len(group["frames"]) == 5 and face > 20
    run("faces", tmp_path / "one.mp4", "--model", model, "--min-face", round(face + 5))
    assert_refused(run, "one.mp4: no face", "--min-face")


def test_saved_names_hold_no_folders(tmp_path: Path, model: str, run: Run) -> None:
    write(tmp_path / "in" / "a" / "b" / "1.png", textured(1, 1))
    run("faces", tmp_path / "in", "--model", model, "--save", tmp_path / "picks", "--json", "-")
    assert run.code == 0
    (frame,) = json.loads(run.out)["groups"][0]["frames"]
    assert Path(frame["file"]).parent.parent == tmp_path / "picks"


def test_saved_frames_carry_their_number_in_the_video(tmp_path: Path) -> None:
    outputs = FrameOutputs(folder=tmp_path / "picks")
    selection = ReIDFrameSampler(k=1)([textured(1, 1), textured(1, 1)])
    ((_, saved),) = outputs.save_frames("v.mp4", "track 1", selection, lambda i: textured(1, 1), [37, 37])
    assert saved.name.endswith("_00037.png") and saved.is_file()


def test_frames_that_cannot_be_saved_leave_the_scores(
    mars: Path, model: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole, full = files.write_whole, iter([False, True])

    def write_until_full(path: Path, content: bytes) -> None:
        if "camera_1" in path.parent.name and path.suffix == ".png" and next(full):
            raise ClipselectError("picks: cannot be written (No space left on device); make room and run it again")
        write_whole(path, content)

    monkeypatch.setattr(files, "write_whole", write_until_full)
    run("reid", mars, "--model", model, "--k", 2, "--save", tmp_path / "picks", "--json", tmp_path / "r.json", "-q")
    failed, saved = json.loads((tmp_path / "r.json").read_text())["groups"]
    assert run.code == 1 and "No space left" in failed["error"] and saved["error"] is None
    assert [len(group["frames"]) for group in (failed, saved)] == [6, 3]
    named = [[frame["file"] for frame in group["frames"] if frame["file"]] for group in (failed, saved)]
    assert [*map(len, named)] == [1, 2] and {*map(Path, chain(*named))} == {*tmp_path.rglob("picks/*/*")}


def test_groups_of_one_name_are_saved_apart(tmp_path: Path, model: str, run: Run) -> None:
    for source in ("a", "b"):
        for i in range(3):
            write(tmp_path / source / "x" / f"{i}.png", textured(1, i))
    run("faces", tmp_path / "a" / "x", tmp_path / "b" / "x", "--model", model, "--k", 3, "--save", tmp_path / "s", "-q")
    assert run.code == 0
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["x", "x_2"]
    assert len([*(tmp_path / "s").rglob("*.png")]) == 6


def test_what_does_not_apply_is_refused(tmp_path: Path, model: str, run: Run) -> None:
    write(tmp_path / "in" / "1.png", textured(1, 1))
    run("faces", tmp_path / "in", "--model", model, "--detector", "nowhere.onnx")
    assert run.code == 2 and "--detector is for videos" in run.err
    run("faces", make_video(tmp_path / "v.mp4", 3), "--model", model, "--index", tmp_path / "i.parquet")
    assert run.code == 2 and "--index is for folders of images" in run.err


def test_scores_of_a_function_make_no_index(mars: Path, tmp_path: Path, run: Run) -> None:
    run("reid", mars, "--scorer", "sharpness", "--k", 1, "--index", tmp_path / "i.parquet")
    assert_refused(run, "--index cannot be used with 'sharpness'", "score without an index, or with a DDNet")


def test_an_interrupted_folder_keeps_the_groups_that_are_done(
    tmp_path: Path, model: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in ("anna", "ben", "carl"):
        write(tmp_path / "in" / person / "1.png", textured(1, 1))
    score = face_groups.score_files

    def stop(source: str, name: str, *rest: Any) -> Result:
        if name == "carl":
            raise KeyboardInterrupt
        return score(source, name, *rest)

    monkeypatch.setattr(face_groups, "score_files", stop)
    run("faces", tmp_path / "in", "--model", model, "--json", "-")
    assert run.code == 130
    assert [group["group"] for group in json.loads(run.out)["groups"]] == ["anna", "ben"]


def test_an_index_replaces_only_an_index(mars: Path, model: str, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "scores.parquet"
    other.write_bytes(b"something of value")
    for command in ("reid", "faces"):
        assert_refused(run(command, mars, "--model", model, "--index", other), "scores.parquet", "not a frame index")
    assert other.read_bytes() == b"something of value"
    for _ in range(2):  # an own one is replaced
        assert run("reid", mars, "--model", model, "--index", tmp_path / "own.parquet").code == 0, run.err


def test_weights_and_the_detector_are_not_overwritten(mars: Path, model: str, tmp_path: Path, run: Run) -> None:
    for option, name in (("--plot", "weights.svg"), ("--html", "weights.html")):
        weights = tmp_path / name
        weights.write_bytes(Path(model).read_bytes())
        assert_refused(run("reid", mars, "--model", weights, option, weights), name, "is both an input")
        assert_refused(run("faces", mars, "--detector", weights, option, weights), name, "is both an input")
        assert weights.read_bytes() == Path(model).read_bytes()


@pytest.mark.parametrize("name", ["film.MP4", "base.safetensors", "yunet.onnx"])
def test_results_do_not_replace_a_video_or_weights(mars: Path, model: str, tmp_path: Path, run: Run, name: str) -> None:
    (tmp_path / name).write_bytes(b"something of value")
    assert_refused(run("reid", mars, "--model", model, "--html", tmp_path / name), name, "choose another output")
    assert (tmp_path / name).read_bytes() == b"something of value"


def test_a_bad_folder_does_not_stop_the_others(mars: Path, model: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("no folder")
    out = tmp_path / "out.json"
    run("reid", tmp_path / "empty", mars, tmp_path / "text.mp4", "--model", model, "--json", out)
    assert run.code == 1
    assert "empty: a folder without images" in run.err and "text.mp4: a file, not a folder" in run.err
    groups = json.loads(out.read_text())["groups"]
    assert sum(group["error"] is None for group in groups) == 2 and len(groups) == 4
    assert_refused(run("reid", tmp_path / "text.mp4", "--model", model), "text.mp4: a file, not a folder")
    assert_refused(run("reid", mars, "--layout", "no-such", "--model", model), "--layout must be one of")
