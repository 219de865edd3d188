"""Training networks that weigh the base's features: the features are computed once, resumption, errors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.frame_fixtures import blocks, people, textured
from helpers.set_networks import SPEC, sent_examples, tiny_base, train
from helpers.training_data import assert_same_weights

import clipselect
from clipselect.data.identities import LabelledImages
from clipselect.errors import ArgumentError
from clipselect.media.progress import Progress
from clipselect.scoring.weights_file import load_weights
from clipselect.sets.set_network import AGGREGATORS
from clipselect.training import aggregator_training
from clipselect.training.aggregator_training import LOSSES, centroid_loss
from clipselect.training.held_out_sets import HeldOutFeatures
from clipselect.training.set_examples import SetImages, drawn_set

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_loss_by_hand() -> None:
    features, centroids = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    assert float(centroid_loss(features, centroids)) == pytest.approx((1 - 0.5**0.5) / 2, abs=1e-6)


@pytest.mark.parametrize("network", AGGREGATORS)
@pytest.mark.parametrize("loss", ["centroid", "arcface"])
def test_it_is_trained_and_loads(network: str, loss: str, faces: Path, tmp_path: Path) -> None:
    base, failed = tiny_base(), list[str]()
    made = train(
        network, faces, tmp_path / "o.safetensors", base=base, loss=loss,
        on_error=lambda path, _: failed.append(Path(path).name),
    )  # fmt: skip
    assert failed == ["bad.png"] and made.metadata["failed"] == 1
    assert (made.metadata["identities"], made.metadata["held_out"]["identities"]) == (4, 2)
    loaded = clipselect.load_set_network(made.weights, base)
    assert loaded.works_on_features and loaded.embed([*SPEC.blank(3)]).shape == (5,)
    cost = loaded.multiply_adds
    assert cost is not None and cost(3) > 3e9 * (base.gflops or 0)
    tensors, _ = load_weights(made.weights, "set_network")
    assert tensors.keys() == AGGREGATORS[network](5).state_dict().keys()
    card = made.card.read_text()
    assert f"{network} on the features of the base tiny" in card and "each also 2 times degraded" in card
    with pytest.raises(ArgumentError, match="network must be an LFENet"):
        clipselect.draw_attention(loaded, [*SPEC.blank(2)], tmp_path / "a.png")


@pytest.mark.parametrize("network", AGGREGATORS)
def test_it_learns_to_leave_out_degraded_frames(network: str, tmp_path: Path) -> None:
    """Of 20 people whose fine grain is lost in bad frames, on features that show the grain."""
    made = train(
        network, people(tmp_path / "people", 20, 8, draw=textured), tmp_path / "o.safetensors", base=blocks()[0],
        steps=200, batch=16, learning_rate=0.01, variants=4,
    )  # fmt: skip
    measured = made.metadata["held_out"]["decidability"]
    assert made.metadata["best_step"] > 0
    assert np.mean([*measured[network].values()]) > np.mean([*measured["average"].values()])


def test_sets_of_a_network_that_needs_their_order_are_images_that_follow_each_other() -> None:
    labels = (*[0] * 6, *[1] * 2)
    images = LabelledImages(tuple(f"{i}.jpg" for i in range(8)), labels, ("a", "b"))
    data, rng = (
        SetImages(images, np.zeros((8, 2), np.float32), np.zeros((8, 1, 2), np.float32)),
        np.random.default_rng(0),
    )
    drawn = {tuple(drawn_set(data, 4, rng, in_order=True)[0].tolist()) for _ in range(99)}
    assert drawn == {(0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (6, 7, 7, 7)}
    held_out = HeldOutFeatures.draw(replace(data, features=np.arange(16, dtype=np.float32).reshape(8, 2)), 0, True)
    assert [one[:, 0].tolist() for one in held_out.sets["as they are"]] == [[0, 2, 4], [6, 8, 10], [12], [14]]


def test_every_image_is_embedded_once_with_its_variants(tmp_path: Path) -> None:
    base, net = blocks()
    data = people(tmp_path / "people", 6, 4)
    train("nan", data, tmp_path / "o.safetensors", base=base, steps=20)
    assert net.seen == 5 * 4 * (1 + 2)  # a person is of the split val
    train("qan", data, tmp_path / "p.safetensors", base=base, work=tmp_path / "o.work")
    assert net.seen == 5 * 4 * (1 + 2)  # the features are those of any network


@pytest.mark.parametrize("loss", [LOSSES[0], "softmax"])
def test_examples_can_be_sent_to_spawned_workers(
    loss: str, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = sent_examples(aggregator_training, monkeypatch)
    train("nan", faces, tmp_path / "o.safetensors", loss=loss)
    assert len(drawn) == 1


@pytest.mark.parametrize("network", AGGREGATORS)
def test_a_stopped_run_ends_as_one_left_alone(network: str, faces: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if (progress.stage, progress.done) == (f"training {network}", 2):
            raise KeyboardInterrupt

    options = {"base": tiny_base(), "checkpoint_minutes": 0, "loss": "softmax"}
    train(network, faces, tmp_path / "whole.safetensors", **options)
    with pytest.raises(KeyboardInterrupt):
        train(network, faces, tmp_path / "parts.safetensors", progress=stop, **options)
    train(network, faces, tmp_path / "parts.safetensors", **options)
    assert_same_weights(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("loss", "triplet"), ("degradations", "none"), ("variants", 0), ("images_per_set", 1), ("batch", 1),
        ("steps", 0), ("learning_rate", float("nan")),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_name_the_argument(argument: str, value: Any, faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as refused:
        train("nan", faces, tmp_path / "o.safetensors", **{argument: value})
    assert refused.value.argument == argument


def test_losses_are_those_of_the_message(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=", ".join(LOSSES)):
        train("nan", faces, tmp_path / "o.safetensors", loss="mine")
    with pytest.raises(TypeError, match=r"nan has no option 'ending'; the options are .*loss, degradations"):
        train("nan", faces, tmp_path / "o.safetensors", ending="own")
