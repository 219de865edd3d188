"""The video networks of torchvision as bases: each builds, fits its checkpoints, and gives features and answers."""

import argparse
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from clipselect.zoo import torchvision_networks
from clipselect.zoo.loading import load_base
from clipselect.zoo.torchvision_networks import CLIPS, torchvision_network
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models, video

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.media.geometry import Geometry

FEATURES = {"s3d": 1024, "mvit_v1_b": 768, "mvit_v2_s": 768, "swin3d_t": 768, "swin3d_s": 768, "swin3d_b": 1024}
HEAVY = ("mvit_v1_b", "mvit_v2_s", "swin3d_s", "swin3d_b")

Checkpoint = Callable[[str], tuple[nn.Module, Path]]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """A network for five classes with random weights, and a file of them as torchvision's training scripts save it."""

    def make(name: str) -> tuple[nn.Module, Path]:
        torch.manual_seed(0)
        net, path = get_model(name, weights=None, num_classes=5).eval(), tmp_path / f"{name}.pth"
        torch.save({"model": net.state_dict(), "epoch": 3, "args": argparse.Namespace(lr=0.1)}, path)
        return net, path

    return make


def test_all_networks_of_torchvision_are_known() -> None:
    assert {*CLIPS} == {*list_models(module=video)}


@pytest.mark.parametrize("name", CLIPS)
def test_the_input_is_that_of_the_preset_of_the_weights(name: str) -> None:
    network, weights = torchvision_network(name), get_model_weights(name).DEFAULT
    preset = weights.transforms()
    assert [network.size] * 2 == [*preset.crop_size] and [*network.mean, *network.std] == [*preset.mean, *preset.std]
    for height, width in ((480, 640), (640, 480)):
        pictures = preset_pictures(preset.resize_size, height, width)
        assert network.geometry.picture_size(network.size, width / height) == pictures
    assert f"clip_len={network.frames}`" in weights.meta["_docs"].replace(" ", "")
    assert f"frame_rate={network.frames / network.seconds:g}`" in weights.meta["_docs"].replace(" ", "")
    assert network.frames >= (weights.meta.get("min_temporal_size") or 1)
    assert network.published_classes is not None and len(network.published_classes) == 400


def preset_pictures(resize_size: list[int], height: int, width: int) -> tuple[int, int]:
    from torchvision.transforms.functional import resize

    found = resize(torch.zeros(3, height, width), resize_size, antialias=False).shape
    return found[1], found[2]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in CLIPS])
def test_a_checkpoint_gives_features_and_the_answers_of_its_network(name: str, checkpoint: Checkpoint) -> None:
    net, path = checkpoint(name)
    base = load_base(
        f"torchvision:{name}:{path}", "cpu", **({} if name.startswith("mvit") else {"size": 64, "frames": 8})
    )
    clip = np.random.default_rng(0).integers(0, 255, (1, *base.input_spec.shape), dtype=np.uint8)
    features, probabilities = base.outputs(clip)
    assert base.name == name and base.classes == tuple("01234")
    assert features.shape == (1, FEATURES.get(name, 512)) and bool(features.std() > 0)
    inputs = base.input_spec.normalise(clip)
    with torch.inference_mode():
        if name == "s3d":  # which refuses clips this small; its head is linear, so it may follow the mean
            logits = net.classifier(features[..., None, None, None]).flatten(1)
        else:
            logits = net(inputs)
            assert base.head is not None and torch.allclose(base.head(features), logits, atol=1e-5)
    assert torch.allclose(probabilities, logits.softmax(1), atol=1e-5)


def test_a_small_input_has_the_geometry_of_the_preset_made_small(checkpoint: Checkpoint) -> None:
    _, path = checkpoint("mc3_18")
    assert load_base(f"torchvision:mc3_18:{path}", "cpu").input_spec.geometry == Geometry((128, 171))
    small = load_base(f"torchvision:mc3_18:{path}", "cpu", size=56, frames=4)
    assert small.input_spec.geometry == Geometry((64, 86))
    assert small.with_geometry("squash").identity != small.identity


@pytest.mark.parametrize(
    ("base", "problem"),
    [
        ("torchvision", "no video network ''; choose one of r3d_18, "),
        ("torchvision:r3d_19:x.pt", "no video network 'r3d_19'; choose one of r3d_18, "),
        ("torchvision:r3d_18", "torchvision:r3d_18:CHECKPOINT, or torchvision:r3d_18:pretrained"),
        ("torchvision:r3d_18:", "torchvision:r3d_18:CHECKPOINT, or torchvision:r3d_18:pretrained"),
        ("torchvision:r3d_18:gone.pt", r"gone\.pt: no such checkpoint"),
    ],
)
def test_what_names_no_weights_is_refused(base: str, problem: str) -> None:
    with pytest.raises(ClipselectError, match=problem):
        load_base(base, "cpu")


def test_checkpoints_of_other_networks_and_classes_are_named(checkpoint: Checkpoint) -> None:
    _, path = checkpoint("mc3_18")
    with pytest.raises(ClipselectError, match=r"mc3_18\.pth: does not fit the network: .*layer2"):
        load_base(f"torchvision:r3d_18:{path}", "cpu")
    with pytest.raises(
        ClipselectError, match=r"mc3_18\.pth: has no head\.weight, so it is no checkpoint of .*swin3d_t"
    ):
        load_base(f"torchvision:swin3d_t:{path}", "cpu")
    with pytest.raises(ClipselectError, match="has 5 outputs, but 6 classes are named"):
        load_base(f"torchvision:mc3_18:{path}", "cpu", classes=tuple("abcdef"))
    with pytest.raises(ClipselectError, match="has 5 outputs and no names for them, but the data have 3 classes"):
        load_base(f"torchvision:mc3_18:{path}", "cpu").named(("a", "b", "c"))


def test_learnt_positions_allow_no_other_clip() -> None:
    for argument, given in (("base_size", {"size": 112}), ("base_frames", {"frames": 8})):
        with pytest.raises(ArgumentError, match=r"for .*mvit_v2_s") as raised:
            load_base("torchvision:mvit_v2_s:x.pt", "cpu", **given)
        assert raised.value.argument == argument


def test_published_weights_bring_the_names_of_their_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    def published(_: object) -> dict[str, torch.Tensor]:
        return dict(get_model("mc3_18", weights=None).state_dict())

    monkeypatch.setattr(torchvision_networks, "_download", published)
    base = load_base("torchvision:mc3_18:pretrained", "cpu", size=64, frames=4)
    assert len(base.classes) == 400 and base.classes[5] == "archery" and base.has_names


def test_no_network_for_a_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(_: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision_networks, "_download", offline)
    with pytest.raises(ClipselectError, match=r"weights of torchvision:mc3_18 cannot be downloaded .*checkpoint file"):
        load_base("torchvision:mc3_18:pretrained", "cpu")
