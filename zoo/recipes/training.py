"""The loop shared by the recipes: one-cycle AdamW, an average of the weights, checkpoints, exact resumption."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

CHECKPOINT_SECONDS = 120


def train(
    net: nn.Module,
    loss_of_step: Callable[[nn.Module, int], Tensor],
    *,
    steps: int,
    learning_rate: float,
    weight_decay: float,
    checkpoint: Path,
    average: float = 0.995,
) -> nn.Module:
    """Train `net` and return the moving average of its weights.

    `loss_of_step(net, step)` must depend on its arguments alone (draw from a generator seeded with the step), so that
    a run that was interrupted goes on from its checkpoint to the same result.
    """
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(average), use_buffers=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, steps, pct_start=0.15)
    parts: dict[str, nn.Module | torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler] = {
        "net": net, "averaged": averaged, "optimiser": optimiser, "schedule": schedule,
    }  # fmt: skip
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        first = state["step"]
        print(f"resumed at step {first}", flush=True)
    begin = saved = time.monotonic()
    running = 0.0
    for step in range(first, steps):
        net.train()
        torch.manual_seed(step)  # dropout
        loss = loss_of_step(net, step)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        if bool(norm.isfinite()):
            optimiser.step()
        schedule.step()
        averaged.update_parameters(net)
        running += (loss.item() - running) * (0.05 if step > first else 1)
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5d}/{steps}  loss {running:.4f}  {time.monotonic() - begin:.0f} s", flush=True)
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step == steps - 1:
            part_file = checkpoint.with_suffix(".part")
            torch.save({"step": step + 1, **{name: part.state_dict() for name, part in parts.items()}}, part_file)
            part_file.rename(checkpoint)
            saved = time.monotonic()
    return averaged.module.eval()
