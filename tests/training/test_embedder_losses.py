"""The losses of embedders are those of their papers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.reid_networks import ReidResNet
from torch import nn

from clipselect.training.embedder_losses import LABEL_SMOOTHING, LOSSES, TRIPLET_MARGIN, EmbedderInTraining, Loss


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


def test_label_smoothing_is_a_tenth_for_all_identities_alike() -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    net = EmbedderInTraining(nn.Identity(), "softmax", 5, 3, LABEL_SMOOTHING)
    (weights,) = net.classifier.parameters()
    logs = (x @ weights.T).log_softmax(1)
    wanted = nn.functional.one_hot(LABELS, 3) * 0.9 + 0.1 / 3
    torch.testing.assert_close(net(x, LABELS), -(wanted * logs).sum(1).mean())


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
