"""A small network of the user's own, clips for it, and a network of the zoo."""

import numpy as np
import pytest
import torch
from clipselect.zoo.networks import NETWORKS
from torch import Tensor, nn

from clipselect.scoring.input_spec import InputSpec

SMALL = InputSpec(64, 64, (0.45,) * 3, (0.225,) * 3, 4)


class Tiny(nn.Module):
    """A user's own network: the mean colour, and a head on it."""

    def __init__(self, softmax: bool = False) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 5)
        self.fc = nn.Linear(5, 4)
        self.softmax = softmax

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(self.embed(x.mean((2, 3, 4))).relu())
        return y.softmax(1) if self.softmax else y


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (2, 4, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def x3d() -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS["x3d_xs"].build(7).eval()
