"""`clipselect distill` as processes of its own: killed wherever it is, and several at once through torchrun."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.command_line import Run
from helpers.frame_fixtures import EMBEDDER, frames_command, noise, write
from helpers.training_data import BASE, TINY, TORCHRUN, assert_same_weights, begin, data_set, stamps
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.weights_file import load_weights

PATIENCE = 300
pytestmark = [pytest.mark.slow, pytest.mark.processes]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Of twenty training videos, two files of features, one of them with a video that is none."""
    folder = tmp_path_factory.mktemp("many")
    (data_set(folder / "videos", each=12, frames=8) / "b" / "0.mp4").write_bytes(b"no video")
    (folder / "base.py").write_text(BASE)
    base = f"{folder / 'base.py'}:base"
    return ["distill", "--data", folder / "videos", "--base", base, *TINY, "--steps", 4, "--checkpoint-minutes", 0]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Of 300 training images, two files of features, one of them with an image that is none."""
    folder = tmp_path_factory.mktemp("many")
    for identity in range(38):
        for number in range(10):
            write(folder / "people" / f"p{identity:02d}" / f"{number}.bmp", noise(4, 4, 50 * identity + number // 4))
    (folder / "people" / "p37" / "9.bmp").write_bytes(b"no image")
    (folder / "base.py").write_text(EMBEDDER)
    return [*frames_command(folder), "--steps", 4, "--variants", 1]


@pytest.fixture(scope="module")
def alone(clips: list[object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a run for clips that nothing disturbed."""
    out = tmp_path_factory.mktemp("alone") / "alone.safetensors"
    process = begin(*clips, "-o", out)
    try:
        stderr = process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
    assert process.returncode == 0 and "left out: 1 video that could not be read" in stderr, stderr
    return out


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
    clips: list[object], alone: Path, tmp_path: Path, processes: list["subprocess.Popen[str]"]
) -> None:
    command, out = clips, tmp_path / "killed.safetensors"
    features = tmp_path / "killed.work" / "features"
    for number, where in enumerate(("video 36", "step 2")):
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
    processes.append(begin(*command, "-o", out))
    _, stderr = processes[-1].communicate(timeout=PATIENCE)
    assert processes[-1].returncode == 0 and "left out: 1 video that could not be read" in stderr, stderr
    assert_same_weights(out, alone)
    about, expected = (load_scorer(path, "cpu").metadata for path in (out, alone))
    assert about["held_out"] == expected["held_out"] and about["mu"] == expected["mu"]
    tables = [pq.read_table(path.with_suffix(".work") / "d_scores.parquet") for path in (out, alone)]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("kind", "bad"), [("clips", "b/0.mp4: is text, not a video"), ("frames", "9.bmp: not an image")]
)
def test_torchrun_shares_the_work_and_speaks_with_one_voice(
    kind: str,
    bad: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    run: Run,
    processes: list["subprocess.Popen[str]"],
) -> None:
    command: list[object] = request.getfixturevalue(kind)
    together = tmp_path / "together.safetensors"
    processes.append(begin(*command, "-o", together, launcher=TORCHRUN))
    if kind == "clips":
        alone: Path = request.getfixturevalue("alone")
    else:
        alone = tmp_path / "alone.safetensors"
        assert run(*command, "-o", alone).code == 0
    stdout, stderr = processes[0].communicate(timeout=PATIENCE)
    assert processes[0].returncode == 0, stderr
    assert stdout.count("\n") == 1 and stdout.startswith(f"{together}: Spearman's rho ")
    assert stderr.count(bad) == 1 and len(re.findall("left out: 1 (?:video|image) that could not be read", stderr)) == 1
    assert stderr.count("training the DDNet: 4 of 4") == 1 and "Traceback" not in stderr
    works = [path.with_suffix(".work") for path in (together, alone)]
    one, other = (np.load(work / "centroids.npy") for work in works)
    assert np.allclose(one, other, atol=1e-5, rtol=1e-5, equal_nan=True)
    table, expected = (pq.read_table(work / "d_scores.parquet") for work in works)
    assert table["path"].equals(expected["path"])
    assert np.allclose(table["d_score"].to_numpy(), expected["d_score"].to_numpy(), atol=1e-4)
    assert load_weights(together, kind="ddnet")[1]["failed"] == 1
    log = EventAccumulator(str(works[0] / "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("loss")] == [1, 2, 3, 4]
