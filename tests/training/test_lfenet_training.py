"""Training a network of sets as a library function: losses, what is frozen, resumption, errors."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.identity_pictures import data_set
from helpers.set_networks import SPEC, sent_examples, tiny_base
from helpers.set_networks import train as train_set_network
from helpers.training_data import assert_same_weights
from torch import nn

import clipselect
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.media.progress import Progress
from clipselect.scoring.weights_file import load_weights
from clipselect.training import lfenet_training
from clipselect.training.lfenet_training import LOSSES, restoration_loss

pytestmark = pytest.mark.usefixtures("one_thread")

train = partial(train_set_network, "lfenet")


def test_restoration_by_hand() -> None:
    clean = torch.eye(2)[None]  # the mean lies at 45 degrees of both
    apart = 1 - 0.5**0.5
    good = torch.tensor([[True, False]])
    assert float(restoration_loss(clean, clean, good)) == pytest.approx(apart, abs=1e-6)
    moved = torch.tensor([[[1.0, 1.0], [2.0, 2.0]]])  # both at the mean, of any length
    assert float(restoration_loss(moved, clean, good, keep_good=0)) == pytest.approx(0, abs=1e-6)
    assert float(restoration_loss(moved, clean, good, keep_good=2)) == pytest.approx(2 * apart, abs=1e-6)
    assert float(restoration_loss(moved, clean, ~good & good)) == pytest.approx(0, abs=1e-6)  # no good image


@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_trained_by_every_loss_and_loads(loss: str, faces: Path, tmp_path: Path) -> None:
    base, failed = tiny_base(), list[str]()
    before = base.embed(SPEC.blank(1))
    made = train(
        faces,
        tmp_path / "o.safetensors",
        base=base,
        loss=loss,
        on_error=lambda path, _: failed.append(Path(path).name),
    )
    assert failed == ["bad.png"] and made.metadata["failed"] == 1
    assert (made.metadata["identities"], made.metadata["held_out"]["identities"]) == (4, 2)
    network = clipselect.load_set_network(made.weights, base)
    assert network.embed([*SPEC.blank(3)]).shape == (5,)
    assert np.array_equal(base.embed(SPEC.blank(1)), before)
    tensors, metadata = load_weights(made.weights, "set_network")
    assert metadata["frozen"] == (loss == "restoration") == (not any("backbone" in name for name in tensors))
    assert "average of the base" in made.card.read_text() and "base='tiny'" in metadata["command"]


def test_the_loss_falls_on_a_few_identities(faces: Path, tmp_path: Path) -> None:
    shown = list[float]()

    def note(progress: Progress) -> None:
        if progress.stage == "training the LFENet" and progress.note:
            shown.append(float(progress.note.removeprefix("loss ")))

    train(faces, tmp_path / "o.safetensors", steps=150, batch=8, learning_rate=0.02, bottleneck=None, progress=note)
    assert np.mean(shown[-10:]) < 0.85 * np.mean(shown[:10])


@pytest.mark.parametrize("loss", [LOSSES[0], "softmax"])
def test_examples_can_be_sent_to_spawned_workers(
    loss: str, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = sent_examples(lfenet_training, monkeypatch)
    train(faces, tmp_path / "o.safetensors", loss=loss)
    assert len(drawn) == 1


def test_a_stopped_run_ends_as_one_left_alone(faces: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("training the LFENet", 2):
            raise KeyboardInterrupt

    options = {"base": tiny_base(), "checkpoint_minutes": 0, "loss": "softmax", "ending": "paper"}
    train(faces, tmp_path / "whole.safetensors", **options)
    with pytest.raises(KeyboardInterrupt):
        train(faces, tmp_path / "parts.safetensors", progress=stop, **options)
    train(faces, tmp_path / "parts.safetensors", **options)
    assert_same_weights(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors")


def test_a_checkpoint_of_another_relation_is_refused(faces: Path, tmp_path: Path) -> None:
    train(faces, tmp_path / "a.safetensors", work=tmp_path / "work")
    with pytest.raises(ClipselectError, match=r"lfenet\.ckpt: a checkpoint of a run with other options"):
        train(faces, tmp_path / "b.safetensors", work=tmp_path / "work", relation="scaled_dot")


def test_identities_with_few_images_are_said_once(faces: Path, tmp_path: Path) -> None:
    with pytest.warns(ClipselectWarning) as said:
        train(faces, tmp_path / "o.safetensors", images_per_set=7)
    few = [str(w.message) for w in said if "repeat images" in str(w.message)]
    assert few == ["6 identities have fewer than 7 images; their sets repeat images"]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* identities have fewer")
        train(faces, tmp_path / "p.safetensors", images_per_set=1)


class NoNumber(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.forward_features(x)  # type: ignore[operator]

    def forward_head(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.net.forward_head(x)  # type: ignore[operator]
        return y * torch.nan if torch.is_grad_enabled() else y


def test_a_loss_that_is_no_number_stops_the_training(faces: Path, tmp_path: Path) -> None:
    inner = tiny_base().run
    assert isinstance(inner, nn.Module)
    base = Embedder.from_module(NoNumber(inner), SPEC, name="broken", device="cpu")
    with pytest.raises(ClipselectError, match="the loss is not a number at step 0: choose a smaller learning rate"):
        train(faces, tmp_path / "o.safetensors", base=base)
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("loss", "triplet"), ("relation", "cosine"), ("ending", "mine"), ("ending", "paper"), ("images_per_set", 0),
        ("keep_good", -1.0), ("keep_good", float("nan")), ("backbone_learning_rate", -0.1), ("batch", 1), ("steps", 0),
        ("max_segment", 0), ("learning_rate", float("nan")), ("images_per_set", 2.5), ("keep_good", "x"),
        ("backbone_learning_rate", "x"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_name_the_argument(argument: str, value: Any, faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as refused:
        train(faces, tmp_path / "o.safetensors", **{argument: value})
    assert refused.value.argument == argument


def test_other_networks_and_options_are_refused(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"network must be one of nan, .*fan, got sfenet"):
        clipselect.train_set_network("sfenet", faces, tmp_path / "o.safetensors", base=tiny_base())
    with pytest.raises(TypeError, match=r"lfenet has no option 'theta'; the options are .*loss, relation"):
        train(faces, tmp_path / "o.safetensors", theta=3)


def test_too_few_identities_are_refused(tmp_path: Path) -> None:
    data_set(tmp_path / "people", identities=3, each=4)
    with pytest.raises(ClipselectError, match="add identities or images"):
        train(tmp_path / "people", tmp_path / "o.safetensors")
    data_set(tmp_path / "single", identities=6, each=1)
    with pytest.raises(ClipselectError, match="6 identities to train on, 0 of them with two images"):
        train(tmp_path / "single", tmp_path / "p.safetensors")
