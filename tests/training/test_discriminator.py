"""The discriminator of a face aggregation network: shapes, and one neuron that values places differently."""

import pytest
import torch
from torch import nn

from clipselect.training.discriminator import Discriminator

pytestmark = pytest.mark.usefixtures("one_thread")


def test_two_strides_and_one_neuron() -> None:
    net = Discriminator(112, 112, 4)
    convolutions = [layer for layer in net.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 1, 1]
    assert net.layers(torch.zeros(1, 3, 112, 112)).shape[-2:] == (28, 28)
    assert net.neuron.in_features == 8 * 28 * 28 and net.neuron.out_features == 1


@pytest.mark.parametrize("side", [16, 32, 112])
def test_one_logit_per_image(side: int) -> None:
    assert Discriminator(side, side, 2)(torch.rand(3, 3, side, side)).shape == (3,)


def test_the_same_change_counts_differently_at_different_places() -> None:
    torch.manual_seed(0)
    net, image = Discriminator(32, 32, 4), torch.zeros(1, 3, 32, 32)
    moved = [image.clone() for _ in range(2)]
    moved[0][..., 12:20, 12:20] = 1
    moved[1][..., 4:12, 12:20] = 1
    with torch.no_grad():
        assert abs(float(net(moved[0]) - net(moved[1]))) > 1e-5
