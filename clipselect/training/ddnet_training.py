"""Training a DDNet: what its scores should be, and how far they are from that."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.method.losses import distillation_loss, ranking_loss
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import normalised
from clipselect.training.loop import Example, TrainingConfig, train
from clipselect.training.runtime import Runtime

Loss = Literal["both", "mse", "ranking"]
RANKING_WEIGHT = 0.1


@dataclass(frozen=True)
class DDNetLoss:
    """Eq. 6, a ranking loss, or eq. 6 with a little of the ranking loss; called by `clipselect.training.loop.train`."""

    kind: Loss
    input_spec: InputSpec

    def __call__(self, net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        logits = net(normalised(inputs, self.input_spec.mean, self.input_spec.std)).float()
        if self.kind == "mse":
            return distillation_loss(torch.sigmoid(logits), targets)
        if self.kind == "ranking":
            return ranking_loss(logits, targets)
        return distillation_loss(torch.sigmoid(logits), targets) + RANKING_WEIGHT * ranking_loss(logits, targets)


class Logits(nn.Module):
    """A DDNet whose `forward` gives scores before the sigmoid: DistributedDataParallel wraps `forward` alone."""

    def __init__(self, net: DDNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.logits(x)


def train_ddnet(
    config: DDNetConfig,
    examples: Callable[[int, int], Example],
    loss: DDNetLoss,
    training_config: TrainingConfig,
    runtime: Runtime,
    work: Path,
    *,
    settings: dict[str, Any],
    progress: ProgressCallback = no_progress,
) -> DDNet:
    """Train a DDNet on its examples; see `clipselect.training.loop.train`.

    Args:
        work: holds the checkpoint, under a name of its own for other `settings`: recipes can be tried on the same
            features.
    """
    settings = {**settings, "precision": runtime.precision, "processes": runtime.world_size}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
    torch.manual_seed(training_config.seed)
    trained = train(
        Logits(DDNet(config)), examples, loss, training_config, runtime,
        checkpoint=work / f"ddnet-{key}.ckpt", settings=settings,
        stage="training the DDNet", progress=progress,
    )  # fmt: skip
    assert isinstance(trained, Logits)
    return trained.net
