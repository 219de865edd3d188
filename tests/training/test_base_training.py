"""Training a base as a library function, its loss, and how it is measured."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from clipselect.zoo.loading import load_base
from helpers.cards import use_as_the_card_says
from helpers.training_data import assert_same_weights, background, colours, data_set

import clipselect
from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ArgumentError, ClipselectError, MissingFileError
from clipselect.media.geometry import Geometry
from clipselect.media.progress import Progress
from clipselect.media.scaling import cropped
from clipselect.media.sources import open_source
from clipselect.scoring.weights_file import load_weights
from clipselect.training.base_training import LABEL_SMOOTHING, accuracy, base_loss

pytestmark = pytest.mark.usefixtures("one_thread")

HOW: dict[str, Any] = {
    "network": "narrow_r3d", "clip_duration": 0.2, "size": 32, "frames": 4, "steps": 3, "batch": 4, "device": "cpu",
    "checkpoint_minutes": 0,
}  # fmt: skip


def listed(folder: Path) -> Path:
    """Classes in `videos`, background in `elsewhere`, and a list of the videos that names two more."""
    data_set(folder / "videos")
    background(folder / "elsewhere")
    (folder / "videos" / "a" / "bad.mp4").write_bytes(b"no video")
    lines = [f"{kind}/{i}.mp4,{kind},{'val' if i == 2 else 'train'}" for kind in "ab" for i in range(3)]
    lines += ["a/bad.mp4,a,train", "a/gone.mp4,a,train"]
    (folder / "list.csv").write_text("path,label,split\n" + "\n".join(lines) + "\n")
    return folder / "list.csv"


def test_a_base_is_trained_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, shown, failed = listed(tmp_path), list[Progress](), dict[str, type]()
    made = clipselect.train_base(
        data, tmp_path / "base.safetensors", prefix=tmp_path / "videos", background=tmp_path / "elsewhere",
        progress=shown.append, on_error=lambda path, error: failed.update({Path(path).name: type(error)}), **HOW,
    )  # fmt: skip
    assert failed["gone.mp4"] is MissingFileError and {*failed} == {"gone.mp4", "bad.mp4"}
    assert failed["bad.mp4"] is not MissingFileError
    assert [*dict.fromkeys(p.stage for p in shown)] == [
        "reading the videos", "training the base", "the held-out videos",
    ]  # fmt: skip
    assert made.metadata["accuracy"]["videos"] == 2 and made.metadata["outputs"] == 3
    assert load_weights(made.weights, kind="base")[1]["accuracy"] == made.metadata["accuracy"]
    assert load_base(made.weights, "cpu").classes == ("a", "b")
    assert f"clipselect.train_base(data='{data}', " in made.card.read_text()
    assert use_as_the_card_says(made.card, monkeypatch).classes == ("a", "b")


def test_a_training_that_is_stopped_continues_to_the_same_weights(tmp_path: Path) -> None:
    data = data_set(tmp_path / "videos")

    def stop(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("training the base", 2):
            raise KeyboardInterrupt

    alone = clipselect.train_base(data, tmp_path / "alone.safetensors", **HOW)
    with pytest.raises(KeyboardInterrupt):
        clipselect.train_base(data, tmp_path / "stopped.safetensors", progress=stop, **HOW)
    assert not (tmp_path / "stopped.safetensors").exists()
    shown: list[Progress] = []
    stopped = clipselect.train_base(data, tmp_path / "stopped.safetensors", progress=shown.append, **HOW)
    assert min(p.done for p in shown if p.stage == "training the base") == 2
    assert_same_weights(alone.weights, stopped.weights)


def test_a_base_learns_and_is_measured_on_what_its_geometry_shows(tmp_path: Path) -> None:
    """Two classes that differ in the middle of wide frames; the sides look the same and would outweigh it."""
    for kind, light in (("dark", 40), ("light", 200)):
        for i in range(3):
            wide_film(tmp_path / "videos" / kind / f"{i}.mp4", light, sides=(200, 40)[i % 2])
    how = {**HOW, "steps": 30, "learning_rate": 1e-2, "base_geometry": "short_side:40"}
    made = clipselect.train_base(tmp_path / "videos", tmp_path / "base.safetensors", **how)
    base = load_base(made.weights, "cpu")
    assert base.input_spec.geometry == Geometry(40) and "short_side:40" in made.card.read_text()
    assert base.identity["input_spec"] == load_base(made.weights, "cpu").identity["input_spec"]
    frame = next(open_source(tmp_path / "videos" / "dark" / "0.mp4").pictures(0, 0))
    assert cropped(frame, base.input_spec.geometry, 32, 3.0).max() < 100  # the sides are not seen
    assert {*{file: np.load(file).shape[1:] for file in made.weights.with_suffix(".work").rglob("*.npy")}.values()} == {
        (37, 111, 3)
    }
    with pytest.raises(ClipselectError, match=r"base\.ckpt"):
        clipselect.train_base(
            tmp_path / "videos", tmp_path / "base.safetensors", **how | {"base_geometry": "squash", "overwrite": True}
        )


def wide_film(path: Path, light: int, sides: int) -> Path:
    """96 x 32 pixels, of which the middle third is this light and the rest as light as the sides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((32, 96, 3), sides, np.uint8)
    pixels[:, 30:66] = light
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25, options={"qscale": "3"})
        stream.width, stream.height, stream.pix_fmt = 96, 32, "yuv420p"
        for _ in range(12):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def test_errors_of_the_library_name_the_argument(tmp_path: Path) -> None:
    data = data_set(tmp_path / "videos")
    for argument, value in (("network", "x4d"), ("base_geometry", "crop"), ("base_geometry", "short_side:8"),
                            ("clip_duration", 0), ("size", 5), ("frames", 0), ("batch", 1),
                            ("fps", 0.0), ("precision", "16"), ("learning_rate", -1.0), ("steps", 0), ("seed", -1),
                            ("workers", -1), ("checkpoint_minutes", -1), ("cache_gigabytes", -1)):  # fmt: skip
        with pytest.raises(ArgumentError) as refused:
            clipselect.train_base(data, tmp_path / "o.safetensors", **{**HOW, argument: value})
        assert refused.value.argument == argument


