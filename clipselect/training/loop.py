"""The training loop of every network: any device, precision and number of processes; a killed run resumes.

A run is a function of its arguments. Every batch is drawn from the seed and the number of its step, so a run that was
killed continues from its last checkpoint to the result that it would have had, bit for bit.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from clipselect.errors import ArgumentError, ClipselectError, check_argument, whole_number
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.training.augment import memory_format
from clipselect.training.best_step import BestStep
from clipselect.training.checkpoints import load_checkpoint, save_checkpoint
from clipselect.training.runtime import Runtime

EMA_DECAY = 0.995
"""Weight of the past in the moving average of the weights; less during the first steps."""
LOSS_DECAY = 0.95
"""Weight of the past in the moving average of the loss, which is what progress shows."""
WARM_UP = 0.15
"""Fraction of the steps in which the learning rate rises."""
MAX_GRADIENT_NORM = 5.0
MAX_SKIPPED_STEPS = 50
"""Steps in a row whose gradients are not finite, before it makes no sense to go on."""
MAX_LEARNING_RATE = 1e6
MAX_WEIGHT_DECAY = 1e6
MAX_SEED = 2**32 - 1
MAX_SMALL_MAP = 4
"""Up to this side length, oneDNN's bf16 weight gradients of convolutions can hold garbage (torch 2.14, 2.15)."""

