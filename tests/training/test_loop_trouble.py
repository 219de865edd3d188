"""The training loop: whatever goes wrong is named in a sentence, and what is finished is kept."""

import errno
import io
import math
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest
import torch
from helpers.small_training import (
    STEPS,
    Begin,
    State,
    assert_same,
    config,
    example,
    fails_at,
    fresh,
    loss,
    loss_of,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX.record_writer import RecordWriter
from torch import Tensor, nn

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, VideoError
from clipselect.media.progress import Progress
from clipselect.training import loop
from clipselect.training.loop import Example, train
from clipselect.training.runtime import Runtime
from clipselect.training.scalar_log import ScalarLog

NO_LOG = ScalarLog(Path("never-written"))


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


@pytest.mark.filterwarnings("error:Detected call of `lr_scheduler.step")
def test_a_gradient_that_is_not_finite_moves_no_weight(begin: Begin) -> None:
    def steep(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(net, inputs, targets)
        value.register_hook(lambda gradient: gradient * math.inf)
        return value

    net = fresh()
    before = {name: p.clone() for name, p in net.named_parameters()}
    begin("run")(net=net, loss=steep)
    assert all(torch.equal(before[name], p) for name, p in net.named_parameters())


def test_gradients_that_are_never_finite_end_the_run(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 3)

    def steep(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(net, inputs, targets)
        value.register_hook(lambda gradient: gradient * math.nan)
        return value

    with pytest.raises(
        ClipselectError, match=r"^every gradient since step 0 is NaN or infinite .*: choose a smaller learning"
    ):
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
    with pytest.raises(ClipselectError, match=r"net\.ckpt: a damaged checkpoint; delete it to start again"):
        run()


class Filling(io.BytesIO):
    """A disk with room for a kilobyte."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_told_and_leaves_the_earlier_checkpoint(
    begin: Begin, whole: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, save, saved = begin("run"), torch.save, list[int]()

    def full(content: dict[str, Any], file: IO[bytes]) -> None:
        saved.append(content["step"])
        if len(saved) == 4:
            file.write(b"half")
            save(content, Filling())
        save(content, file)

    with monkeypatch.context() as patch, pytest.raises(ClipselectError) as said:
        patch.setattr(torch, "save", full)
        run()
    assert str(said.value) == (
        f"{run.checkpoint}: cannot be written (No space left on device); make room and run it again"
    )
    assert [f.name for f in run.folder.iterdir() if "net." in f.name] == ["net.ckpt"]
    assert torch.load(run.checkpoint, weights_only=True)["step"] == 3
    assert_same(run(), whole)


@pytest.mark.processes
@pytest.mark.parametrize("workers", [0, 1])
def test_a_video_that_vanishes_ends_the_run_with_a_sentence_alone(workers: int, begin: Begin) -> None:
    def vanished(step: int, i: int) -> Example:
        if step == 1:
            raise VideoError("/videos/a: b\n.mp4: no such file; check the path")
        return example(step, i)

    with pytest.raises(ClipselectError) as said:
        begin("run")(example=vanished, config=config(workers=workers))
    assert str(said.value) == "/videos/a: b\n.mp4: no such file; check the path"


@pytest.mark.parametrize(("batch", "processes"), [(4, 3), (2, 2), (32, 5)])
def test_a_batch_that_the_processes_cannot_share_is_refused(batch: int, processes: int, tmp_path: Path) -> None:
    fabric = SimpleNamespace(world_size=processes, global_rank=0, device=torch.device("cpu"))
    runtime = Runtime(cast(Any, fabric), "32", NO_LOG)
    with pytest.raises(ArgumentError, match=rf"^batch {batch} cannot be shared evenly by {processes} processes"):
        train(fresh(), example, loss, config(batch=batch), runtime, checkpoint=tmp_path / "c", settings={})


@pytest.mark.parametrize("rate", [math.nan, math.inf, 1e38, -1.0])
def test_a_learning_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ArgumentError, match=r"^learning_rate must lie in \[0, 1e\+06\]"):
        config(learning_rate=rate)


def test_processes_share_a_batch_without_gaps_or_doubles(tmp_path: Path) -> None:
    seen: list[Tensor] = []
    for rank in range(2):
        runtime = Runtime(cast(Any, SimpleNamespace(world_size=2, global_rank=rank)), "32", NO_LOG)
        batches = [*loop.batches(example, config(steps=3), runtime, 1)]
        assert len(batches) == 2
        seen.append(torch.stack([inputs for inputs, _ in batches]))
    alone = Runtime(cast(Any, SimpleNamespace(world_size=1, global_rank=0)), "32", NO_LOG)
    expected = torch.stack([inputs for inputs, _ in loop.batches(example, config(steps=3), alone, 1)])
    assert torch.equal(torch.cat(seen, dim=1), expected)


def test_a_full_disk_ends_the_log_and_not_the_training(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """tensorboardX's own thread would die of it, and the training wait for it for ever."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RecordWriter, "write", full)
    run, shown = begin("run"), list[Progress]()
    with pytest.warns(ClipselectWarning, match="No space left") as warned:
        run(progress=shown.append)
    assert sum("No space left" in str(warning.message) for warning in warned) == 1
    assert shown[-1].done == STEPS


def test_the_log_can_be_read_by_tensorboard(begin: Begin) -> None:
    run, shown = begin("run"), list[Progress]()
    run(progress=shown.append)
    log = EventAccumulator(str(run.folder / "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("loss")] == [*range(1, STEPS + 1)]
    assert log.Scalars("loss")[0].value == pytest.approx(loss_of(shown[1]), abs=1e-4)
    assert max(event.value for event in log.Scalars("learning rate")) <= 0.05
