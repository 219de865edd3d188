"""Classifiers of transformers that cannot be used are refused in a sentence that says why."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from helpers.frame_fixtures import write
from helpers.hugging_face import FRAMES, classifier_config, edit, transformers
from torch import Tensor

from clipselect.errors import ArgumentError, ClipselectError, MissingLibraryError
from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import known_clips, map_clips
from clipselect.media.clip_tensors import clip_arrays
from clipselect.media.sources import open_source


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
