"""`clipselect distill` as processes of its own: killed wherever it is, and several at once through torchrun."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.command_line import Run
from helpers.training_data import BASE, TINY, TORCHRUN, assert_same_weights, begin, data_set, stamps
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clipselect.scoring.scorer import load_scorer

PATIENCE = 300


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Of twenty training videos, two files of features, one of them with a video that is none."""
    folder = tmp_path_factory.mktemp("many")
    (data_set(folder / "videos", each=12, frames=8) / "b" / "0.mp4").write_bytes(b"no video")
    (folder / "base.py").write_text(BASE)
    base = f"{folder / 'base.py'}:base"
    return ["distill", "--data", folder / "videos", "--base", base, *TINY, "--steps", 4, "--checkpoint-minutes", 0]


@pytest.fixture
def processes() -> Iterator[list["subprocess.Popen[str]"]]:
    """Those that a test began; none outlives it."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for process in begun:
        process.kill()
        process.communicate()


def wait_for(file: Path, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + PATIENCE
    while not file.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until, f"{file} did not come in time"
        time.sleep(0.05)


def test_a_run_killed_among_the_features_and_in_training_ends_as_one_left_alone(
    command: list[object], tmp_path: Path, processes: list["subprocess.Popen[str]"]
) -> None:
    out, alone = tmp_path / "killed.safetensors", tmp_path / "alone.safetensors"
    features = tmp_path / "killed.work" / "features"
    for number, where in enumerate(("video 18", "step 2")):
        here = tmp_path / f"here{number}"
        processes.append(begin(*command, "-o", out, WAIT=where, HERE=str(here)))
        wait_for(here, processes[-1])
        processes[-1].kill()
        processes[-1].wait()
        if number == 0:
            first = stamps(features)
            assert [*first] == ["000000.npz"]
    assert stamps(features)["000000.npz"] == first["000000.npz"] and len(stamps(features)) == 2
    (checkpoint,) = (tmp_path / "killed.work").glob("ddnet-*.ckpt")
    assert torch.load(checkpoint, weights_only=True)["step"] == 2
    assert not out.exists()
    processes += [begin(*command, "-o", out), begin(*command, "-o", alone)]
    for process in processes[-2:]:
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0 and "1 videos could not be read" in stderr, stderr
    assert_same_weights(out, alone)
    about, expected = (load_scorer(path, "cpu").metadata for path in (out, alone))
    assert about["held_out"] == expected["held_out"] and about["mu"] == expected["mu"]
    tables = [pq.read_table(path.with_suffix(".work") / "d_scores.parquet") for path in (out, alone)]
    assert tables[0].equals(tables[1])


def test_torchrun_shares_the_work_and_speaks_with_one_voice(
    command: list[object], tmp_path: Path, run: Run, processes: list["subprocess.Popen[str]"]
) -> None:
    crew, alone = tmp_path / "crew.safetensors", tmp_path / "alone.safetensors"
    processes.append(begin(*command, "-o", crew, launcher=TORCHRUN))
    assert run(*command, "-o", alone).code == 0
    stdout, stderr = processes[0].communicate(timeout=PATIENCE)
    assert processes[0].returncode == 0, stderr
    assert stdout.count("\n") == 1 and stdout.startswith(f"{crew}: Spearman's rho ")
    assert stderr.count("b/0.mp4: not a video") == 1 and stderr.count("1 videos could not be read") == 1
    assert stderr.count("training the DDNet: 4 of 4") == 1 and "Traceback" not in stderr
    works = [path.with_suffix(".work") for path in (crew, alone)]
    one, other = (np.load(work / "centroids.npy") for work in works)
    assert np.allclose(one, other, atol=1e-5, rtol=1e-5, equal_nan=True) and one.shape == (3, 4)
    table, expected = (pq.read_table(work / "d_scores.parquet") for work in works)
    assert table["path"].equals(expected["path"])
    assert np.allclose(table["d_score"].to_numpy(), expected["d_score"].to_numpy(), atol=1e-4)
    assert load_scorer(crew, "cpu").metadata["failed"] == 1
    log = EventAccumulator(str(works[0] / "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("loss")] == [1, 2, 3, 4]