def test_the_loss_is_a_cross_entropy_with_smoothed_labels() -> None:
    logits = torch.tensor([[2.0, 0.0]])
    value = base_loss(lambda _: logits, torch.zeros(1, 3, 1, 1, 1), torch.tensor([0]))  # type: ignore[arg-type]
    right, wrong = torch.log_softmax(logits, 1)[0].tolist()
    smooth = LABEL_SMOOTHING
    assert float(value) == pytest.approx(-(1 - smooth / 2) * right - smooth / 2 * wrong)


def test_accuracy_is_over_whole_videos_and_counts_what_can_be_read(films: Path) -> None:
    base, errors = colours(), dict[str, str]()
    with torch.no_grad():  # whatever is redder than green is "a"
        base.head.weight.copy_(torch.tensor([[9.0, 0, 0], [0, 9.0, 0]]))  # type: ignore[union-attr]
        base.head.bias.zero_()  # type: ignore[union-attr]
    names = {"a0": (0,), "a1": (1,), "b0": (1,), "b1": (0, 1), "no": (0,)}
    videos = [LabelledVideo(str(films / f"{name}.mp4"), labels) for name, labels in names.items()]
    measured = accuracy(base, videos, 30, lambda path, error: errors.update({path: str(error)}))
    # right: a0, b0, and b1, one of whose labels is the answer
    assert measured.top1 == 75 and measured.videos == 4
    assert measured.confusion.tolist() == [[1, 1], [1, 1]]
    assert [Path(path).name for path in errors] == ["no.mp4"]
    assert accuracy(base, [], 30, lambda path, error: errors.update({path: str(error)})).videos == 0
