"""The training loop: an interrupted run ends as an uninterrupted one, bit for bit; trouble is told in a sentence."""

import errno
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from clipselect import training
from clipselect.errors import ClipselectError, VideoError
from clipselect.runtime import Runtime, start
from clipselect.training import AVERAGE, Example, Schedule, exact_small_maps, train

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


def schedule(**options: Any) -> Schedule:
    return Schedule(**{"steps": STEPS, "batch": 4, "learning_rate": 0.05, "weight_decay": 0.01, **options})


class Training:
    """A run in a folder of its own; `weights` are those of the result, None if it was stopped."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.checkpoint = folder, folder / "net.ckpt"
        self.runtime = start("cpu", "32", folder / "logs")

    def __call__(self, stop_after: int | None = None, **options: Any) -> State:
        def show(done: int, _: float) -> None:
            if done == stop_after:
                raise KeyboardInterrupt

        how: dict[str, Any] = {
            "settings": {"of": "the test"},
            "example": example,
            "loss": loss,
            "net": fresh(),
            **options,
        }
        net = train(
            how["net"], how["example"], how["loss"], how.get("schedule", schedule(checkpoint_minutes=0)), self.runtime,
            checkpoint=self.checkpoint, settings=how["settings"], show=how.get("show", show),
        )  # fmt: skip
        assert not net.training
        return net.state_dict()


Begin = Callable[[str], Training]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    return lambda name: Training(tmp_path / name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> State:
    """The weights of a run that was left alone."""
    return Training(tmp_path_factory.mktemp("whole") / "run")()


def assert_same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def fails_at(step: int, value: float = math.nan) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """A loss that is not a number at that step."""
    calls = iter(range(10**6))
    return lambda net, x, y: loss(net, x, y) * (value if next(calls) == step else 1)


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
    shown: list[int] = []
    assert_same(run(show=lambda step, _: shown.append(step)), whole)
    assert shown == []


def test_workers_and_the_time_between_checkpoints_change_nothing(begin: Begin, whole: State) -> None:
    assert_same(begin("workers")(schedule=schedule(workers=1)), whole)
    assert schedule(workers=3, checkpoint_minutes=9).essence == schedule().essence != schedule(seed=1).essence


def test_another_seed_drops_out_others(begin: Begin, whole: State) -> None:
    other = begin("run")(schedule=schedule(seed=1))
    assert not torch.equal(other["0.weight"], whole["0.weight"])


@pytest.mark.parametrize("steps", [1, 2])
def test_the_shortest_runs_end(steps: int, begin: Begin) -> None:
    assert all(bool(t.isfinite().all()) for t in begin("run")(schedule=schedule(steps=steps)).values())


def test_training_learns(begin: Begin) -> None:
    losses: list[float] = []
    begin("run")(schedule=schedule(steps=100), show=lambda _, value: losses.append(value))
    assert losses[-1] < 0.3 * losses[0]


def test_the_result_is_the_moving_average_of_the_weights(begin: Begin) -> None:
    net, seen = fresh(), list[State]()

    def keep(*_: Any) -> None:
        seen.append({name: tensor.clone() for name, tensor in net.state_dict().items()})

    result = begin("run")(net=net, show=keep)
    for name in ("0.weight", "6.bias", "1.running_mean"):
        expected = seen[0][name]
        for step, state in enumerate(seen[1:], start=1):
            past = min(AVERAGE, (1 + step) / (10 + step))  # little at first, when it is not worth much
            expected = past * expected + (1 - past) * state[name]
        assert torch.allclose(result[name], expected, atol=1e-6) and not torch.equal(result[name], seen[-1][name])


def test_the_result_does_not_call_layers_of_the_trained_network(tmp_path: Path) -> None:
    net = fresh()
    runtime = start("cpu", "32", tmp_path / "logs")
    result = train(net, example, loss, schedule(), runtime, checkpoint=tmp_path / "c", settings={})
    x = torch.rand(2, 3, 2, 8, 8)
    before = result(x)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(math.nan)
    assert torch.equal(result(x), before)


def test_small_maps_are_computed_in_float32_where_autocast_chooses_bfloat16() -> None:
    torch.manual_seed(0)
    conv, pointwise = nn.Conv3d(2, 2, 3, padding=1), nn.Conv3d(2, 2, 1)
    strided = nn.Conv3d(2, 2, 3, stride=2, padding=1)
    small, large = torch.randn(1, 2, 2, 4, 4), torch.randn(1, 2, 2, 8, 8)
    exact = conv(small)
    exact_small_maps(nn.ModuleList([conv, pointwise, strided]))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv(small), exact) and conv(small.bfloat16()).dtype == torch.float32
        assert conv(large).dtype == pointwise(small).dtype == torch.bfloat16
        assert strided(large).dtype == torch.float32  # whose output is small
    assert torch.equal(conv(small), exact)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_step(
    value: float, begin: Begin, whole: State
) -> None:
    run = begin("run")
    with pytest.raises(ClipselectError) as said:
        run(loss=fails_at(3, value))
    kept = f"({run.checkpoint} holds an earlier step; delete it)"
    assert str(said.value).startswith(f"the loss is not a number at step 3 {kept}: choose a smaller learning rate")
    assert torch.load(run.checkpoint, weights_only=True)["step"] == 3
    assert_same(run(), whole)


def test_a_loss_that_is_no_number_from_the_start_promises_no_checkpoint(begin: Begin) -> None:
    run = begin("run")
    with pytest.raises(ClipselectError, match=r"^the loss is not a number at step 0: choose"):
        run(loss=fails_at(0))
    assert not run.checkpoint.exists()


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_gradient_that_is_not_finite_moves_no_weight(begin: Begin) -> None:
    def steep(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(net, inputs, targets)
        value.register_hook(lambda gradient: gradient * math.inf)
        return value

    net = fresh()
    before = {name: p.clone() for name, p in net.named_parameters()}
    begin("run")(net=net, loss=steep)
    assert all(torch.equal(before[name], p) for name, p in net.named_parameters())


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_gradients_that_are_never_finite_end_the_run(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SKIPPED_AT_MOST", 3)

    def steep(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(net, inputs, targets)
        value.register_hook(lambda gradient: gradient * math.nan)
        return value

    with pytest.raises(ClipselectError, match=r"^no gradient is a number since step 0 .*: choose a smaller learning"):
        begin("run")(loss=steep)


def test_weights_that_are_not_numbers_are_no_result(begin: Begin) -> None:
    net = fresh()
    net.register_buffer("unused", torch.tensor(math.nan))
    with pytest.raises(ClipselectError, match=r"^the weights are not numbers .*: choose a smaller learning rate"):
        begin("run")(net=net)


def test_a_checkpoint_of_other_settings_is_refused_and_kept(begin: Begin) -> None:
    run = begin("run")
    run()
    content = run.checkpoint.read_bytes()
    with pytest.raises(ClipselectError, match=r"net\.ckpt: a checkpoint of a run with other options; delete it"):
        run(settings={"of": "another test"})
    assert run.checkpoint.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"text", "half", "a module", "no settings", "a list"])
def test_a_damaged_checkpoint_is_refused(content: bytes | str, begin: Begin) -> None:
    run = begin("run")
    if isinstance(content, bytes):
        run.checkpoint.write_bytes(content)
    elif content == "half":
        run()
        run.checkpoint.write_bytes(run.checkpoint.read_bytes()[: run.checkpoint.stat().st_size // 2])
    else:
        torch.save({"a module": fresh(), "no settings": {"step": 1}, "a list": [1]}[content], run.checkpoint)
    with pytest.raises(ClipselectError, match=r"net\.ckpt: a damaged checkpoint; delete it to begin anew"):
        run()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("write failed")])
def test_a_full_disk_is_told_and_leaves_the_earlier_checkpoint(
    error: Exception, begin: Begin, whole: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, save, saved = begin("run"), torch.save, list[int]()

    def full(content: dict[str, Any], path: Path) -> None:
        saved.append(content["step"])
        if len(saved) == 4:
            path.write_bytes(b"half")
            raise error
        save(content, path)

    with monkeypatch.context() as patch, pytest.raises(ClipselectError) as said:
        patch.setattr(torch, "save", full)
        run()
    assert str(said.value).startswith(f"{run.checkpoint}: the checkpoint cannot be written (")
    assert str(said.value).endswith("; make room and run it again")
    assert [f.name for f in run.folder.glob("net.*")] == ["net.ckpt"]
    assert torch.load(run.checkpoint, weights_only=True)["step"] == 3
    assert_same(run(), whole)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_video_that_vanishes_ends_the_run_with_a_sentence_alone(workers: int, begin: Begin) -> None:
    def vanished(step: int, i: int) -> Example:
        if step == 1:
            raise VideoError("/videos/a: b\n.mp4: no such file; check the path")
        return example(step, i)

    with pytest.raises(ClipselectError) as said:
        begin("run")(example=vanished, schedule=schedule(workers=workers))
    assert str(said.value) == "/videos/a: b\n.mp4: no such file; check the path"


@pytest.mark.parametrize(("batch", "processes"), [(4, 3), (2, 2), (32, 5)])
def test_a_batch_that_the_processes_cannot_share_is_refused(batch: int, processes: int, tmp_path: Path) -> None:
    crew = Runtime(cast(Any, SimpleNamespace(world_size=processes, global_rank=0, device=torch.device("cpu"))), "32")
    with pytest.raises(ClipselectError, match=rf"--batch {batch} cannot be shared evenly by {processes} processes"):
        train(fresh(), example, loss, schedule(batch=batch), crew, checkpoint=tmp_path / "c", settings={})


@pytest.mark.parametrize("rate", [math.nan, math.inf, 1e38, -1.0])
def test_a_learning_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ClipselectError, match=r"--learning-rate must lie in \[0, 1e\+06\]"):
        schedule(learning_rate=rate)


def test_processes_share_a_batch_without_gaps_or_doubles(tmp_path: Path) -> None:
    seen: list[Tensor] = []
    for rank in range(2):
        crew = Runtime(cast(Any, SimpleNamespace(world_size=2, global_rank=rank)), "32")
        batches = [*training._batches(example, schedule(steps=3), crew, 1)]
        assert len(batches) == 2
        seen.append(torch.stack([inputs for inputs, _ in batches]))
    alone = Runtime(cast(Any, SimpleNamespace(world_size=1, global_rank=0)), "32")
    expected = torch.stack([inputs for inputs, _ in training._batches(example, schedule(steps=3), alone, 1)])
    assert torch.equal(torch.cat(seen, dim=1), expected)


def test_the_log_can_be_read_by_tensorboard(begin: Begin) -> None:
    run, shown = begin("run"), list[float]()
    run(show=lambda _, value: shown.append(value))
    log = EventAccumulator(str(run.folder / "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("loss")] == [*range(1, STEPS + 1)]
    assert log.Scalars("loss")[0].value == pytest.approx(shown[0], rel=1e-6)
    assert max(event.value for event in log.Scalars("learning rate")) <= 0.05


def test_an_unknown_precision_or_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="--precision must be one of auto, 32, bf16, got 16"):
        start("cpu", "16", tmp_path / "logs")
    with pytest.raises(ClipselectError, match="device 'abacus' is not available"):
        start("abacus", "32", tmp_path / "logs")


def test_one_device_for_several_processes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ClipselectError, match="--device cuda:1 is for one process; with torchrun give cuda"):
        start("cuda:1", "32", tmp_path / "logs")


def test_variables_of_other_launchers_start_no_crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # it would wait for the other one for ever
    assert start("cpu", "32", tmp_path / "logs").processes == 1
