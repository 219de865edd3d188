"""A small face network that can be cut before its last pooling, as an object and as a user's file."""

from pathlib import Path

import torch
from clipselect.zoo.embedder import Embedder
from torch import Tensor, nn

from clipselect.scoring.input_spec import InputSpec

SPEC = InputSpec(16, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CHANNELS, PLACES, DIM = 6, 16, 5

CODE = """
from helpers.set_networks import tiny_base as base
"""


class TinyFace(nn.Module):
    """Normalised images [n, 3, 16, 16] -> maps [n, 6, 4, 4] -> embeddings [n, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, CHANNELS, 4, stride=4), nn.BatchNorm2d(CHANNELS), nn.ReLU())
        self.head = nn.Linear(CHANNELS * PLACES, DIM)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.stem(x)

    def forward_head(self, x: Tensor) -> Tensor:
        return self.head(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def tiny_base(seed: int = 0) -> Embedder:
    torch.manual_seed(seed)
    return Embedder.from_module(TinyFace(), SPEC, name="tiny", device="cpu")


def tiny_base_file(folder: Path) -> str:
    """As the command line takes it."""
    path = folder / "tiny.py"
    path.write_text(CODE)
    return f"{path}:base"
