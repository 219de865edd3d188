"""Training a FAN as a library function: what it writes, resumption, collapse, errors."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.identity_pictures import data_set
from helpers.set_networks import SPEC, TinyFace, tiny_base
from helpers.set_networks import train as train_set_network
from helpers.training_data import assert_same_weights
from PIL import Image as Pillow

import clipselect
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.media.progress import Progress
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import load_weights
from clipselect.training.best_step import BestStep
from clipselect.training.fan_loop import STAGE
from clipselect.training.fan_losses import total_variation
from clipselect.training.held_out_sets import SetMeasure
from clipselect.training.runtime import Runtime

pytestmark = pytest.mark.usefixtures("one_thread")

train = partial(train_set_network, "fan")


def losses(*data: Path, **options: Any) -> list[float]:
    """The generator's moving averages that a training shows, step by step."""
    shown = list[float]()

    def note(progress: Progress) -> None:
        if progress.stage == STAGE and progress.note:
            shown.append(float(progress.note.split()[1].rstrip(",")))

    train(*data, **options, progress=note)
    return shown


def test_it_is_trained_and_loads(faces: Path, tmp_path: Path) -> None:
    base, failed = tiny_base(), list[str]()
    before = {name: tensor.clone() for name, tensor in base.run.state_dict().items()}  # type: ignore[union-attr]
    made = train(faces, tmp_path / "o.safetensors", base=base, on_error=lambda path, _: failed.append(Path(path).name))
    assert failed == ["bad.png"] and made.metadata["failed"] == 1 and made.metadata["best_step"] > 0
    assert (made.metadata["identities"], made.metadata["held_out"]["identities"]) == (4, 2)
    for name, tensor in base.run.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(tensor, before[name])
    assert all(p.requires_grad and p.grad is None for p in base.run.parameters())  # type: ignore[union-attr]
    tensors, _ = load_weights(made.weights, "set_network")
    assert not any("stem" in name or "head" in name for name in tensors)  # the base is not in the file
    network = clipselect.load_set_network(made.weights, base)
    assert network.embed([*SPEC.blank(3)]).shape == (5,)
    assert "no photographs" in made.card.read_text() and "average of the base" in made.card.read_text()


def test_samples_are_written_with_their_label(faces: Path, tmp_path: Path) -> None:
    train(faces, tmp_path / "o.safetensors", checkpoint_minutes=0)
    samples = sorted((tmp_path / "o.work" / "samples").iterdir())
    assert [sample.name for sample in samples] == [f"step_{n:07d}.png" for n in (1, 2, 3, 4)]
    with Pillow.open(samples[-1]) as image:
        assert image.text["Description"] == "made by a network from 2 frames: not a photograph"  # type: ignore[attr-defined]
        assert image.size == (2 * 16 + 2 + 16, 4 * 16)  # two inputs, a gap, the output; four sets


def test_losses_see_the_image_that_users_get(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[torch.Tensor]()

    def note(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.detach())
        return total_variation(images)

    monkeypatch.setattr("clipselect.training.fan_training.total_variation", note)
    train(faces, tmp_path / "o.safetensors", learning_rate=0.1)
    assert len(seen) == 4 and any(bool(images.eq(1).any()) for images in seen)  # some are cut
    assert all(bool((images.abs() <= 1).all()) for images in seen)


def test_the_best_step_is_one_of_the_second_half(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.3, 0.2])
    monkeypatch.setattr(SetMeasure, "gain", lambda self, net: next(values))
    assert train(faces, tmp_path / "o.safetensors").metadata["best_step"] == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 2 + 0.5 * 4 + 8 + 1e-4 * 16),
        ({"discriminative_weight": 0.0}, 0.5 * 4 + 8 + 1e-4 * 16),
        ({"reconstruction": "average", "reconstruction_weight": 1.0}, 2 + 32 + 8 + 1e-4 * 16),
        ({"adversarial_weight": 0.0}, 2 + 0.5 * 4 + 1e-4 * 16),
        ({"total_variation_weight": 1.0}, 2 + 0.5 * 4 + 8 + 16),
    ],
)
def test_the_loss_is_the_weighted_sum_of_those_that_are_wanted(
    options: dict[str, Any], expected: float, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"discriminative_loss": 2, "centre_loss": 4, "adversarial_loss": 8, "total_variation": 16}
    for name, value in (values | {"average_loss": 32}).items():
        constant = partial(lambda value, x, *_: 0 * x.sum() + value, value)
        monkeypatch.setattr(f"clipselect.training.fan_training.{name}", constant)
    shown = losses(faces, tmp_path / "o.safetensors", steps=2, **options)
    assert shown == pytest.approx([expected] * 2, rel=1e-3)


