"""Classifiers of transformers as bases, against the library itself with the processor that lies beside them."""

import json
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from helpers.command_line import Run, only_video
from helpers.frame_fixtures import write
from helpers.hugging_face import CLASSES, FRAMES, KINDS, RESIZE, SIDE, classifier_config, tiny_classifier, transformers
from helpers.videos import make_video
from torch import Tensor

from clipselect.errors import ArgumentError, ClipselectError, MissingLibraryError
from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import known_clips, map_clips
from clipselect.media.clip_tensors import clip_arrays
from clipselect.media.sources import open_source
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import load_scorer

WIDE = np.random.default_rng(0).integers(0, 256, (2, FRAMES, RESIZE, 48, 3), dtype=np.uint8)
"""Clips of frames that the processors only crop."""
CLIPS = WIDE[:, :, 2:34, 8:40]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: tiny_classifier(tmp_path_factory.mktemp(kind) / kind, kind) for kind in KINDS}


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a VideoMAE to spoil."""
    return Path(shutil.copytree(folders["videomae"], tmp_path / "mine"))


def edit(file: Path, **settings: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


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


# --- errors ----------------------------------------------------------------------------------------------------------


def refused(model: object, *says: str, **options: Any) -> None:
    """One sentence that names the model and holds the words."""
    with pytest.raises(ClipselectError) as caught:
        load_base(f"hf:{model}", "cpu", **options)
    assert "\n" not in str(caught.value)
    for text in (str(model), *says):
        assert text in str(caught.value)


def test_a_folder_that_is_none_or_empty(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "no such folder")
    refused("", "no such folder")
    refused(tmp_path, "config.json", "save_pretrained")
    (tmp_path / "config.json").write_text("{")
    refused(tmp_path, "config.json")


def test_a_model_that_would_have_to_be_downloaded_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused("nobody/nothing", "no such folder", "download it", "give its folder")


def test_no_processor_beside_the_model(folder: Path) -> None:
    (folder / "video_preprocessor_config.json").unlink()
    refused(folder, "processor.save_pretrained")


def test_a_processor_for_another_number_of_frames(folder: Path, folders: dict[str, Path], tmp_path: Path) -> None:
    edit(folder / "video_preprocessor_config.json", num_frames=8)
    refused(folder, "takes 8 frames", "its network 4", "give frames")
    assert load_base(f"hf:{folder}", "cpu", frames=FRAMES).input_spec.frames == FRAMES
    refused(folder, "does not take clips of 8 frames", frames=8)
    free = load_base(f"hf:{folders['vjepa2']}", "cpu", frames=8)
    assert free.input_spec.frames == 8 and free.features(free.input_spec.blank()).shape == (1, 48)
    with pytest.raises(ArgumentError, match="frames must be 1 or more"):
        Base.from_pretrained(folder, "cpu", frames=0)


def test_a_processor_for_another_size(folder: Path) -> None:
    refused(folder, "processor", size=64)
    edit(folder / "video_preprocessor_config.json", crop_size={"height": 34, "width": 34})
    refused(folder, "does not take clips of 4 frames of 34 x 34")


@pytest.mark.parametrize(
    ("settings", "geometry"),
    [
        ({"size": {"shortest_edge": 32}}, "short_side:32"),
        ({"size": {"height": 40, "width": 53}}, "resize:40x53"),
        ({"size": {"height": 32, "width": 32}}, "squash"),
        ({"size": {"height": 32, "width": 32}, "do_center_crop": False}, "squash"),
        ({"do_center_crop": False}, None),
        ({"do_resize": False}, None),
        ({"size": {"shortest_edge": 24}}, None),
        ({"size": {"shortest_edge": 36, "longest_edge": 48}}, None),
        ({"crop_size": {"height": 32, "width": 36}}, None),
    ],
)
def test_frames_are_scaled_and_cropped_as_by_the_processor(
    settings: dict[str, Any], geometry: str | None, folder: Path
) -> None:
    edit(folder / "video_preprocessor_config.json", **settings)
    if geometry is None:
        refused(folder, "size, crop_size, do_resize and do_center_crop")
    else:
        assert str(load_base(f"hf:{folder}", "cpu").input_spec.geometry) == geometry


def test_a_video_gives_the_pixels_that_the_processor_makes_of_it(folder: Path, tmp_path: Path) -> None:
    for i in range(25):
        write(tmp_path / "frames" / f"{i:02d}.png", np.tile(np.arange(160, dtype=np.uint8)[:, None] + i, (90, 1, 3)))
    source = open_source(str(tmp_path / "frames"), fps=25)
    [clip] = clip_arrays(source, [Clip(Fraction(0), Fraction(1), 0, 24)], FRAMES)
    processor = transformers.AutoVideoProcessor.from_pretrained(folder)
    [expected] = processor(clip, do_sample_frames=False, return_tensors="pt")["pixel_values"]

    def difference(base: Base) -> float:
        spec = base.input_spec
        made: list[Tensor] = []
        cut = known_clips(source, [Clip(Fraction(0), Fraction(1), 0, 24)])
        map_clips(lambda batch: made.append(spec.normalise(batch.frames)), source, cut, spec.view_of(source), FRAMES)
        return float((made[0][0].transpose(0, 1) - expected).abs().mean())

    base = Base.from_pretrained(folder, "cpu")
    assert difference(base) < 0.02
    assert difference(base.with_geometry("squash")) > 0.1


def test_a_processor_that_makes_nothing_of_pixels(folder: Path) -> None:
    edit(folder / "video_preprocessor_config.json", rescale_factor=-1.0)
    refused(folder, "rescale_factor")
    edit(folder / "video_preprocessor_config.json", rescale_factor="much")
    refused(folder, "processor")


def test_a_checkpoint_of_other_classes_or_of_none(folder: Path) -> None:
    names = {str(i): f"class {i}" for i in range(5)}
    edit(folder / "config.json", id2label=names, label2id={name: int(i) for i, name in names.items()})
    refused(folder, "weights", "save model and config together")
    edit(folder / "config.json", id2label={"0": "a", "1": "a", "2": "b"}, label2id={"a": 1, "b": 2})
    refused(folder, "id2label")


def test_a_network_that_was_not_trained_to_classify(folder: Path) -> None:
    transformers.VideoMAEForPreTraining(classifier_config("videomae")).save_pretrained(folder)
    refused(folder, "lack classifier.bias, classifier.weight", "fine-tune")


def test_a_network_of_another_kind(folder: Path) -> None:
    edit(folder / "config.json", model_type="bert")
    refused(folder, "'bert'", "videomae")
    edit(folder / "config.json", model_type="videomae", problem_type="multi_label_classification")
    refused(folder, "multi_label_classification")


def test_code_that_comes_with_a_checkpoint_is_not_run(folder: Path) -> None:
    (folder / "mine.py").write_text("raise SystemExit('was run')")
    edit(folder / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.Mine"})
    refused(folder, "code of its own")


@pytest.mark.parametrize("spoil", ["missing", "cut", "pickle"])
def test_weights_that_cannot_be_read(spoil: str, folder: Path) -> None:
    weights = folder / "model.safetensors"
    if spoil == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        weights.unlink()
    if spoil == "pickle":
        torch.save({"model": torch.nn.Linear(1, 1)}, folder / "pytorch_model.bin")  # would run code
    refused(folder, "weights cannot be read")


def test_without_transformers_the_command_that_installs_them_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'clipselect\[transformers\]'"):
        Base.from_pretrained(folder, "cpu")


def test_the_library_may_print_again_afterwards(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    Base.from_pretrained(folder, "cpu")
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
