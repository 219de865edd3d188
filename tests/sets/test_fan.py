"""FAN as a network of sets: one image of several, its feature, segments, costs; and its image without a base."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.set_networks import DIM, SPEC, tiny_base, write_fan, write_lfenet
from PIL import Image as Pillow

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, NetworkError
from clipselect.sets.aggregated_face import AggregatedFace, load_face_aggregator
from clipselect.sets.attention_picture import attention_maps
from clipselect.sets.fan import base_features, fan_input
from clipselect.sets.set_network import SetNetwork, load_set_network

pytestmark = pytest.mark.usefixtures("one_thread")

FACES = np.random.default_rng(0).integers(0, 256, (7, 20, 24, 3)).astype(np.uint8)


@pytest.fixture
def base() -> Embedder:
    return tiny_base()


@pytest.fixture
def network(base: Embedder, tmp_path: Path) -> SetNetwork:
    return load_set_network(write_fan(tmp_path / "fan.safetensors", base), base)


def test_the_feature_is_that_of_the_image_which_is_shown(network: SetNetwork, base: Embedder, tmp_path: Path) -> None:
    face = load_face_aggregator(tmp_path / "fan.safetensors", "cpu").aggregate(FACES[:3])
    shown = base.embed([face.image])[0]
    np.testing.assert_allclose(network.embed(FACES[:3]), shown / np.linalg.norm(shown), atol=0.02)  # 8 bits
    assert face.image.shape == (16, 16, 3) and face.image.dtype == np.uint8 and face.frames == 3


def test_longer_sets_become_several_images_whose_features_are_averaged(network: SetNetwork) -> None:
    pixels = network.frame_features(FACES)
    parts = [network.set_feature(pixels[rows]) for rows in (slice(3), slice(3, 5), slice(5, 7))]  # not 3, 3 and 1
    mean = np.average(parts, axis=0, weights=[3, 2, 2])
    np.testing.assert_allclose(network.set_feature(pixels), mean, atol=1e-6)
    assert abs(mean - np.mean(parts, axis=0)).max() > 1e-5  # every frame weighs the same, not every image
    assert network.set_feature(pixels).shape == (DIM,)
    np.testing.assert_allclose(network.set_feature(pixels[[2, 0, 1, 1]][:3]), parts[0], atol=1e-5)


def test_a_base_sees_its_own_normalisation(base: Embedder) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    rows = base.embed(pixels)
    own = base_features(base, fan_input(SPEC).normalise(pixels)).detach().numpy()
    np.testing.assert_allclose(own, rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-5)


def test_the_cost_grows_with_the_images_and_the_segments(network: SetNetwork, base: Embedder) -> None:
    cost = network.multiply_adds
    assert cost is not None and base.gflops
    one, two, three, four = (cost(count) for count in (1, 2, 3, 4))
    assert three - two == two - one > 0
    last = 9 * (2 * 2 + 2 * 3) * 16 * 16  # the convolutions after the maximum
    assert four - three == pytest.approx(two - one + last + 1e9 * base.gflops)


def test_an_untrained_file_of_another_kind_is_refused(base: Embedder, tmp_path: Path) -> None:
    with pytest.raises(
        ClipselectError, match=r"a\.safetensors: is a network of kind lfenet; give the weights of a fan"
    ):
        load_face_aggregator(write_lfenet(tmp_path / "a.safetensors", base))
    changes: list[dict[str, Any]] = [{"width": 3}, {"sides": [16]}, {"sides": None}, {"sides": [16, 18]}]
    for change in changes:
        path = write_fan(tmp_path / "b.safetensors", base, **change)
        with pytest.raises(ClipselectError, match=r"b\.safetensors: its metadata and its tensors do not describe one"):
            load_face_aggregator(path)
    with pytest.raises(ArgumentError, match="base must be tiny"):
        load_set_network(write_fan(tmp_path / "c.safetensors", base), tiny_base(seed=4))


def test_the_file_says_that_it_is_no_photograph(tmp_path: Path) -> None:
    AggregatedFace(FACES[0], 1).save(tmp_path / "one.png")
    with Pillow.open(tmp_path / "one.png") as image:
        assert image.text["Description"] == "made by a network from 1 frame: not a photograph"  # type: ignore[attr-defined]
        np.testing.assert_array_equal(np.asarray(image), FACES[0])


def test_sets_of_no_or_too_many_images_are_refused(base: Embedder, tmp_path: Path) -> None:
    maker = load_face_aggregator(write_fan(tmp_path / "fan.safetensors", base), "cpu")
    for count in (0, maker.max_images + 1):
        with pytest.raises(ValueError, match="one image is made of 1 to 32 images"):
            maker.aggregate([FACES[0]] * count)


def test_segments_may_be_others_than_in_training(base: Embedder, network: SetNetwork, tmp_path: Path) -> None:
    whole = load_set_network(tmp_path / "fan.safetensors", base, max_segment=7)
    pixels = whole.frame_features(FACES)
    assert whole.module.images_embedded(7) == 1 and network.module.images_embedded(7) == 3
    assert abs(whole.set_feature(pixels) - network.set_feature(pixels)).max() > 1e-5
    assert whole.sha256 != network.sha256  # what is kept of one is not taken for the other's
    assert load_set_network(tmp_path / "fan.safetensors", base, max_segment=3).sha256 == network.sha256
    for wrong in (0, 33):
        with pytest.raises(ArgumentError, match="max_segment must be"):
            load_set_network(tmp_path / "fan.safetensors", base, max_segment=wrong)


def test_what_is_no_image_or_no_number_is_refused(base: Embedder, tmp_path: Path) -> None:
    maker = load_face_aggregator(write_fan(tmp_path / "fan.safetensors", base), "cpu")
    with pytest.raises(ValueError, match="images must be"):
        maker.aggregate([FACES[0].astype(np.float32)])
    with pytest.raises(ClipselectError, match=r"one\.jpg: the image is written as PNG"):
        maker.aggregate([FACES[0]]).save(tmp_path / "one.jpg")
    maker.module.last[-1][0].bias.data[0] = torch.nan  # type: ignore[index]
    with pytest.raises(NetworkError, match="fan makes an image that is not a number"):
        maker.aggregate([FACES[0]])


def test_faces_of_another_shape_are_said(base: Embedder, tmp_path: Path) -> None:
    maker = load_face_aggregator(write_fan(tmp_path / "fan.safetensors", base), "cpu")
    with pytest.warns(ClipselectWarning, match="needs aligned faces of 16 x 16") as said:
        maker.aggregate([FACES[0]])  # 20 x 24
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maker.aggregate([FACES[0][:, :21]])


def test_a_fan_relates_no_regions(network: SetNetwork) -> None:
    with pytest.raises(ArgumentError, match="network must be an LFENet"):
        attention_maps(network, FACES[:2])
