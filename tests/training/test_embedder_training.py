"""Training an embedder: batches that are functions of seed and step, losses that do what their papers say."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.reid_networks import ReidResNet
from helpers.identity_pictures import data_set, labelled, picture
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from clipselect.data.identities import read_identities
from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, ImageError
from clipselect.media.images import read_image
from clipselect.media.progress import no_progress
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.embedder_training import (
    LOSSES,
    TRIPLET_MARGIN,
    EmbedderExamples,
    EmbedderInTraining,
    Loss,
    augmented,
    embedded,
    fingerprint_of,
    leave_one_out,
    readable,
)

SMALL = InputSpec(32, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def examples(counts: list[int], batch: int, per_identity: int | None, seed: int = 0) -> EmbedderExamples:
    return EmbedderExamples(labelled(counts), SMALL, batch, seed, per_identity)


@given(seed=st.integers(0, 1000), step=st.integers(0, 1000))
def test_a_batch_holds_k_images_of_each_of_p_identities(seed: int, step: int) -> None:
    made = examples([5, 4, 7, 2, 9], 12, 4, seed)
    places = [made.image_number(step, i) for i in range(12)]
    labels = [made.images.labels[place] for place in places]
    assert len(set(labels)) == 3 and all(len(set(labels[i : i + 4])) == 1 for i in (0, 4, 8))
    for i in (0, 4, 8):  # different images while there are enough, otherwise each at least once
        assert len(set(places[i : i + 4])) == min(4, [5, 4, 7, 2, 9][labels[i]])
    assert places == [examples([5, 4, 7, 2, 9], 12, 4, seed).image_number(step, i) for i in range(12)]


def test_all_images_have_their_turn_and_batches_differ() -> None:
    made = examples([5, 4, 7, 2, 9], 12, 4)
    batches = [tuple(made.image_number(step, i) for i in range(12)) for step in range(40)]
    assert len(set(batches)) == 40 and {place for batch in batches for place in batch} == set(range(27))
    assert batches[0] != tuple(examples([5, 4, 7, 2, 9], 12, 4, seed=1).image_number(0, i) for i in range(12))


def test_without_triplets_every_image_is_drawn_once_per_epoch() -> None:
    made = examples([5, 4, 3], 8, None)
    drawn = [made.image_number(step, i) for step in range(6) for i in range(8)]
    epochs = [drawn[start : start + 12] for start in range(0, 48, 12)]
    assert all(sorted(epoch) == [*range(12)] for epoch in epochs) and epochs[0] != epochs[1]


@pytest.mark.parametrize(
    ("counts", "batch", "k", "says"),
    [([9, 9], 8, 3, "^batch 8 does not hold 3 images"), ([9, 9], 4, 4, "^batch .* of each of several identities"),
     ([9, 9], 8, 1, "^images_per_identity must be at least 2"),
     ([9, 9], 12, 4, "^batch .* takes 3 identities with 4 images each, but .* have 2")],
)  # fmt: skip
def test_batches_that_cannot_be_drawn_are_refused(counts: list[int], batch: int, k: int, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        examples(counts, batch, k)


def test_an_example_is_an_image_with_its_label(tmp_path: Path) -> None:
    images = read_identities([data_set(tmp_path)], "train")
    made = EmbedderExamples(images, SMALL, 4, 0, 2)
    image, label = made(3, 1)
    assert image.shape == (3, 32, 16) and image.dtype == torch.float32 and 0 <= image.min() < image.max() <= 1
    assert int(label) == images.labels[made.image_number(3, 1)] and torch.equal(image, made(3, 1)[0])
    original = torch.from_numpy(SMALL.squash(read_image(images.paths[made.image_number(3, 1)]))).permute(2, 0, 1) / 255
    assert (image.mean() - original.mean()).abs() < 0.15


def test_an_image_that_is_lost_meanwhile_is_replaced_and_a_lost_disk_stops(tmp_path: Path) -> None:
    images = read_identities([data_set(tmp_path, 2, 8)], "train")
    made = EmbedderExamples(images, SMALL, 4, 0, 2)
    Path(images.paths[made.image_number(0, 0)]).unlink()
    with pytest.warns(ClipselectWarning, match="another example is drawn"):
        image, _ = made(0, 0)
    with pytest.warns(ClipselectWarning):
        assert torch.equal(image, made(0, 0)[0])
    for path in images.paths:
        Path(path).unlink(missing_ok=True)
    with pytest.warns(ClipselectWarning), pytest.raises(ImageError, match="10 training examples in a row"):
        made(0, 0)


def test_images_that_cannot_be_read_are_left_out_with_their_identity(tmp_path: Path) -> None:
    data_set(tmp_path, 3, 2)
    for bad in ("p0/0.png", "p0/1.png", "p2/0.png"):
        (tmp_path / "train" / bad).write_bytes(b"no picture")
    failed: list[str] = []
    people = read_identities([tmp_path], "train")
    found = readable(people, "reading", no_progress, lambda path, error: failed.append(path))
    assert found.identities == ("p1", "p2") and found.labels == (0, 0, 1) and len(failed) == 3
    assert fingerprint_of(found) != fingerprint_of(people)
    (tmp_path / "train" / "p2" / "1.png").write_bytes(b"")
    with pytest.raises(ClipselectError, match="fewer than two identities"):
        readable(read_identities([tmp_path], "train"), "reading", no_progress, lambda path, error: None)


def test_augmented_images_are_flipped_half_the_time() -> None:
    image = np.zeros((32, 16, 3), np.uint8)
    image[:, 8:] = 255
    made = [augmented(image, SMALL, np.random.default_rng(i)) for i in range(60)]
    flipped = sum(bool(x[:, :, :4].mean() > x[:, :, -4:].mean()) for x in made)
    assert 18 < flipped < 42 and len({float(x.mean()) for x in made}) > 50


def in_training(loss: Loss, features: torch.Tensor, identities: int = 3) -> EmbedderInTraining:
    """Of a network that gives these features."""
    torch.manual_seed(0)
    return EmbedderInTraining(nn.Identity(), loss, features.shape[1], identities)


LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def by_paper(loss: Loss, weights: np.ndarray[Any, Any], x: np.ndarray[Any, Any]) -> float:
    """The loss from its formula; weights [identities, d]."""
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    cosine = x @ unit.T / np.linalg.norm(x, axis=1, keepdims=True)
    total = 0.0
    for i, label in enumerate(LABELS.tolist()):
        logits = cosine[i].copy()
        angle = math.acos(logits[label])
        if loss == "arcface":
            logits[label] = math.cos(angle + 0.5)
        elif loss == "cosface":
            logits[label] -= 0.35
        else:
            k = math.floor(angle * 4 / math.pi)
            logits[label] = (-1) ** k * math.cos(4 * angle) - 2 * k
        logits = logits * (np.linalg.norm(x[i]) if loss == "sphereface" else 64)
        total += math.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label]
    return total / len(x)


@pytest.mark.parametrize("loss", ["arcface", "cosface", "sphereface"])
def test_margin_losses_are_those_of_their_papers(loss: Loss) -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    net = in_training(loss, x)
    (weights,) = net.classifier.parameters()
    expected = by_paper(loss, weights.detach().double().numpy().T, x.double().numpy())
    assert net(x, LABELS).item() == pytest.approx(expected, rel=1e-4)


def test_triplets_are_the_hardest_of_the_batch() -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    distances = torch.cdist(x, x)
    same = LABELS[:, None] == LABELS
    farthest = torch.where(same, distances, -torch.inf).amax(1)
    nearest = torch.where(same, torch.inf, distances).amin(1)
    triplets = (farthest - nearest + TRIPLET_MARGIN).relu().mean()
    softmax = in_training("softmax", x)(x, LABELS)
    assert in_training("triplet", x)(x, LABELS).item() == pytest.approx((triplets + softmax).item(), rel=1e-5)


def test_triplets_are_compared_before_the_neck() -> None:
    torch.manual_seed(0)
    reid = ReidResNet((1, 1, 1, 1), (2, 2, 4, 4))
    net = EmbedderInTraining(reid, "triplet", 16, 3).train()
    seen: list[torch.Tensor] = []
    assert net.triplets is not None
    net.triplets.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(torch.randn(6, 3, 32, 16), LABELS)
    assert bool((seen[0] >= 0).all())  # behind a ReLU


@pytest.mark.parametrize("loss", LOSSES)
def test_bfloat16_leaves_the_weights_of_a_loss_as_they_are(loss: Loss) -> None:
    net = EmbedderInTraining(nn.Linear(5, 4), loss, 4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        value = net(torch.randn(6, 5), LABELS)
    value.backward()
    assert {p.dtype for p in net.parameters()} == {torch.float32} and bool(value.isfinite())
    assert all(p.grad is not None for p in net.parameters())


def test_held_out_images_are_sought_among_all_others(tmp_path: Path) -> None:
    paths = [str(picture(tmp_path / f"{i}{n}.png", i, n)) for i in range(3) for n in range(3)]
    features = embedded(nn.Flatten(), paths, SMALL, "cpu")
    assert features.shape == (9, 3 * 32 * 16)
    found = leave_one_out(np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 2])
    assert found.cmc[1] == 1 and found.queries.tolist() == [0, 1, 2, 3] and found.excluded == 1
