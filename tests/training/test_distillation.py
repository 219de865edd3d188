"""`clipselect.distill` as a function: networks instead of names, recipes, what it reports and what it returns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.cards import use_as_the_card_says
from helpers.frame_fixtures import blocks, people
from helpers.training_data import colours, data_set

import clipselect
from clipselect import ClipRecipe, DistillResult, FrameRecipe
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.progress import Progress
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video
from clipselect.scoring.weights_file import load_weights, save_weights
from clipselect.training import domain_fit
from clipselect.training.score_distribution import add_percentiles

CLIPS: dict[str, Any] = {"clip_duration": 0.2, "frames": 4, "size": 32, "steps": 3, "batch": 4}
FRAMES: dict[str, Any] = {"variants": 1, "size": 16, "steps": 3, "batch": 4}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = data_set(tmp_path_factory.mktemp("data") / "videos")
    (folder / "a" / "bad.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = people(tmp_path_factory.mktemp("data") / "people", 10, 2)
    (folder / "p01" / "bad.png").write_bytes(b"no image")
    return folder


def distilled(kind: str, videos: Path, identities: Path, output: Path, **more: Any) -> DistillResult:
    more = {"device": "cpu", **more}
    if kind == "clips":
        return clipselect.distill(videos, colours(), output, **{**CLIPS, **more})
    return clipselect.distill([identities], blocks()[0], output, **{**FRAMES, **more})


@pytest.mark.parametrize("kind", ["clips", "frames"])
def test_a_network_is_distilled_in_one_call(
    kind: str, videos: Path, identities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[Progress] = []
    left_out: list[str] = []
    made = distilled(
        kind, videos, identities, tmp_path / "d.safetensors",
        progress=reports.append, on_error=lambda path, error: left_out.append(path),
    )  # fmt: skip
    assert made.elements == kind and made.weights == tmp_path / "d.safetensors" and made.card.read_text()
    assert [Path(path).stem for path in left_out] == ["bad"] and made.metadata["failed"] == 1
    stages = [*dict.fromkeys(report.stage for report in reports)]
    assert stages[:2] == ["features of the base", "training the DDNet"] and stages[2].startswith("held-out ")
    assert all(0 <= report.done <= report.total for report in reports) and reports[-1].done == reports[-1].total
    loaded = load_scorer(made.weights, "cpu", elements=made.elements)
    assert loaded.metadata["sha256"] == made.scorer.metadata["sha256"] and loaded.name == made.scorer.name == "d"
    element = np.random.default_rng(0).integers(0, 255, (1, *loaded.input_spec.shape), dtype=np.uint8)
    assert loaded.score(element) == made.scorer.score(element)
    quantiles = loaded.metadata["score_quantiles"]
    assert len(quantiles) == 101 and quantiles == sorted(quantiles) and 0 < quantiles[0] < quantiles[-1] < 1
    assert "| p5 | p10 |" in made.card.read_text() and f"| {quantiles[5]:.3f} |" in made.card.read_text()
    assert made.held_out == loaded.metadata["held_out"]
    if kind == "frames":  # for clips it needs a video
        assert use_as_the_card_says(made.card, monkeypatch).scorer.name == "d"
    assert any("of its own training clips" in doubt for doubt in made.doubts) == (kind == "clips")  # random weights
    for rho in (-0.19, 0.19, 0.2, None):
        metadata = made.metadata | {"held_out": made.held_out | {"spearman": rho}}
        doubted = any("better than chance" in doubt for doubt in replace(made, metadata=metadata).doubts)
        assert doubted == (rho in (-0.19, 0.19)), rho
    assert {"path", "discriminability", "d_score"} <= {*pq.read_schema(made.d_scores).names}
    assert made.metadata["command"].startswith("clipselect.distill(data=") and "steps=3" in made.metadata["command"]


def test_a_ddnet_knows_what_it_was_distilled_on(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_fit, "MIN_CLIPS", 4)
    monkeypatch.setattr(domain_fit, "MIN_KNOWN_VIDEOS", 1)
    made = clipselect.distill(videos, colours(), tmp_path / "d.safetensors", **CLIPS, device="cpu")
    loaded = load_scorer(made.weights, "cpu")
    scored = score_video(next((videos / "a").glob("[!b]*.mp4")), loaded, clip_duration=0.2)
    assert made.scorer.training_domain is not None and loaded.training_domain is not None
    expected = made.scorer.training_domain.clip_distances(scored.features)
    np.testing.assert_allclose(loaded.training_domain.clip_distances(scored.features), expected, rtol=0.01)
    assert scored.features.shape == (len(scored.clips), loaded.training_domain.mean.size)


@pytest.mark.parametrize("kind", ["clips", "frames"])
def test_weights_without_percentiles_get_those_that_distilling_would_have_written(
    kind: str, videos: Path, identities: Path, tmp_path: Path
) -> None:
    made = distilled(kind, videos, identities, tmp_path / "d.safetensors")
    tensors, metadata = load_weights(made.weights, kind="ddnet")
    expected = metadata.pop("score_quantiles")
    save_weights(tmp_path / "old.safetensors", tensors, metadata)
    data = videos if kind == "clips" else identities
    add_percentiles(tmp_path / "old.safetensors", data, tmp_path / "new.safetensors")
    found = load_weights(tmp_path / "new.safetensors", kind="ddnet")[1]["score_quantiles"]
    if kind == "frames":
        assert found == expected
    else:  # which videos are held out is a matter of the labels, and these are data without
        np.testing.assert_allclose([found[0], found[-1]], [expected[0], expected[-1]], atol=1e-3)


def test_what_the_command_line_does_not_offer_is_a_field_of_the_recipe(videos: Path, tmp_path: Path) -> None:
    recipe = ClipRecipe(**CLIPS, metric="euclidean", contrast="difference", loss="mse", widths=(4, 4, 4, 4))
    made = clipselect.distill(videos, colours(), tmp_path / "d.safetensors", recipe=recipe, seed=5, device="cpu")
    assert [made.metadata[key] for key in ("metric", "contrast", "loss", "seed")] == [
        "euclidean", "difference", "mse", 5,
    ]  # fmt: skip
    assert made.metadata["config"]["widths"] == (4, 4, 4, 4)
    table = pq.read_table(made.d_scores)
    centroids = np.load(tmp_path / "d.work" / "centroids.npy")
    with np.load(tmp_path / "d.work" / "features" / "000000.npz") as file:
        features, shows = file["features"], file["shows"]
    to = np.linalg.norm(features[:, None].astype(np.float64) - centroids[None, :2], axis=2)
    own, other = to[np.arange(len(shows)), shows], to[np.arange(len(shows)), 1 - shows]
    assert table["discriminability"].to_pylist() == pytest.approx((other - own).tolist(), rel=1e-6, abs=1e-9)


def test_features_of_another_precision_are_not_mixed_in(videos: Path, tmp_path: Path) -> None:
    how = {"base": colours(), "output": tmp_path / "d.safetensors", "overwrite": True, **CLIPS}
    assert clipselect.distill(videos, **how).metadata["base_precision"] == "32"
    with pytest.raises(ClipselectError, match="features of another base"):
        clipselect.distill(videos, base_precision="bf16", **how)
    fast = clipselect.distill(videos, **{**how, "work": tmp_path / "w", "base_precision": "bf16"})
    assert fast.metadata["base_precision"] == "bf16" and "geometry squash, bf16" in fast.card.read_text()


def test_features_of_another_geometry_are_not_mixed_in(videos: Path, tmp_path: Path) -> None:
    how = {"base": colours(), "output": tmp_path / "d.safetensors", "overwrite": True, **CLIPS}
    assert clipselect.distill(videos, **how).metadata["base_geometry"] == "squash"
    with pytest.raises(ClipselectError, match="features of another base"):
        clipselect.distill(videos, base_geometry="short_side:40", **how)
    again = {**how, "work": tmp_path / "w", "base_geometry": "short_side:40"}
    cropped = clipselect.distill(videos, **again)
    assert cropped.metadata["base_geometry"] == "short_side:40" and "geometry short_side:40" in cropped.card.read_text()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"elements": "sounds"}, "elements"),
        ({"elements": "frames"}, "base"),
        ({"recipe": FrameRecipe()}, "base"),
        ({"shared_names": True}, "shared_names"),
        ({"normalisation": "half"}, "normalisation"),
        ({"variants": -1}, "variants"),
        ({"degradations": "faces"}, "degradations"),
        ({"steps": 0}, "steps"),
        ({"steps": "a"}, "steps"),
        ({"seed": "a"}, "seed"),
        ({"seed": -1}, "seed"),
        ({"batch": -4}, "batch"),
        ({"workers": 1.5}, "workers"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"weight_decay": float("nan")}, "weight_decay"),
        ({"frames": 0}, "frames"),
        ({"frames": "8"}, "frames"),
        ({"size": "112"}, "size"),
        ({"widths": 8}, "widths"),
        ({"loss": "l1"}, "loss"),
        ({"metric": "hamming"}, "metric"),
        ({"contrast": "sum"}, "contrast"),
        ({"target": "teacher"}, "target"),
        ({"widths": (8, 16)}, "widths"),
        ({"depths": (1, 1, 1, 0)}, "depths"),
        ({"size": 16}, "size"),
        ({"size": (64, 32)}, "size"),
        ({"base_geometry": "crop"}, "base_geometry"),
        ({"base_precision": "16"}, "base_precision"),
        ({"stride": 0}, "stride"),
        ({"fps": 0}, "fps"),
        ({"learning_rate": 1e9}, "learning_rate"),
        ({"precision": "16"}, "precision"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(
    videos: Path, tmp_path: Path, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ArgumentError) as raised:
        distilled("clips", videos, videos, tmp_path / "d.safetensors", **arguments)
    assert raised.value.argument == named


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"stride": 1}, "stride"),
        ({"unlabelled": True}, "unlabelled"),
        ({"background": Path("b")}, "background"),
        ({"degradations": "rain"}, "degradations"),
        ({"variants": -1}, "variants"),
        ({"size": (8, 16)}, "size"),
        ({"recipe": ClipRecipe()}, "base"),
    ],
)
def test_so_it_is_for_frames(identities: Path, tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        distilled("frames", identities, identities, tmp_path / "d.safetensors", **arguments)
    assert raised.value.argument == named


def test_a_recipe_refuses_numbers_that_make_no_sense_itself() -> None:
    for name, value in (("learning_rate", float("nan")), ("steps", 2.5), ("batch", True), ("weight_decay", -1)):
        for recipe in (ClipRecipe, FrameRecipe):
            with pytest.raises(ArgumentError) as raised:
                recipe(**{name: value})
            assert raised.value.argument == name


@pytest.mark.parametrize(
    ("base", "remedy"), [(torch.nn.Linear(2, 2), r"Base\.from_module .* Embedder\.from_module"), (None, "is needed")]
)
def test_a_base_that_is_no_base_is_refused(videos: Path, tmp_path: Path, base: Any, remedy: str) -> None:
    with pytest.raises(ArgumentError, match=f"^base .*{remedy}"):
        clipselect.distill(videos, base, tmp_path / "d.safetensors")


@pytest.mark.parametrize("kind", ["clips", "frames"])
def test_a_batch_that_the_data_cannot_fill_is_refused(
    kind: str, videos: Path, identities: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=rf"^batch must be at most 128 for the \d+ {kind} .*, got 100000"):
        distilled(kind, videos, identities, tmp_path / "d.safetensors", batch=100_000)


def test_an_unknown_argument_is_a_mistake_of_the_caller(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'step'"):
        distilled("clips", videos, videos, tmp_path / "d.safetensors", step=3)
