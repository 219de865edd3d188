"""A DDNet scores elements, whatever their batch, or says in one sentence why it does not."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.frame_fixtures import HALF, noise, tiny_ddnet

from clipselect.errors import ArgumentError, ClipselectError, NetworkError
from clipselect.media.images import Image
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.scoring import shipped
from clipselect.scoring.input_spec import batches
from clipselect.scoring.scorer import IMAGE_BATCH, Scorer, load_scorer
from clipselect.scoring.weights_file import load_weights, save_weights


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors", height=24, width=16)


@pytest.fixture(scope="module")
def scorer(path: Path) -> Scorer:
    return load_scorer(path, "cpu", elements="frames")


@pytest.fixture(scope="module")
def mixed() -> list[Image]:
    """Frames of many sizes, dark ones and bright ones, more than two batches of them."""
    return [noise(5 + 7 * i % 60, 4 + 11 * i % 70, i) // (1 + i % 9) for i in range(2 * IMAGE_BATCH + 7)]


def changed(path: Path, out: Path, **metadata: Any) -> Path:
    """The same weights with other metadata; None takes a key away."""
    tensors, about = load_weights(path, "ddnet")
    about = {key: value for key, value in (about | metadata).items() if value is not None}
    save_weights(out, tensors, about)
    return out


def refused(path: Path | str, *says: str) -> None:
    with pytest.raises(ClipselectError) as caught:
        load_scorer(path, "cpu", elements="frames")
    assert "\n" not in str(caught.value)
    for text in (str(path), *says):
        assert text in str(caught.value)


def test_scores_are_those_of_the_network(scorer: Scorer, mixed: list[Image]) -> None:
    pixels = np.stack([scorer.input_spec.squash(frame) for frame in mixed])
    x = (torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        expected = torch.sigmoid(scorer.net.logits(x.permute(0, 3, 1, 2).contiguous())).numpy()
    found = scorer.score_images(mixed)
    assert found.dtype == np.float32 and found == pytest.approx(expected, abs=1e-5)
    assert ((found > 0) & (found < 1)).all() and np.ptp(found) > 0.2


def test_a_score_does_not_depend_on_the_batch_bit_for_bit(scorer: Scorer, mixed: list[Image]) -> None:
    together = scorer.score_images(mixed)
    assert [float(scorer.score_images([frame])[0]) for frame in mixed] == together.tolist()
    for first, last in ((1, 4), (0, IMAGE_BATCH), (3, IMAGE_BATCH + 20), (IMAGE_BATCH, len(mixed))):
        assert scorer.score_images(mixed[first:last]).tolist() == together[first:last].tolist()
    assert scorer.score_images(mixed[::-1]).tolist() == together[::-1].tolist()


def test_the_papers_network_scores_alike_in_every_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {"dims": 2, "widths": (8, 16, 32, 48), "depths": (2, 2, 2, 2), "stem_stride": 1}
    about = {"kind": "ddnet", "name": "paper", "config": config, "mean": HALF, "std": HALF, "height": 112, "width": 112}
    net = DDNet(DDNetConfig(**config))  # type: ignore[arg-type]
    torch.nn.init.normal_(net.head.weight, std=3)
    save_weights(tmp_path / "paper.safetensors", net.state_dict(), about)
    scorer = load_scorer(tmp_path / "paper.safetensors", "cpu", elements="frames")
    frames = [noise(112, 112, seed) for seed in range(7)]
    together = scorer.score_images(frames)
    for size in (1, 2, 3):
        assert np.concatenate([scorer.score_images(b) for b in batches(frames, size)]).tolist() == together.tolist()


def test_elements_of_another_shape_are_refused(scorer: Scorer) -> None:
    for wrong in (np.zeros((2, 16, 24, 3), np.uint8), np.zeros((24, 16, 3), np.uint8)):
        with pytest.raises(ArgumentError, match=r"elements must be \[n, 24, 16, 3\] for 'tiny0', got"):
            scorer.score(wrong)


def test_no_frames_no_scores(scorer: Scorer) -> None:
    assert scorer.score_images([]).shape == (0,) and scorer.score_images(iter([])).dtype == np.float32


def test_no_more_than_a_batch_of_frames_is_held(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, seen = 0, list[int]()
    original = Scorer.score

    def frames() -> Iterator[Image]:
        nonlocal asked
        for asked in range(1, 3 * IMAGE_BATCH + 1):
            yield noise(24, 16, asked)

    monkeypatch.setattr(Scorer, "score", lambda self, b: (seen.append(asked), original(self, b))[1])
    assert len(scorer.score_images(frames())) == 3 * IMAGE_BATCH
    assert seen == [IMAGE_BATCH, 2 * IMAGE_BATCH, 3 * IMAGE_BATCH]


def test_black_and_white_are_scored_without_a_warning(scorer: Scorer) -> None:
    clip_scorer = load_scorer(device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = [*scorer.score_images([np.full((1, 1, 3), value, np.uint8) for value in (0, 255)])]
        for value in (0, 255):
            scores += [*clip_scorer.score(np.full_like(clip_scorer.input_spec.blank(2), value))]
    assert len(scores) == 6 and all(0 < score < 1 for score in scores)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_named(path: Path, tmp_path: Path, value: float) -> None:
    tensors, about = load_weights(path, "ddnet")
    tensors["stem.0.weight"][0, 0, 0, 0] = value
    save_weights(tmp_path / "nan.safetensors", tensors, about | {"name": "broken"})
    with pytest.raises(NetworkError, match="model 'broken' gives scores that are not numbers; distil it again"):
        load_scorer(tmp_path / "nan.safetensors", "cpu", elements="frames").score_images([noise()])


@pytest.mark.parametrize("size", [1, 3, 4, 7, 8])
def test_batches_are_whole_but_for_the_last(size: int) -> None:
    found = [*batches(iter(range(7)), size)]
    assert [item for batch in found for item in batch] == [*range(7)]
    assert all(len(batch) == size for batch in found[:-1]) and 1 <= len(found[-1]) <= size
    assert [*batches([], size)] == []


def test_what_was_saved_is_what_is_loaded(scorer: Scorer) -> None:
    assert scorer.name == "tiny0" and (scorer.input_spec.height, scorer.input_spec.width) == (24, 16)
    assert scorer.input_spec.mean == HALF and not scorer.net.training and scorer.metadata["config"]["dims"] == 2


def test_weights_for_clips_are_refused_for_frames_and_the_other_way_round(path: Path) -> None:
    with pytest.raises(ClipselectError, match=r"ddnet3d_actions\.safetensors: a 3D DDNet for clips; frames need a 2D"):
        load_scorer("ddnet3d-actions", "cpu", elements="frames")
    assert load_scorer(path, "cpu").name == "tiny0" and load_scorer("ddnet3d-actions", "cpu").clip_duration > 0
    with pytest.raises(ClipselectError, match=r"tiny\.safetensors: a 2D DDNet for frames; clips need a 3D one"):
        load_scorer(path, "cpu", elements="clips")


@pytest.mark.parametrize("model", ["", 5, ["ddnet2d-faces"]])
def test_a_model_that_is_no_name_and_no_path_is_refused(model: Any) -> None:
    with pytest.raises(ArgumentError, match="a name or the path") as raised:
        load_scorer(model)
    assert raised.value.argument == "scorer"


def test_unknown_models_and_absent_devices_are_named(path: Path, tmp_path: Path) -> None:
    refused("no-such", "ddnet2d-faces")
    (tmp_path / "a.safetensors").write_bytes(b"no weights")
    refused(tmp_path / "a.safetensors", "not a safetensors file")
    for name in ("cuda:99", "meta", "toaster"):
        with pytest.raises(ArgumentError, match=f"device .*'{name}'"):
            load_scorer(path, name, elements="frames")


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": None},
        {"height": 4},
        {"width": "16"},
        {"mean": [0.5]},
        {"std": [0, 0, 0]},
        {"name": None},
        {"config": None},
        {"config": [1, 2]},
        {"config": {"dims": 2, "widths": [4, 4, 8, 9], "depths": [1, 1, 1, 1]}},
        {"config": {"dims": 4, "widths": [4, 4, 8, 8], "depths": [1, 1, 1, 1]}},
        {"config": {"dims": 2, "widths": [4, 4, 8, 8], "depths": [1, 1, 1]}},
        {"config": {"dims": 2, "colour": "blue"}},
    ],
)
def test_metadata_that_describe_no_ddnet_are_refused(path: Path, tmp_path: Path, wrong: dict[str, Any]) -> None:
    refused(changed(path, tmp_path / "a.safetensors", **wrong), "do not describe one DDNet; distil it again")


def test_a_ddnet_that_would_crop_is_refused(tmp_path: Path) -> None:
    clips = shipped.weights_path("ddnet3d-actions", shipped.DDNETS)
    cropping = changed(clips, tmp_path / "a.safetensors", geometry={"resize": 128, "crops": 1})
    refused(cropping, "do not describe one DDNet; distil it again")


def test_damaged_weights_and_those_of_a_base_are_refused(path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "a.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 64
    damaged.write_bytes(data)
    refused(damaged, "do not match their hash")
    refused(changed(path, damaged, kind="base"), "weights of kind base; give a file of kind ddnet")
