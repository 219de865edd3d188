"""The losses of the face aggregation network, worked by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.training.fan_losses import (
    BETA,
    adversarial_loss,
    average_loss,
    centre_loss,
    discriminative_loss,
    discriminator_loss,
    feature_scale,
    moved_centre,
    total_variation,
)


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values)


def test_discriminative_by_hand() -> None:
    positive, negative, inputs = rows([0.0, 0.0]), rows([6.0, 0.0]), rows([1.0, 1.0], [3.0, 0.0])[None]
    # alpha is 2, of the first input; A is at a squared distance of 5 from P and of 17 from N
    assert float(discriminative_loss(rows([2.0, 1.0]), positive, negative, inputs)) == 5 - 2 + 32 - 17
    # nearer than the nearest input, and farther from N than beta: nothing to gain
    assert float(discriminative_loss(rows([-1.0, 0.0]), positive, negative, inputs)) == 0
    assert float(discriminative_loss(rows([-1.0, 0.0]), positive, negative, inputs, beta=50)) == 50 - 49
    both = discriminative_loss(
        rows([2.0, 1.0], [-1.0, 0.0]), *(torch.cat([t, t]) for t in (positive, negative, inputs))
    )
    assert float(both) == 18 / 2


def test_reconstruction_by_hand() -> None:
    inputs = rows([1.0, 0.0], [3.0, 4.0])[None]  # mean (2, 2)
    assert float(average_loss(rows([2.0, 5.0]), inputs)) == 9
    assert float(centre_loss(rows([2.0, 5.0], [0.0, 0.0]), rows([2.0, 4.0], [0.0, 3.0]))) == (1 + 9) / 2


def test_a_centre_moves_towards_the_inputs_and_the_positive() -> None:
    centre, positive, inputs = torch.tensor([8.0, 0.0]), torch.tensor([0.0, 3.0]), rows([0.0, 0.0], [6.0, 3.0])
    # (0, 3), (0, 0) and (6, 3) have the mean (2, 2)
    assert moved_centre(centre, positive, inputs).tolist() == [5.0, 1.0]
    assert moved_centre(centre, positive, inputs, rate=1).tolist() == [2.0, 2.0]
    mean = torch.tensor([2.0, 2.0])
    for _ in range(30):  # as printed, eq. 10 would drive it away
        centre = moved_centre(centre, positive, inputs)
    torch.testing.assert_close(centre, mean)


def test_adversarial_by_hand() -> None:
    even, sure = torch.zeros(2), torch.tensor([math.log(3), math.log(3)])  # D = 1/2 and D = 3/4
    assert float(adversarial_loss(sure)) == pytest.approx(-math.log(3 / 4))
    assert float(discriminator_loss(even, even)) == pytest.approx(2 * math.log(2))
    assert float(discriminator_loss(-sure, sure)) == pytest.approx(-2 * math.log(3 / 4))
    assert float(discriminator_loss(sure, -sure)) == pytest.approx(-2 * math.log(1 / 4))
    far = torch.tensor([-1e4])
    assert float(adversarial_loss(far)) == 1e4 and float(discriminator_loss(far, -far)) == 0  # no infinity


def test_total_variation_by_hand() -> None:
    image = torch.zeros(2, 3, 2, 3)
    image[0, 0] = rows([0.0, 1.0, 3.0], [2.0, 2.0, 2.0])  # across 1 + 4 + 0 + 0, down 4 + 1 + 1
    assert float(total_variation(image)) == 11 / 2
    assert float(total_variation(torch.ones(1, 3, 5, 4))) == 0


def test_two_people_lie_beta_apart_in_the_median() -> None:
    features = np.array([[0.0], [0.0], [1.0], [7.0]], np.float32)
    labels = np.array([0, 0, 1, 2])  # squared, two pairs of two people lie 1 apart, one 36, and two 49
    scale = feature_scale(features, labels)
    assert scale**2 == pytest.approx(BETA / 36)
    assert feature_scale(3 * features, labels) == pytest.approx(scale / 3)


@settings(max_examples=50)
@given(st.integers(0, 2**16), st.integers(1, 5))
def test_no_loss_is_negative_and_order_of_inputs_makes_no_difference(seed: int, count: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    a, p, n = (torch.randn(3, 4, generator=drawn) for _ in range(3))
    inputs = torch.randn(3, count, 4, generator=drawn)
    shuffled = inputs[:, torch.randperm(count, generator=drawn)]
    loss = discriminative_loss(a, p, n, inputs)
    assert float(loss) >= 0 and float(average_loss(a, inputs)) >= 0
    torch.testing.assert_close(discriminative_loss(a, p, n, shuffled), loss)
    torch.testing.assert_close(average_loss(a, shuffled), average_loss(a, inputs))
    torch.testing.assert_close(discriminative_loss(p, p, n, inputs, beta=0), torch.tensor(0.0))