def test_the_loss_falls(faces: Path, tmp_path: Path) -> None:
    shown = losses(faces, tmp_path / "o.safetensors", steps=150, learning_rate=0.003)
    assert np.mean(shown[-10:]) < 0.8 * np.mean(shown[:10])


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_a_stopped_run_ends_as_one_left_alone(precision: str, faces: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if (progress.stage, progress.done) == (STAGE, 2):
            raise KeyboardInterrupt

    options = {"base": tiny_base(), "checkpoint_minutes": 0, "precision": precision}
    train(faces, tmp_path / "whole.safetensors", **options)
    with pytest.raises(KeyboardInterrupt):
        train(faces, tmp_path / "parts.safetensors", progress=stop, **options)
    done = list[int]()
    train(faces, tmp_path / "parts.safetensors", progress=lambda p: done.append(p.done * (p.stage == STAGE)), **options)
    assert [n for n in done if n] == [2, 3, 4]
    assert_same_weights(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors")


def test_the_aggregator_computes_in_the_precision_that_was_asked_for(faces: Path, tmp_path: Path) -> None:
    exact, fast = (
        load_weights(train(faces, tmp_path / f"{p}.safetensors", precision=p).weights, "set_network")[0]
        for p in ("32", "bf16")
    )
    assert any(not torch.equal(exact[name], fast[name]) for name in exact)
    with pytest.raises(ClipselectError, match=r"fan\.ckpt: a checkpoint of a run with other options"):
        train(faces, tmp_path / "other.safetensors", work=tmp_path / "32.work", precision="bf16")


def test_a_checkpoint_of_other_weights_of_losses_is_refused(faces: Path, tmp_path: Path) -> None:
    train(faces, tmp_path / "a.safetensors", work=tmp_path / "work")
    with pytest.raises(ClipselectError, match=r"fan\.ckpt: a checkpoint of a run with other options"):
        train(faces, tmp_path / "b.safetensors", work=tmp_path / "work", adversarial_weight=0.5)


def test_a_discriminator_that_has_won_stops_the_training(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipselect.training.fan_loop.MAX_COLLAPSED_STEPS", 3)
    losses = iter([1.0, 1.0, 1.0, *[0.0] * 17])
    monkeypatch.setattr(
        "clipselect.training.fan_loop.discriminator_loss", lambda a, r: 0 * (a + r).sum() + next(losses)
    )
    with pytest.warns(ClipselectWarning, match=r"stopped after step 6: .*of step 4; .* smaller"):
        made = train(faces, tmp_path / "o.safetensors", steps=20, checkpoint_minutes=0)
    assert made.metadata["stopped"] == 6 and made.metadata["best_step"] == 4  # which it was the first to win
    assert torch.load(tmp_path / "o.work" / "fan.ckpt", weights_only=True)["step"] == 3
    assert "Stopped after step 6" in made.card.read_text() and made.weights.exists()


def test_a_discriminator_that_wins_from_the_beginning_leaves_no_checkpoint(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipselect.training.fan_loop.MAX_COLLAPSED_STEPS", 3)
    monkeypatch.setattr("clipselect.training.fan_loop.discriminator_loss", lambda a, r: 0 * (a + r).sum())
    with pytest.warns(ClipselectWarning, match="stopped after step 3: .* The weights are those of step 1"):
        made = train(faces, tmp_path / "o.safetensors", steps=20, checkpoint_minutes=0)
    assert made.metadata["best_step"] == 1 and not (tmp_path / "o.work" / "fan.ckpt").exists()


def test_a_discriminator_that_wins_with_the_last_step_leaves_the_last_good_checkpoint(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipselect.training.fan_loop.MAX_COLLAPSED_STEPS", 3)
    losses = iter([*[1.0] * 7, *[0.0] * 6])
    monkeypatch.setattr(
        "clipselect.training.fan_loop.discriminator_loss", lambda a, r: 0 * (a + r).sum() + next(losses)
    )
    for _ in range(2):  # the second call begins at the checkpoint
        with pytest.warns(ClipselectWarning, match="stopped after step 10"):
            made = train(faces, tmp_path / "o.safetensors", steps=10, checkpoint_minutes=0, overwrite=True)
        assert made.metadata["stopped"] == 10 and made.metadata["best_step"] <= 7
        assert torch.load(tmp_path / "o.work" / "fan.ckpt", weights_only=True)["step"] == 7


def test_steps_after_which_the_discriminator_has_won_are_not_measured(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0] * 5 + [0.0] * 3 + [1.0] * 2)
    monkeypatch.setattr(
        "clipselect.training.fan_loop.discriminator_loss", lambda a, r: 0 * (a + r).sum() + next(losses)
    )
    measured = list[int]()
    consider = BestStep.consider

    def measure(best: BestStep, net: torch.nn.Module, done: int, runtime: Runtime) -> float:
        measured.append(done)
        return consider(best, net, done, runtime)

    monkeypatch.setattr(BestStep, "consider", measure)
    train(faces, tmp_path / "o.safetensors", steps=10)
    assert measured == [9, 10]  # of 6 to 10, the second half


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (
            lambda x: torch.ones(len(x), 5) * (x.mean() * 0 + 1),
            "base gives images of different people the same",
        ),
        (lambda x: torch.from_numpy(x.detach().numpy().mean((2, 3))), "base tiny passes no gradient to its input"),
    ],
)
def test_a_base_that_cannot_guide_is_refused(
    features: Callable[[torch.Tensor], torch.Tensor], says: str, faces: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=says):
        train(faces, tmp_path / "o.safetensors", base=Embedder.from_module(features, SPEC, name="tiny", device="cpu"))


def test_images_that_cannot_be_aligned_are_said_once(tmp_path: Path) -> None:
    data_set(tmp_path / "faces", each=3)
    with pytest.warns(ClipselectWarning) as said:
        train(tmp_path / "faces", tmp_path / "o.safetensors")
    of_shape = [str(w.message) for w in said if "must be aligned" in str(w.message)]
    assert len(of_shape) == 1 and "another shape than the base's input, 16 x 16, as 40 x 20" in of_shape[0]


def test_identities_with_few_images_are_said_once(faces: Path, tmp_path: Path) -> None:
    with pytest.warns(ClipselectWarning) as said:
        train(faces, tmp_path / "o.safetensors", images_per_set=5)
    few = [str(w.message) for w in said if "repeat images" in str(w.message)]
    assert few == ["5 identities have fewer than 6 images; their sets repeat images"]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* identities have fewer")
        train(faces, tmp_path / "p.safetensors", images_per_set=4)


def test_one_identity_or_too_few_are_refused(tmp_path: Path) -> None:
    data_set(tmp_path / "one", identities=1, each=4)
    with pytest.raises(ClipselectError, match=r"only one identity, .* give at least two"):
        train(tmp_path / "one", tmp_path / "o.safetensors")
    data_set(tmp_path / "people", identities=3, each=4)
    with pytest.raises(ClipselectError, match="add identities or images"):
        train(tmp_path / "people", tmp_path / "o.safetensors")


def test_sets_of_one_image_are_measured_whole_and_degraded(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "people", identities=4, each=3)
    made = train(folder, tmp_path / "o.safetensors")
    assert made.metadata["held_out"]["decidability"]["fan"].keys() == {"as they are", "every frame degraded"}
    with Pillow.open(tmp_path / "o.work" / "samples" / "step_0000004.png") as image:
        assert image.size == (16 + 2 + 16, 4 * 16)  # one input


def test_an_embedder_with_another_input(faces: Path, tmp_path: Path) -> None:
    """Its sides need not be multiples of 16, nor its pixels lie in [-1, 1]."""

    class Wide(TinyFace):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[1:] == (3, 18, 30) and bool((x >= 0).all() and (x <= 256).all())
            return super().forward(torch.nn.functional.interpolate(x, (16, 16)))

    spec = InputSpec(18, 30, (0.0,) * 3, (1 / 255,) * 3)
    base = Embedder.from_module(Wide(), spec, name="wide", device="cpu")
    made = train(faces, tmp_path / "o.safetensors", base=base)
    assert made.metadata["sides"] == [32, 32]
    assert clipselect.load_set_network(made.weights, base).embed([*SPEC.blank(2)]).shape == (5,)


def test_a_loss_that_is_no_number_stops_the_training(faces: Path, tmp_path: Path) -> None:
    class NoNumber(TinyFace):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * (torch.nan if torch.is_grad_enabled() else 1)

    base = Embedder.from_module(NoNumber(), SPEC, name="broken", device="cpu")
    with pytest.raises(ClipselectError, match="the loss is not a number at step 0: choose a smaller learning rate"):
        train(faces, tmp_path / "o.safetensors", base=base)
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("reconstruction", "mean"), ("width", 0), ("discriminator_width", 0), ("images_per_set", 0), ("max_segment", 0),
        ("max_segment", 1000), ("adversarial_weight", -1.0), ("total_variation_weight", float("nan")),
        ("reconstruction_weight", float("inf")), ("batch", 1), ("steps", 0), ("learning_rate", float("nan")),
        ("discriminative_weight", "1"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_name_the_argument(argument: str, value: Any, faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as refused:
        train(faces, tmp_path / "o.safetensors", **{argument: value})
    assert refused.value.argument == argument


def test_nothing_that_guides_is_refused(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="reconstruction_weight must be above 0"):
        train(faces, tmp_path / "o.safetensors", reconstruction_weight=0.0, discriminative_weight=0.0)
