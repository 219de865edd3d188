"""The step that measures best: kept over a stop, and the untrained network where nothing is better."""

import math

import pytest
import torch
from helpers.small_training import STEPS, Begin, State, assert_same, fresh
from torch import nn

from clipselect.training.best_step import BestStep


def measure_by(values: dict[int, float]) -> tuple[BestStep, list[State]]:
    """A `BestStep` whose measurements have these values in turn, and the weights that it measured."""
    seen: list[State] = []

    def measure(net: nn.Module) -> float:
        assert not net.training
        seen.append({name: t.clone() for name, t in net.state_dict().items()})
        return values.get(len(seen) - 1, 0.0)

    return BestStep(measure, 2), seen


def test_the_weights_of_the_best_measurement_come_back(begin: Begin) -> None:
    best, seen = measure_by({2: 3.0, 3: 3.0})
    found = begin("a")(best=best)
    assert len(seen) == 1 + math.ceil(STEPS / 2)  # 0, 2, 4, 6, and the last
    assert best.step == 4 and best.value == 3  # of equals the first
    assert_same(found, seen[2])


@pytest.mark.parametrize("value", [math.nan, -1.0])
def test_a_training_that_only_gets_worse_gives_the_untrained_network(value: float, begin: Begin) -> None:
    best, seen = measure_by({0: 0.0} | dict.fromkeys(range(1, 9), value))
    assert_same(begin("a")(best=best), seen[0])
    assert best.step == 0


def test_measuring_changes_nothing_of_the_training(begin: Begin, whole: State) -> None:
    best, _ = measure_by({i: float(i) for i in range(9)})
    assert_same(begin("a")(best=best), whole)


@pytest.mark.parametrize("stop", [1, 2, 3, STEPS - 1])
def test_a_stopped_run_knows_the_best_step_so_far(stop: int, begin: Begin) -> None:
    def by_weights(net: nn.Module) -> float:
        return float(torch.cat([p.flatten() for p in net.parameters()]).detach().sin().sum())

    whole, parts = begin("whole"), begin("parts")
    first = BestStep(by_weights, 1)
    expected = whole(best=first)
    with pytest.raises(KeyboardInterrupt):
        parts(stop, best=BestStep(by_weights, 1))
    again = BestStep(by_weights, 1)
    assert_same(parts(best=again), expected)
    assert (again.step, again.value) == (first.step, first.value)


def test_parameters_may_have_a_rate_of_their_own(begin: Begin, whole: State) -> None:
    frozen, before = begin("a")(rates={"0.": 0.0}), fresh().state_dict()
    assert torch.equal(frozen["0.weight"], before["0.weight"])
    assert not torch.equal(whole["0.weight"], before["0.weight"])
    assert not torch.equal(frozen["6.weight"], before["6.weight"])
    assert_same(begin("b")(rates={"nothing.": 0.1}), whole)
