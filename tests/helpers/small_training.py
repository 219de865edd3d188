"""A small training, runs of it in folders of their own, and losses that fail."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipselect.media.progress import Progress
from clipselect.training.loop import Example, TrainingConfig, train
from clipselect.training.runtime import launch

STEPS = 7
State = dict[str, Tensor]


def example(step: int, i: int) -> Example:
    rng = np.random.default_rng([step, i])
    clip = torch.from_numpy(rng.random((3, 2, 8, 8), dtype=np.float32))
    return clip, clip[0].mean()


def loss(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    return (net(inputs).squeeze(1) - targets).square().mean()


def fresh() -> nn.Module:
    """With all that a network may remember between steps: statistics, and dropout."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(3, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        nn.Dropout(0.3), nn.Linear(4, 1),
    )  # fmt: skip


def config(**options: Any) -> TrainingConfig:
    return TrainingConfig(**{"steps": STEPS, "batch": 4, "learning_rate": 0.05, "weight_decay": 0.01, **options})


class Training:
    """A run in a folder of its own; `weights` are those of the result, None if it was stopped."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.checkpoint = folder, folder / "net.ckpt"
        self.runtime = launch("cpu", "32", folder / "logs")

    def __call__(self, stop_after: int | None = None, **options: Any) -> State:
        def stop(progress: Progress) -> None:
            if progress.done == stop_after:
                raise KeyboardInterrupt

        how: dict[str, Any] = {
            "net": fresh(),
            "example": example,
            "loss": loss,
            "config": config(checkpoint_minutes=0),
            "settings": {"of": "the test"},
            "progress": stop,
            **options,
        }
        net = train(runtime=self.runtime, checkpoint=self.checkpoint, **how)
        assert not net.training
        return net.state_dict()


Begin = Callable[[str], Training]


def assert_same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def loss_of(progress: Progress) -> float:
    """The loss that a training reports with a step."""
    return float(progress.note.removeprefix("loss "))


def fails_at(step: int, value: float = math.nan) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """A loss that is not a number at that step."""
    calls = iter(range(10**6))
    return lambda net, x, y: loss(net, x, y) * (value if next(calls) == step else 1)
