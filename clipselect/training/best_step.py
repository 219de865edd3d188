"""The step of a training whose weights measure best on held-out data, rather than the last one."""

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from clipselect.training.runtime import Runtime


class BestStep:
    """Keeps the averaged weights of the step that measures best; of equals the first.

    The training loop chooses which steps to measure, see `is_due`: `clipselect.training.loop.train` also the untrained
    network, `clipselect.training.fan_loop.train_fan` those of the second half.

    Args:
        measure: (network in evaluation mode) -> how good it is, more is better.
        every: steps between measurements; the last step is always measured, too.

    Attributes:
        value, step: of the best one so far; one that is no number is never the best.
        weights: its state dict, on the CPU.
    """

    def __init__(self, measure: Callable[[nn.Module], float], every: int) -> None:
        self.measure, self.every = measure, every
        self.value, self.step = -math.inf, -1
        self.weights: dict[str, Any] = {}

    def is_due(self, done: int, steps: int) -> bool:
        return done % self.every == 0 or done == steps

    def consider(self, net: nn.Module, done: int, runtime: Runtime) -> float:
        """Measure the weights after `done` steps, in the first process for all."""
        value = runtime.from_first(lambda: self.measure(net.eval()))
        if value > self.value or not self.weights:
            self.value, self.step = (value if math.isfinite(value) else -math.inf), done
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in net.state_dict().items()}
        return value

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "step": self.step, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.value, self.step, self.weights = state["value"], state["step"], state["weights"]
