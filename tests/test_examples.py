"""The recipes of `examples/` run as they stand, on videos and networks made here."""

import csv
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from helpers import onnx_files
from helpers.optional import import_or_skip
from helpers.videos import make_video, picture
from pytorchvideo.models.hub import slowfast_r50
from torchvision.models.video import r3d_18

import clipselect
from clipselect.evaluation import synthetic
from clipselect.faces import Detections, Face

EXAMPLES = Path(__file__).parents[1] / "examples"
RECIPES = sorted(EXAMPLES.glob("*.py"))

Example = Callable[..., str]


@pytest.fixture
def run_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Example:
    """Runs a recipe within this process, in a folder of its own; returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """R3D-18 with random weights, which is sure of class 7."""
    network = r3d_18()
    with torch.no_grad():
        network.fc.bias[7] += 100
    path = tmp_path_factory.mktemp("checkpoint") / "r3d_18.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_short_and_says_how_it_is_run(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) < 40
    assert f"    python examples/{path.name}" in text.split('"""')[1]
    assert f"]({path.name})" in (EXAMPLES / "README.md").read_text("utf-8")


def test_rank_video(video: Path, tmp_path: Path, run_example: Example) -> None:
    import_or_skip("matplotlib")
    lines = run_example("rank_video", video).splitlines()
    picks = clipselect.select(video, k=3)
    assert [line.split()[0] for line in lines[: len(picks)]] == [f"{pick.start:.2f}" for pick in picks]
    assert len([*(tmp_path / "picks").glob("*.mp4")]) == len(picks)
    assert (tmp_path / "rank_video.png").stat().st_size > 1000


def test_explain_pick(video: Path, run_example: Example) -> None:
    lines = run_example("explain_pick", video).splitlines()
    assert len([line for line in lines if "nearest class" in line]) == len(clipselect.select(video, k=3))


@pytest.mark.slow
def test_clips_in_dataloader(run_example: Example) -> None:
    *_, answers = run_example("clips_in_dataloader").splitlines()
    assert answers == "8 videos, answers [8, 2]"


@pytest.fixture
def little_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthetic data whose networks are hardly trained; `.ci/run` trains them as they should be."""
    whole = synthetic.make_synthetic

    def little(folder: Path, *, videos: int) -> synthetic.SyntheticData:
        return whole(folder, videos=min(videos, 12), steps=2)

    monkeypatch.setattr(synthetic, "make_synthetic", little)


@pytest.mark.slow
@pytest.mark.usefixtures("little_data")
def test_distil_in_five_minutes(run_example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer steps, so that it takes seconds."""
    whole = clipselect.distill
    monkeypatch.setattr(clipselect, "distill", lambda *a, **options: whole(*a, **{**options, "steps": 2}))
    ddnet, *picks = run_example("distil_in_five_minutes").splitlines()
    assert "rho" in ddnet and len(picks) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("little_data")
def test_which_k(tmp_path: Path, run_example: Example) -> None:
    output = run_example("which_k")
    *_, worth_it, which = output.splitlines()
    assert "uniform_equal_cost" in output and worth_it.startswith("Is it worth it? ")
    assert which.startswith("Which K: ")
    assert (tmp_path / "report" / "report.html").exists()


def test_torchvision(video: Path, checkpoint: Path, run_example: Example) -> None:
    picks, best, *_ = run_example("torchvision_answer", video, "--checkpoint", checkpoint).splitlines()
    assert picks == repr(clipselect.select(video, k=5))
    assert best.split() == ["100.0%", "arranging", "flowers"]  # class 7 of Kinetics-400


def test_torchcodec(video: Path, checkpoint: Path, run_example: Example) -> None:
    import_or_skip("torchcodec")
    picks, best, *_ = run_example("torchcodec_answer", video, "--checkpoint", checkpoint).splitlines()
    assert picks == repr(clipselect.select(video, k=5))
    assert best.split() == ["100.0%", "arranging", "flowers"]


def test_videomae(video: Path, tmp_path: Path, run_example: Example) -> None:
    import_or_skip("transformers")
    from helpers.hugging_face import tiny_classifier

    folder = tiny_classifier(tmp_path / "videomae")
    picks, *classes = run_example("videomae_answer", video, "--network", folder).splitlines()
    assert picks == repr(clipselect.select(video, k=5, clip_duration=16 / 30))  # this network takes 4 frames
    assert {line.split()[1] for line in classes} == {"a", "b", "c"}
    assert sum(float(line.split("%")[0]) for line in classes) == pytest.approx(100, abs=0.2)


