"""Training a DDNet: clips drawn evenly over the range of their D-scores, and what their scores should be."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.data.datasets import LabelledVideo
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.method.losses import distillation_loss, even_weights, ranking_loss
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import normalised, training_size
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import Example, TrainingConfig, train
from clipselect.training.runtime import Runtime
from clipselect.training.training_examples import TrainingClip, clip_example, rounded

Loss = Literal["both", "mse", "ranking"]
Stages = Callable[[str, int], AbstractContextManager[Any]]
"""(what, total) -> something that is told of progress; see `clipselect.commands.stages.Stage`."""
RANKING = 0.1
JITTER = 0.1
"""Clips are moved by up to this share of their length; 1.5 times as much may be cut off it, or twice as much added."""


@dataclass(frozen=True)
class DDNetExamples:
    """The examples that a DDNet is trained on; callable as `clipselect.training.loop.train` wants it.

    Attributes:
        video: [n] index into `videos`.
        start, end: [n] seconds.
        d_scores: [n] in (0, 1).
        share: [n] cumulative probabilities of being drawn.
    """

    store: FrameCache
    videos: Sequence[LabelledVideo]
    video: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    d_scores: NDArray[np.float64]
    share: NDArray[np.float64]
    input_spec: InputSpec
    steps: int
    seed: int

    @classmethod
    def of(
        cls,
        targets: Path,
        videos: Sequence[LabelledVideo],
        store: FrameCache,
        input_spec: InputSpec,
        steps: int,
        seed: int,
    ) -> "DDNetExamples":
        """The elements of a D-scores file."""
        table = pq.read_table(targets, columns=["video", "start", "end", "d_score"])
        video, start, end, wanted = (table.column(name).to_numpy() for name in table.column_names)
        return cls(store, videos, video, start, end, wanted, np.cumsum(even_weights(wanted)), input_spec, steps, seed)

    def __call__(self, step: int, i: int) -> Example:
        size = training_size(self.input_spec.size, step, self.steps)
        return clip_example(self._draw, self.store, self.input_spec.frames, size, (self.seed, step, i))

    def _draw(self, rng: np.random.Generator) -> TrainingClip:
        n = min(int(np.searchsorted(self.share, rng.random() * self.share[-1])), len(self.share) - 1)
        seconds = self.end[n] - self.start[n]
        start = rounded(self.start[n] + seconds * rng.uniform(-JITTER, JITTER))
        length = rounded(seconds * rng.uniform(1 - 1.5 * JITTER, 1 + 2 * JITTER))
        target = torch.tensor(self.d_scores[n], dtype=torch.float32)
        return TrainingClip(self.videos[self.video[n]].path, start, length, target)


@dataclass(frozen=True)
class DDNetLoss:
    """Eq. 6, a ranking loss, or eq. 6 with a little of the ranking loss; called by `clipselect.training.loop.train`."""

    kind: Loss
    input_spec: InputSpec | InputSpec

    def __call__(self, net: nn.Module, inputs: Tensor, wanted: Tensor) -> Tensor:
        logits = net(normalised(inputs, self.input_spec.mean, self.input_spec.std)).float()
        if self.kind == "mse":
            return distillation_loss(torch.sigmoid(logits), wanted)
        if self.kind == "ranking":
            return ranking_loss(logits, wanted)
        return distillation_loss(torch.sigmoid(logits), wanted) + RANKING * ranking_loss(logits, wanted)


class Logits(nn.Module):
    """A DDNet whose `forward` gives scores before the sigmoid, since that is what processes of a crew can share."""

    def __init__(self, net: DDNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.logits(x)


def train_ddnet(
    config: DDNetConfig,
    examples: Callable[[int, int], Example],
    loss: DDNetLoss,
    schedule: TrainingConfig,
    runtime: Runtime,
    work: Path,
    *,
    settings: dict[str, Any],
    stages: Stages,
) -> DDNet:
    """Train a DDNet on its examples; see `clipselect.training.loop.train`.

    Args:
        work: holds the checkpoint, under a name of its own for other `settings`: recipes can be tried on the same
            features.
    """
    settings = {**settings, "precision": runtime.precision, "processes": runtime.world_size}
    which = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
    torch.manual_seed(schedule.seed)
    with stages("training the DDNet", schedule.steps) as progress:
        trained = train(
            Logits(DDNet(config)), examples, loss, schedule, runtime,
            checkpoint=work / f"ddnet-{which}.ckpt", settings=settings,
            progress=lambda now: progress.at(now.done, float(now.note.split()[-1])) if now.note else None,
        )  # fmt: skip
    assert isinstance(trained, Logits)
    return trained.net
