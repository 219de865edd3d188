"""Classifiers of transformers as bases, against the library itself with the processor that lies beside them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from helpers.command_line import Run, only_video
from helpers.hugging_face import (
    CLASSES,
    FRAMES,
    KINDS,
    RESIZE,
    SIDE,
    edit,
    tiny_classifier,
    transformers,
)
from helpers.videos import make_video
from torch import Tensor

from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import load_scorer

WIDE = np.random.default_rng(0).integers(0, 256, (2, FRAMES, RESIZE, 48, 3), dtype=np.uint8)
"""Clips of frames that the processors only crop."""
CLIPS = WIDE[:, :, 2:34, 8:40]


def by_transformers(folder: Path, clips: np.ndarray) -> tuple[Tensor, Tensor]:
    """What enters the classifier and the probabilities, without clipselect."""
    processor = transformers.AutoVideoProcessor.from_pretrained(folder)
    model = transformers.AutoModelForVideoClassification.from_pretrained(folder).eval()
    entered: list[Tensor] = []
    model.classifier.register_forward_hook(lambda _, inputs, __: entered.append(inputs[0]))
    with torch.inference_mode():
        logits = model(**processor([*clips], do_sample_frames=False, return_tensors="pt")).logits
    return entered[0], logits.softmax(1)


@pytest.mark.parametrize("kind", KINDS)
def test_features_and_probabilities_are_those_of_transformers(kind: str, folders: dict[str, Path]) -> None:
    base = load_base(f"hf:{folders[kind]}", "cpu")
    features, probabilities = base.outputs(CLIPS)
    expected, answer = by_transformers(folders[kind], WIDE)
    assert base.name == kind and base.classes == CLASSES and base.input_spec.shape == (FRAMES, SIDE, SIDE, 3)
    assert features.shape == expected.shape and torch.allclose(features, expected, atol=1e-4)
    assert torch.allclose(probabilities, answer, atol=1e-5)
    assert float(answer.std(1).min()) > 0.01 and not torch.allclose(expected[0], expected[1], atol=1e-3)
    assert base.head is not None and torch.allclose(base.head(features.clone()).softmax(1), probabilities, atol=1e-5)


def test_the_feature_of_videomae_is_normalised_where_patches_are_averaged(tmp_path: Path) -> None:
    for pooled in (True, False):
        folder = tiny_classifier(tmp_path / str(pooled), use_mean_pooling=pooled)
        expected, _ = by_transformers(folder, WIDE)
        assert torch.allclose(Base.from_pretrained(folder, "cpu").features(CLIPS), expected, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.3, 0.2, 0.1]},
        {"do_normalize": False},
        {"rescale_factor": 1 / 127.5},
        {"do_rescale": False, "image_mean": [127.5] * 3, "image_std": [50.0] * 3},
    ],
)
@pytest.mark.parametrize("kind", ["videomae", "vivit"])
def test_values_of_pixels_are_scaled_as_the_processor_does(kind: str, settings: dict[str, Any], tmp_path: Path) -> None:
    folder = tiny_classifier(tmp_path / "mine", kind, processor=settings)
    made = transformers.AutoVideoProcessor.from_pretrained(folder)([*WIDE], do_sample_frames=False)["pixel_values"]
    normalised = Base.from_pretrained(folder, "cpu").input_spec.normalise(CLIPS).transpose(1, 2)
    assert torch.allclose(normalised, torch.stack([*made]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "frames", "seconds"),
    [("videomae", 16, 64 / 30), ("timesformer", 8, 256 / 30), ("vivit", 32, 64 / 30), ("vjepa2", 16, 64 / 30)],
)
def test_a_clip_lasts_as_long_as_those_of_the_published_networks(
    kind: str, frames: int, seconds: float, tmp_path: Path
) -> None:
    count = {"frames_per_clip" if kind == "vjepa2" else "num_frames": frames}
    folder = tiny_classifier(tmp_path / "mine", kind, **count)
    base = Base.from_pretrained(folder, "cpu")
    assert base.clip_duration == pytest.approx(seconds) and base.input_spec.frames == frames
    assert Base.from_pretrained(folder, "cpu", clip_duration=1.5).clip_duration == 1.5


def test_names_may_be_absent_or_given(folder: Path) -> None:
    edit(folder / "config.json", id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})
    base = Base.from_pretrained(folder, "cpu")
    assert not base.has_names and base.classes == ("0", "1", "2")
    assert Base.from_pretrained(folder, "cpu", classes=("x", "y", "z")).classes == ("x", "y", "z")
    edit(folder / "config.json", id2label={"2": "c", "0": "a", "1": "b"})
    assert Base.from_pretrained(folder, "cpu").classes == ("a", "b", "c")


def test_a_folder_is_called_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert load_base("hf:.", "cpu").name == "mine"


def test_weights_of_half_precision_in_a_torch_file_are_run_in_single(folder: Path) -> None:
    model = transformers.AutoModelForVideoClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.to(torch.bfloat16).state_dict(), folder / "pytorch_model.bin")
    edit(folder / "config.json", dtype="bfloat16")
    base = Base.from_pretrained(folder, "cpu")
    assert {parameter.dtype for parameter in base.net.parameters()} == {torch.float32}
    assert base.features(CLIPS).dtype == torch.float32


def test_a_base_is_known_by_its_weights_processor_config_and_names(folder: Path, tmp_path: Path) -> None:
    def identity() -> str:
        return json.dumps(Base.from_pretrained(folder, "cpu").identity, sort_keys=True)

    found = {identity()}
    assert found == {identity()}
    edit(folder / "video_preprocessor_config.json", image_mean=[0.4, 0.5, 0.5])
    found.add(identity())
    edit(folder / "config.json", layer_norm_eps=1e-3)
    found.add(identity())
    edit(folder / "config.json", id2label={"0": "x", "1": "y", "2": "z"})
    found.add(identity())
    tiny_classifier(tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    found.add(identity())
    assert len(found) == 5


def test_attention_is_counted(folder: Path) -> None:
    base = Base.from_pretrained(folder, "cpu")
    counted = multiply_adds(base.net, base.input_spec)
    base.net.model.set_attn_implementation("eager")  # type: ignore[union-attr, operator]
    assert counted == multiply_adds(base.net, base.input_spec)


@pytest.mark.slow
def test_the_commands_take_such_a_base(tmp_path: Path, run: Run) -> None:
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / "data" / place).mkdir(parents=True)
        make_video(tmp_path / "data" / place / f"{place[-1]}.mp4", 80)
    base = f"hf:{tiny_classifier(tmp_path / 'mine', classes=('a', 'b'))}"
    how = ("--data", tmp_path / "data", "--base", base, "--clip-duration", 1, "--device", "cpu")
    weights = tmp_path / "ddnet.safetensors"
    assert run("distill", *how, "--steps", 2, "--batch", 4, "-o", weights).code == 0, run.err
    assert load_scorer(str(weights), "cpu").metadata["base"] == "mine"
    assert run("evaluate", "clips", *how, "--model", weights, "--out", tmp_path / "out").code == 0, run.err
    video = tmp_path / "data/val/a/a.mp4"
    assert run("classify", video, "--base", base, "--model", weights, "--json", "-").code == 0, run.err
    assert {*only_video(json.loads(run.out))} and '"base": "mine"' in run.out
