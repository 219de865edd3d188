"""What cannot be trained is refused before the images are embedded, which may take hours."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.identity_pictures import data_set
from helpers.set_networks import SPEC, tiny_base

import clipselect
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.training import set_training
from clipselect.training.runtime import Runtime

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call of `clipselect.train_set_network` that must not get as far as embedding."""
    monkeypatch.setattr(set_training, "embedded_images", lambda *_: pytest.fail("images are embedded"))

    def train(network: str, data: Path, **options: Any) -> ClipselectError:
        with pytest.raises(ClipselectError) as raised:
            options = {"base": tiny_base(), "device": "cpu", **options}
            clipselect.train_set_network(network, data, tmp_path / "o.safetensors", **options)
        return raised.value

    return train


@pytest.mark.parametrize("network", set_training.RECIPES)
def test_too_few_identities(network: str, refused: Any, tmp_path: Path) -> None:
    data = data_set(tmp_path / "people", identities=3, each=10)
    assert "3 identities to train on" in str(refused(network, data))


def test_names_that_two_folders_share_are_the_same_people(refused: Any, tmp_path: Path) -> None:
    both = [data_set(tmp_path / name, identities=3, each=10) for name in ("one", "two")]
    assert "3 identities to train on" in str(refused("nan", both, shared_names=True))
    with pytest.raises(pytest.fail.Exception, match="images are embedded"):  # six people are enough
        refused("nan", both)


@pytest.mark.parametrize("network", set_training.RECIPES)
def test_a_batch_that_processes_cannot_share(
    network: str, refused: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "world_size", 3)
    error = refused(network, data_set(tmp_path / "people", each=10), batch=16)
    assert isinstance(error, ArgumentError) and error.argument == "batch" and "3 processes" in str(error)


def test_a_base_that_cannot_be_cut(refused: Any, tmp_path: Path) -> None:
    base = Embedder.from_module(lambda x: x.mean((2, 3)), SPEC, name="blind", device="cpu")
    assert "base 'blind' cannot be cut" in str(refused("lfenet", data_set(tmp_path / "people", each=5), base=base))


def test_an_option_that_does_not_fit_the_transfer(refused: Any, tmp_path: Path) -> None:
    error = refused("lfenet", data_set(tmp_path / "people", each=5), relation="cosine")
    assert isinstance(error, ArgumentError) and error.argument == "relation"


def test_a_base_without_gradient(refused: Any, tmp_path: Path) -> None:
    base = Embedder.from_module(torch.no_grad()(lambda x: x.mean((2, 3))), SPEC, name="blind", device="cpu")
    error = refused("fan", data_set(tmp_path / "people", each=12), base=base)
    assert "base blind passes no gradient to its input; give a network of PyTorch" in str(error)


def test_a_fan_whose_base_is_on_another_device(refused: Any, tmp_path: Path) -> None:
    base = replace(tiny_base(), device=torch.device("cuda", 1))
    error = refused("fan", data_set(tmp_path / "people", each=12), base=base)
    assert isinstance(error, ArgumentError) and error.argument == "device"
    assert str(error) == "device is cpu, and the base is on cuda:1; load the base on cpu, too"


def test_a_fan_without_a_positive(refused: Any, tmp_path: Path) -> None:
    data = data_set(tmp_path / "people", identities=4, each=3)
    for path in (*data.glob("train/p[23]/1.png"), *data.glob("train/p[23]/2.png")):
        path.unlink()
    error = str(refused("fan", data))
    assert "train/p2/0.png and the other images" in error and "add a second image" in error
