"""The training loop: an interrupted run ends as an uninterrupted one, bit for bit."""

import math
from pathlib import Path

import pytest
import torch
from helpers.small_training import (
    STEPS,
    Begin,
    State,
    assert_same,
    config,
    example,
    fresh,
    loss,
    loss_of,
)
from torch import nn

from clipselect.media.progress import Progress
from clipselect.training.loop import EMA_DECAY, exact_small_maps, train
from clipselect.training.runtime import launch


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_run_stopped_after_any_step_ends_as_if_it_had_not_been(step: int, begin: Begin, whole: State) -> None:
    run = begin("run")
    with pytest.raises(KeyboardInterrupt):
        run(stop_after=step)
    assert_same(run(), whole)


def test_a_run_stopped_again_and_again_ends_as_if_it_had_not_been(begin: Begin, whole: State) -> None:
    run = begin("run")
    for step in (2, 3, 6):
        with pytest.raises(KeyboardInterrupt):
            run(stop_after=step)
    assert_same(run(), whole)


def test_a_finished_run_is_not_trained_again(begin: Begin, whole: State) -> None:
    run = begin("run")
    run()
    shown: list[Progress] = []
    assert_same(run(progress=shown.append), whole)
    assert shown == []


@pytest.mark.processes
def test_workers_and_the_time_between_checkpoints_change_nothing(begin: Begin, whole: State) -> None:
    assert_same(begin("workers")(config=config(workers=1)), whole)
    assert (
        config(workers=3, checkpoint_minutes=9).deterministic_part()
        == config().deterministic_part()
        != config(seed=1).deterministic_part()
    )


def test_another_seed_drops_out_others(begin: Begin, whole: State) -> None:
    other = begin("run")(config=config(seed=1))
    assert not torch.equal(other["0.weight"], whole["0.weight"])


@pytest.mark.parametrize("steps", [1, 2])
def test_the_shortest_runs_end(steps: int, begin: Begin) -> None:
    assert all(bool(t.isfinite().all()) for t in begin("run")(config=config(steps=steps)).values())


def test_training_learns(begin: Begin) -> None:
    shown: list[Progress] = []
    begin("run")(config=config(steps=100), progress=shown.append)
    assert [progress.done for progress in shown] == [*range(101)]
    assert loss_of(shown[-1]) < 0.3 * loss_of(shown[1])


def test_the_result_is_the_moving_average_of_the_weights(begin: Begin) -> None:
    net, seen = fresh(), list[State]()

    def keep(progress: Progress) -> None:
        seen.append({name: tensor.clone() for name, tensor in net.state_dict().items()})

    result = begin("run")(net=net, progress=keep)
    for name in ("0.weight", "6.bias", "1.running_mean"):
        expected = seen[1][name]  # after the first step
        for step, state in enumerate(seen[2:], start=1):
            past = min(EMA_DECAY, (1 + step) / (10 + step))  # little at first, when it is not worth much
            expected = past * expected + (1 - past) * state[name]
        assert torch.allclose(result[name], expected, atol=1e-6) and not torch.equal(result[name], seen[-1][name])


def test_the_result_does_not_call_layers_of_the_trained_network(tmp_path: Path) -> None:
    net = fresh()
    runtime = launch("cpu", "32", tmp_path / "logs")
    result = train(net, example, loss, config(), runtime, checkpoint=tmp_path / "c", settings={})
    x = torch.rand(2, 3, 2, 8, 8)
    before = result(x)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(math.nan)
    assert torch.equal(result(x), before)


@pytest.mark.parametrize(("layer", "extent"), [(nn.Conv2d, ()), (nn.Conv3d, (2,))])
def test_small_maps_are_computed_in_float32_where_autocast_chooses_bfloat16(
    layer: type[nn.Conv2d] | type[nn.Conv3d], extent: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    conv, pointwise = layer(2, 2, 3, padding=1), layer(2, 2, 1)
    strided = layer(2, 2, 3, stride=2, padding=1)
    small, large = torch.randn(1, 2, *extent, 4, 4), torch.randn(1, 2, *extent, 8, 8)
    exact = conv(small)
    exact_small_maps(nn.ModuleList([conv, pointwise, strided]))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv(small), exact) and conv(small.bfloat16()).dtype == torch.float32
        assert conv(large).dtype == pointwise(small).dtype == torch.bfloat16
        assert strided(large).dtype == torch.float32  # whose output is small
    assert torch.equal(conv(small), exact)
