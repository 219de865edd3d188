"""Weights of networks of sets: written, loaded for the base that they were trained for, and refused for others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.set_networks import ARCHITECTURE, DIM, tiny_base, write_lfenet

from clipselect.errors import ArgumentError, ClipselectError, NetworkError
from clipselect.scoring.weights_file import Metadata, save_weights
from clipselect.sets.lfenet import new_lfenet
from clipselect.sets.set_network import KIND, SetNetwork, load_set_network

pytestmark = pytest.mark.usefixtures("one_thread")

FACES = np.random.default_rng(0).integers(0, 256, (4, 20, 20, 3)).astype(np.uint8)


@pytest.fixture
def network(tmp_path: Path) -> SetNetwork:
    base = tiny_base()
    return load_set_network(write_lfenet(tmp_path / "lfenet.safetensors", base), base)


def test_it_embeds_a_set_in_one_or_two_steps(network: SetNetwork) -> None:
    feature = network.embed([*FACES])
    assert feature.shape == (DIM,) and feature.dtype == np.float32 and network.name == "lfenet"
    maps = network.frame_features([*FACES])
    np.testing.assert_allclose(network.set_feature(maps[[3, 1, 0, 2]]), feature, atol=1e-5)
    assert not np.allclose(network.set_feature(maps[:2]), feature)
    with pytest.raises(ValueError, match="at least one image"):
        network.embed([])


def test_without_values_it_is_the_average_of_the_base(tmp_path: Path) -> None:
    base = tiny_base()
    unchanged = load_set_network(write_lfenet(tmp_path / "a.safetensors", base, factor=0), base)
    rows = base.embed(FACES)
    average = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(0)
    np.testing.assert_allclose(unchanged.embed([*FACES]), average, atol=1e-5)


def test_the_cost_of_a_set_is_that_of_its_images_and_the_transfer(network: SetNetwork) -> None:
    assert network.multiply_adds is not None
    base = tiny_base().gflops or 0
    transfer = network.module.transfer_multiply_adds(3, 16)
    assert network.multiply_adds(3) == pytest.approx(3e9 * base + transfer, rel=1e-6)


def test_a_frozen_base_is_not_in_the_file_and_is_not_changed(tmp_path: Path) -> None:
    base = tiny_base()
    before = base.embed(FACES)
    frozen, whole = (write_lfenet(tmp_path / f"{f}.safetensors", base, frozen=f) for f in (True, False))
    assert frozen.stat().st_size < whole.stat().st_size and b"backbone" not in frozen.read_bytes()
    one, other = (load_set_network(path, base) for path in (frozen, whole))
    np.testing.assert_allclose(one.embed([*FACES]), other.embed([*FACES]), atol=1e-6)
    with torch.no_grad():
        other.module.backbone.head.weight.zero_()  # type: ignore[union-attr,operator]
    assert np.array_equal(base.embed(FACES), before)


def test_another_base_is_refused(tmp_path: Path) -> None:
    path = write_lfenet(tmp_path / "a.safetensors", tiny_base())
    with pytest.raises(ArgumentError, match=r"^base must be tiny, .* other weights"):
        load_set_network(path, tiny_base(seed=1))


def test_a_device_on_which_the_base_is_not_is_refused(tmp_path: Path) -> None:
    base = tiny_base()
    path = write_lfenet(tmp_path / "a.safetensors", base)
    with pytest.raises(ArgumentError, match="device is cpu, and the base is on cuda:1"):
        load_set_network(path, replace(base, device=torch.device("cuda", 1)), device="cpu")
    assert load_set_network(path, base, device="cpu").device == base.device


@pytest.mark.parametrize(
    "change",
    [
        {"relation": "softmax_a"},
        {"relation": "cosine"},
        {"width": 4},
        {"network": "sfenet"},
        {"network": "fan"},
        {"ending": "paper"},
    ],
)
def test_weights_of_another_relation_or_network_are_refused(tmp_path: Path, change: Metadata) -> None:
    base = tiny_base()
    net = new_lfenet(base, ARCHITECTURE)
    about = {"kind": KIND, "network": "lfenet", "name": "a", "base": "tiny", "base_sha256": base.sha256}
    save_weights(tmp_path / "a.safetensors", net.state_dict(), {**about, **ARCHITECTURE, **change})
    with pytest.raises(ClipselectError, match=r"a\.safetensors: its metadata and its tensors do not describe one"):
        load_set_network(tmp_path / "a.safetensors", base)


def test_what_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_base()
    with pytest.raises(NetworkError, match=r"a\.safetensors: holds weights that are not numbers"):
        load_set_network(write_lfenet(tmp_path / "a.safetensors", base, factor=float("nan")), base)
    network = load_set_network(write_lfenet(tmp_path / "b.safetensors", base), base)
    monkeypatch.setattr(network.module, "set_feature", lambda maps: torch.full((5,), torch.inf))
    with pytest.raises(NetworkError, match="b gives features that are not numbers"):
        network.embed([*FACES])