Example = tuple[Tensor, Tensor]
"""An input [3, T, size, size], [3, height, width] or [T, 3, height, width] (a set of images) in [0, 1], and its target
[] or [...]."""


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how fast to train; an ArgumentError if a value is out of its range.

    Attributes:
        steps: number of batches.
        batch: elements in a batch, over all processes.
        learning_rate: the highest of the one-cycle schedule of AdamW.
        seed: of everything random.
        checkpoint_minutes: between checkpoints.
        workers: processes that prepare batches, for every training process; 0 prepares them in between.
    """

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int = 0
    checkpoint_minutes: float = 5.0
    workers: int = 0

    def __post_init__(self) -> None:
        for name, lowest in (("steps", 1), ("batch", 2), ("workers", 0), ("seed", 0)):
            whole_number(getattr(self, name), name, lowest)
        check_argument(self.seed <= MAX_SEED, "seed", f"must lie in [0, {MAX_SEED}], got {self.seed}")
        for name, highest in (
            ("learning_rate", MAX_LEARNING_RATE), ("weight_decay", MAX_WEIGHT_DECAY), ("checkpoint_minutes", math.inf),
        ):  # fmt: skip
            value = getattr(self, name)
            is_inside = isinstance(value, int | float) and 0 <= value <= highest  # NaN is not
            check_argument(is_inside, name, f"must lie in [0, {highest:g}], got {value!r}")

    def deterministic_part(self) -> "TrainingConfig":
        """The same without what makes no difference to the result."""
        return replace(self, checkpoint_minutes=0.0, workers=0)


class StepDataset(Dataset[Example]):
    """Example number i of step s at sample_index s * batch + i."""

    def __init__(self, example: Callable[[int, int], Example], batch: int) -> None:
        self.example, self.batch = example, batch

    def __getitem__(self, sample_index: int) -> Example:
        return self.example(*divmod(sample_index, self.batch))


def train(
    net: nn.Module,
    example: Callable[[int, int], Example],
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    config: TrainingConfig,
    runtime: Runtime,
    *,
    checkpoint: Path,
    settings: dict[str, Any],
    rates: Mapping[str, float] | None = None,
    best: BestStep | None = None,
    stage: str = "training",
    progress: ProgressCallback = no_progress,
) -> nn.Module:
    """Train `net` and return it with the moving average of its weights, in evaluation mode.

    Args:
        example: (step, i) -> the i-th example of that step's batch; a function of its arguments alone.
        loss: (net, inputs [b, 3, ...], targets [b, ...]) -> the mean loss [].
        checkpoint: written every few minutes; a run with the same `settings`, precision and number of processes
            continues from it.
        settings: what else decides the result; values that JSON can hold.
        rates: beginnings of names of parameters, and the highest learning rate of these parameters.
        best: returns the weights of the best step instead of the last one's.
        progress: called in the first process after every step with the moving average of the loss; a run that only
            loads a finished checkpoint calls it never.

    Raises:
        ArgumentError: a batch that the processes cannot share evenly.
        ClipselectError: the loss is not a number (the checkpoint stays at an earlier step), a checkpoint of other
            settings, or one that cannot be written.
    """
    check_divisible(config.batch, runtime.world_size)
    settings = {**settings, "precision": runtime.precision, "processes": runtime.world_size}
    dims = 3 if any(isinstance(module, nn.Conv3d) for module in net.modules()) else 2
    net = net.to(runtime.device).to(memory_format=memory_format(dims))
    averaged = AveragedModel(net, use_buffers=True)
    if runtime.device.type == "cpu":
        exact_small_maps(net)  # not in the copy that the average is: it would call this network's layers
    groups = _parameter_groups(net, rates or {}, config.learning_rate)
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, [g["lr"] for g in groups], config.steps, pct_start=WARM_UP)
    parts: dict[str, Any] = {"net": net, "averaged": averaged, "optimiser": optimiser, "rate": rate}
    parts |= {"best": best} if best else {}
    first = load_checkpoint(checkpoint, parts, settings)
    model, prepared = runtime.fabric.setup(net, optimiser)
    saved, running, skipped = time.monotonic(), 0.0, 0
    if runtime.is_global_zero and first < config.steps:
        progress(Progress(stage, first, config.steps))
    if best and not first:
        best.consider(averaged.module, 0, runtime)
    for step, (inputs, targets) in enumerate(batches(example, config, runtime, first), start=first):
        model.train()
        torch.manual_seed((config.seed * 1_000_003 + step) * runtime.world_size + runtime.rank)  # dropout
        value = loss(model, inputs.to(runtime.device), targets.to(runtime.device))
        mean = float(cast(Tensor, runtime.fabric.all_reduce(value.detach(), reduce_op="mean")))
        if not math.isfinite(mean):
            raise ClipselectError(f"the loss is not a number at step {step}{remedy(checkpoint)}")
        prepared.zero_grad()
        runtime.fabric.backward(value)
        norm = nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT_NORM)
        skipped = 0 if bool(norm.isfinite()) else skipped + 1
        if skipped == MAX_SKIPPED_STEPS:
            raise ClipselectError(
                f"every gradient since step {step + 1 - skipped} is NaN or infinite{remedy(checkpoint)}"
            )
        if not skipped:
            prepared.step()
            rate.step()  # PyTorch warns of a schedule that is ahead of its optimiser
        averaged.multi_avg_fn = get_ema_multi_avg_fn(min(EMA_DECAY, (1 + step) / (10 + step)))
        averaged.update_parameters(net)
        running = mean if step == first else LOSS_DECAY * running + (1 - LOSS_DECAY) * mean
        done = step + 1
        shown = {"loss": mean, "learning rate": float(rate.get_last_lr()[0])}
        if best and best.is_due(done, config.steps):
            shown["held out"] = best.consider(averaged.module, done, runtime)
        if runtime.is_global_zero:
            runtime.log.write(shown, done)
            if time.monotonic() - saved > 60 * config.checkpoint_minutes or done == config.steps:
                save_checkpoint(checkpoint, parts, settings, done)
                saved = time.monotonic()
            progress(Progress(stage, done, config.steps, f"loss {running:.4f}"))
    runtime.log.close()
    runtime.fabric.barrier()
    return _result(averaged.module.eval(), best, checkpoint)


def check_divisible(batch: int, processes: int) -> None:
    """Raise an ArgumentError unless every process gets equally many examples of a batch, at least two."""
    if batch % processes or batch < 2 * processes:
        raise ArgumentError(
            "batch",
            f"{batch} cannot be shared evenly by {processes} processes, at least two examples each; choose a multiple "
            "of their number",
        )


def _result(averaged: nn.Module, best: BestStep | None, checkpoint: Path) -> nn.Module:
    if best:
        averaged.load_state_dict(best.weights)
    if not all(bool(t.isfinite().all()) for t in averaged.state_dict().values()):
        raise ClipselectError(f"the weights are not numbers{remedy(checkpoint)}")
    return averaged


def _parameter_groups(net: nn.Module, rates: Mapping[str, float], others: float) -> list[dict[str, Any]]:
    """The parameters that are trained, for an optimiser: `others` is the rate of those without one of their own."""
    groups: dict[str, list[nn.Parameter]] = {"": [], **{beginning: [] for beginning in rates}}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            groups[next((beginning for beginning in rates if name.startswith(beginning)), "")].append(parameter)
    return [{"params": own, "lr": rates.get(name, others)} for name, own in groups.items() if own]


def remedy(checkpoint: Path) -> str:
    """The end of a sentence about a loss, gradient or weight that is not a number."""
    kept = f" ({checkpoint} holds an earlier step; delete it)" if checkpoint.exists() else ""
    return f"{kept}: choose a smaller learning rate, or float32, or look at the data"


def batches(
    example: Callable[[int, int], Example], config: TrainingConfig, runtime: Runtime, first: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's part of every batch from step `first` on."""
    part = config.batch // runtime.world_size
    starts = (step * config.batch + runtime.rank * part for step in range(first, config.steps))
    sample_indices = ([*range(start, start + part)] for start in starts)
    dataset: Any = StepDataset(example, config.batch)
    yield from DataLoader(dataset, batch_sampler=sample_indices, num_workers=config.workers)


def exact_small_maps(net: nn.Module) -> None:
    """Let convolutions over small maps compute in float32 where autocast would choose bfloat16."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d) and max(module.kernel_size) > 1:
            module.forward = _exact_if_small(module, module.forward)  # type: ignore[assignment,method-assign]


def _exact_if_small(conv: nn.Conv2d | nn.Conv3d, forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def guarded(x: Tensor) -> Tensor:
        if min(x.shape[-2:]) > MAX_SMALL_MAP * max(conv.stride):
            return forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.float())

    return guarded
