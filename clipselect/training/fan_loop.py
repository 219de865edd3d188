"""The training loop of a face aggregation network: discriminator and generator take turns.

As `clipselect.training.loop.train`, a run is a function of its arguments, and one that was killed continues from its
last checkpoint to the same result, bit for bit.
"""

import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.sets.face_aggregator import FaceAggregator
from clipselect.training.best_step import BestStep
from clipselect.training.checkpoints import load_checkpoint, save_checkpoint
from clipselect.training.discriminator import Discriminator
from clipselect.training.fan_losses import discriminator_loss
from clipselect.training.loop import EMA_DECAY, LOSS_DECAY, Example, TrainingConfig, batches, exact_small_maps, remedy
from clipselect.training.runtime import Runtime

STAGE = "training the FAN"
LATER, LATER_RATE = 0.5, 0.25
"""After this fraction of the steps, the learning rate is multiplied by that, as in the paper."""
MEASURED_FROM = 0.5
"""The fraction of the steps after which they are measured: the images of earlier ones may measure better and be no
faces, see docs/research-notes.md."""
COLLAPSED_LOSS, MAX_COLLAPSED_STEPS = 1e-3, 500
"""A discriminator whose loss lies below this for so many steps in a row says nothing more that the generator could
learn from."""

GeneratorLoss = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""(aggregated images [B, 3, h, w], the discriminator's logits for them [B], numbers [B, N + 2]) -> the mean loss []."""


def train_fan(
    aggregator: FaceAggregator,
    discriminator: Discriminator | None,
    memory: nn.Module,
    example: Callable[[int, int], Example],
    loss: GeneratorLoss,
    config: TrainingConfig,
    runtime: Runtime,
    *,
    checkpoint: Path,
    settings: dict[str, Any],
    best: BestStep,
    draw_samples: Callable[[nn.Module, int], None],
    progress: ProgressCallback = no_progress,
) -> int | None:
    """Train; the weights of the best step are in `best` afterwards.

    It is one of the second half, see `MEASURED_FROM`, or, where the discriminator had won before that, the first step
    of those that it won.

    In one process; in bf16 the aggregator alone.

    Args:
        discriminator: None for a training without adversarial loss.
        memory: what `loss` remembers from step to step, as buffers.
        example: as `clipselect.training.fan_examples.FANExamples`.
        checkpoint, settings: as for `clipselect.training.loop.train`.
        draw_samples: (averaged aggregator, steps done); called with every checkpoint.

    Returns:
        The step at which the discriminator had won for good, and the training was stopped; None otherwise. Then the
        checkpoint is the last one before.

    Raises:
        ClipselectError: a loss or gradient that is not a number, a checkpoint of other settings.
    """
    device = runtime.device
    turns = _Turns(aggregator.to(device), discriminator and discriminator.to(device), loss, config, runtime, checkpoint)
    averaged = AveragedModel(aggregator)
    if device.type == "cpu":
        exact_small_maps(aggregator)  # not in the copy that the average is: it would call this network's layers
    parts = {**turns.parts, "averaged": averaged, "memory": memory.to(device), "best": best}
    settings = {**settings, "precision of the aggregator": runtime.precision}
    first = load_checkpoint(checkpoint, parts, settings)
    saved, running, done, won_steps, won = time.monotonic(), 0.0, first, 0, False
    if first < config.steps:
        progress(Progress(STAGE, first, config.steps))
    for step, (images, numbers) in enumerate(batches(example, config, runtime, first), start=first):
        shown, done = turns.take(step, images.to(device), numbers.to(device)), step + 1
        averaged.multi_avg_fn = get_ema_multi_avg_fn(min(EMA_DECAY, (1 + step) / (10 + step)))
        averaged.update_parameters(aggregator)
        running = shown["loss"] if step == first else LOSS_DECAY * running + (1 - LOSS_DECAY) * shown["loss"]
        won_steps = won_steps + 1 if shown.get("discriminator", math.inf) < COLLAPSED_LOSS else 0
        won, is_last = won_steps >= MAX_COLLAPSED_STEPS, done == config.steps
        if won_steps == 1:
            last_good = done, {name: tensor.clone() for name, tensor in averaged.state_dict().items()}
        is_good = not won_steps or (is_last and not won)
        if is_good and best.is_due(done, config.steps) and done > MEASURED_FROM * config.steps:
            shown["held out"] = best.consider(averaged.module, done, runtime)
        runtime.log.write(shown, done)
        if is_good and (time.monotonic() - saved > 60 * config.checkpoint_minutes or is_last):
            save_checkpoint(checkpoint, parts, settings, done)
            draw_samples(averaged.module.eval(), done)
            saved = time.monotonic()
        against = f", discriminator {shown['discriminator']:.3f}" if discriminator else ""
        progress(Progress(STAGE, done, config.steps, f"loss {running:.3f}{against}"))
        if won:
            if not best.weights:
                averaged.load_state_dict(last_good[1])
                best.consider(averaged.module, last_good[0], runtime)
            _warn_of_collapse(done, best.step)
            break
    runtime.log.close()
    return done if won else None


class _Turns:
    """The two networks of a training and their optimisers, which take turns."""

    def __init__(
        self, aggregator: FaceAggregator, discriminator: Discriminator | None, loss: GeneratorLoss,
        config: TrainingConfig, runtime: Runtime, checkpoint: Path,
    ) -> None:  # fmt: skip
        self.aggregator, self.discriminator, self.loss = aggregator, discriminator, loss
        self.config, self.checkpoint = config, checkpoint
        self.optimisers = {
            name: torch.optim.Adam(net.parameters(), lr=config.learning_rate)
            for name, net in (("generating", aggregator), ("discriminating", discriminator))
            if net is not None
        }
        self.device, self.fast = runtime.device.type, runtime.precision == "bf16"

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds of them."""
        nets = {"net": self.aggregator, "discriminator": self.discriminator}
        return {**{name: net for name, net in nets.items() if net is not None}, **self.optimisers}

    def take(self, step: int, images: Tensor, numbers: Tensor) -> dict[str, float]:
        """One step of the discriminator and one of the generator; returns their losses.

        Args:
            images: [B, N + 1, 3, h, w] in [0, 1].
            numbers: [B, N + 2].
        """
        pixels = 2 * images - 1
        rate = self.config.learning_rate * (LATER_RATE if step >= LATER * self.config.steps else 1)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.fast):
            made = self.aggregator.train()(pixels[:, :-1])
        made, shown, logits = made.float(), {"learning rate": rate}, None
        if self.discriminator is not None:
            loss = discriminator_loss(self.discriminator(made.detach()), self.discriminator(pixels[:, -1]))
            shown["discriminator"] = self._update("discriminating", loss, rate, step)
            logits = self.discriminator(made)
        loss = self.loss(made, logits, numbers)
        return shown | {"loss": self._update("generating", loss, rate, step)}

    def _update(self, name: str, loss: Tensor, rate: float, step: int) -> float:
        """Change the parameters of one of the optimisers alone."""
        (group,) = self.optimisers[name].param_groups
        if not math.isfinite(value := float(loss.detach())):
            raise ClipselectError(f"the loss is not a number at step {step}{remedy(self.checkpoint)}")
        self.optimisers[name].zero_grad()
        loss.backward(inputs=group["params"])
        if not bool(nn.utils.get_total_norm([p.grad for p in group["params"]]).isfinite()):
            raise ClipselectError(f"a gradient is not a number at step {step}{remedy(self.checkpoint)}")
        group["lr"] = rate
        self.optimisers[name].step()
        return value


def _warn_of_collapse(done: int, best: int) -> None:
    problem = (
        f"stopped after step {done}: for {MAX_COLLAPSED_STEPS} steps, the discriminator has recognised all images of "
        f"the generator, which learns nothing more from it. The weights are those of step {best}; train again with a "
        "smaller weight of the adversarial loss or a narrower discriminator, under another name"
    )
    warnings.warn(problem, ClipselectWarning, stacklevel=5)