@pytest.mark.slow
def test_pytorchvideo(tmp_path: Path) -> None:
    """In a process of its own, since its workers need its functions."""
    for name in ("running", "sleeping"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        make_video(tmp_path / "videos" / name / "a.mp4", 80)
    network = slowfast_r50()
    with torch.no_grad():
        network.blocks[-1].proj.bias[1] += 100  # it takes all videos for those of the second class
    torch.save({"model_state": network.state_dict()}, tmp_path / "slowfast.pyth")
    command = [sys.executable, EXAMPLES / "pytorchvideo_kinetics.py", tmp_path / "videos", tmp_path / "slowfast.pyth"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "2 videos, top-1 50.0%\n", done.stderr


def test_best_shots(tmp_path: Path, run_example: Example) -> None:
    import_or_skip("scenedetect")
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height = 128, 96
        for i in range(100):
            image = np.full((96, 128, 3), (250, 240, 20) if i < 40 else (10, 20, 90), np.uint8)
            image[20:40, i : i + 20] = 120
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    lines = run_example("best_shots", film, "--k", 2, "--folder", "cut").splitlines()
    assert [line.split(": ")[1].split(", ")[0] for line in lines] == ["0.00 to 1.60 s", "1.60 to 4.00 s"]
    assert len([*(tmp_path / "cut").glob("film_rank*.mp4")]) == 2


def test_best_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_example: Example) -> None:
    import_or_skip("onnxruntime")
    faces = Face((4.0, 4.0, 24.0, 24.0), 1.0), Face((40.0, 24.0, 22.0, 22.0), 0.9)
    monkeypatch.setattr(clipselect, "YuNet", lambda path: lambda frame: Detections(faces))
    embedder = onnx_files.save(tmp_path / "embedder.onnx", onnx_files.network(None))
    video = make_video(tmp_path / "party.mp4", 12)
    output = run_example("best_faces", video, "--detector", "yunet.onnx", "--embedder", embedder)
    assert output.count("the best of 12 faces") == 2
    tracks = clipselect.faces_of_video(video, lambda frame: Detections(faces)).tracks
    for number, track in enumerate(tracks, start=1):
        best = cv2.imread(str(tmp_path / "best_faces" / f"track_{number}.png"))[:, :, ::-1]
        chosen = clipselect.FaceFrameSampler(k=1)(track.crops).indices[0]
        assert (best == track.crops[chosen]).all()
    assert np.load(tmp_path / "best_faces" / "features.npy").shape == (2, onnx_files.DIM)


def test_best_crops(tmp_path: Path, run_example: Example) -> None:
    import_or_skip("pandas")
    video = make_video(tmp_path / "street.mp4", 10)
    boxes = {3: (-2.5, 0.0, 31.0, 24.0), 12: (36.0, 25.0, 64.9, 48.0)}  # in the red quarter, in the blue half
    with (tmp_path / "boxes.csv").open("w", newline="") as file:  # as supervision's CSVSink writes it
        table = csv.writer(file)
        table.writerow(
            ["x_min", "y_min", "x_max", "y_max", "class_id", "confidence", "tracker_id", "class_name", "frame"]
        )
        for frame in range(10):
            for who, box in boxes.items():
                table.writerow([*box, 0, 0.9, who, "per,son", frame])
            table.writerow([0.0, 0.0, 9.0, 9.0, 0, 0.3, "", "", frame])  # not tracked
            table.writerow([70.0, -9.0, 90.0, -2.0, 0, 0.3, 3, "person", frame])  # outside of the picture
    run_example("best_crops", video, tmp_path / "boxes.csv")
    found = {path.name: cv2.imread(str(path)) for path in tmp_path.glob("person_*.png")}
    assert {name: crop.shape for name, crop in found.items()} == {
        "person_3.png": (24, 31, 3), "person_12.png": (23, 28, 3)
    }  # fmt: skip
    red, blue = picture(0)[2, 2, ::-1], 0
    assert np.abs(found["person_3.png"].mean((0, 1)) - red).max() < 12
    assert found["person_12.png"].mean((0, 1)).argmax() == blue
