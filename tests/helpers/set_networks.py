"""A small face network that can be cut before its last pooling, and networks of sets around it."""

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from clipselect.zoo.embedder import Embedder
from torch import Tensor, nn

import clipselect
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import Metadata, save_weights
from clipselect.sets.face_aggregator import FaceAggregator
from clipselect.sets.fan import fan_input
from clipselect.sets.lfenet import kept_out, new_lfenet
from clipselect.sets.set_network import AGGREGATORS, KIND
from clipselect.training import loop

SPEC = InputSpec(16, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CHANNELS, PLACES, DIM = 6, 16, 5

ARCHITECTURE: Metadata = {
    "relation": "softmax_b", "width": 3, "bottleneck": 2, "max_segment": 12, "ending": "own", "frozen": True,
}  # fmt: skip

CODE = """
from helpers.set_networks import tiny_base as base
"""


TRAINING: dict[str, dict[str, Any]] = {
    **{name: {"batch": 4, "variants": 2, "images_per_set": 3, "precision": "32"} for name in AGGREGATORS},
    "lfenet": {"batch": 4, "width": 3, "bottleneck": 2, "precision": "32"},
    "fan": {"batch": 2, "images_per_set": 2, "width": 2, "discriminator_width": 2, "precision": "32"},
}
"""Options of trainings that take seconds, by network."""


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


def train(network: str, data: Path, output: Path, **options: Any) -> clipselect.TrainResult:
    """`clipselect.train_set_network` for four steps."""
    quick = {"base": tiny_base(), "steps": 4, "device": "cpu", **TRAINING[network]}
    return clipselect.train_set_network(network, data, output, **{**quick, **options})


def write_lfenet(path: Path, base: Embedder, factor: float = 1.0, **changes: Any) -> Path:
    """Weights of an LFENet whose values are random, times `factor`."""
    architecture = {**ARCHITECTURE, **changes}
    torch.manual_seed(0)
    net = new_lfenet(base, architecture)
    nn.init.normal_(net.transfer.expand.weight).data.mul_(factor)
    tensors = {name: t for name, t in net.state_dict().items() if name not in kept_out(net)}
    about = {"kind": KIND, "network": "lfenet", "name": path.stem, "base": base.name, "base_sha256": base.sha256}
    save_weights(path, tensors, {**about, **architecture})
    return path


def write_fan(path: Path, base: Embedder, **changes: Any) -> Path:
    """Weights of a FAN, which are random."""
    torch.manual_seed(0)
    spec = fan_input(base.input_spec)
    about = {"kind": KIND, "network": "fan", "name": path.stem, "base": base.name, "base_sha256": base.sha256}
    architecture = {"width": 2, "sides": [spec.height, spec.width], "max_segment": 3}
    save_weights(path, FaceAggregator(2).state_dict(), {**about, **architecture, **changes})
    return path


def write_aggregator(path: Path, base: Embedder, network: str, spread: float = 0.0) -> Path:
    """Weights of a network on the base's features: untrained, or random ones of this spread."""
    torch.manual_seed(0)
    net = AGGREGATORS[network](base.dim)
    for parameter in net.parameters() if spread else ():
        nn.init.normal_(parameter, std=spread)
    about = {"kind": KIND, "network": network, "name": path.stem, "base": base.name, "base_sha256": base.sha256}
    save_weights(path, net.state_dict(), about)
    return path


def sent_examples(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The examples of every training that a module begins from now on, as they are sent to spawned workers; what
    arrives there is checked to give the same example."""
    sent = list[bytes]()

    def note(model: nn.Module, examples: Any, *args: Any, **options: Any) -> nn.Module:
        sent.append(pickle.dumps(examples))
        for own, again in zip(examples(3, 1), pickle.loads(sent[0])(3, 1), strict=True):
            assert torch.equal(own, again)
        return loop.train(model, examples, *args, **options)

    monkeypatch.setattr(module, "train", note)
    return sent
