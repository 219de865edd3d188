"""`clipselect index --engine ray` on a local cluster of two cores, with processes that are killed in mid-run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.command_line import assert_alike
from helpers.videos import make_video

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.build_index import build_index
from clipselect.index.entry import Scoring
from clipselect.index.score_index import ScoreIndex
from clipselect.scoring import shipped
from clipselect.scoring.scorer import load_scorer

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.processes, pytest.mark.slow]

HOOK = """
import os, pathlib, signal, time
opened = pathlib.Path.open

def noted(self, *args, **kwargs):
    if self.suffix == ".mp4":
        with opened(pathlib.Path(os.environ["READS"]), "a") as log:
            log.write(f"{self.name} {os.getpid()}\\n")
        if self.name == "deadly.mp4":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.name == "lethal.mp4":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        until = time.time() + 60
        while self.name == "07.mp4" and not os.path.exists(os.environ["GATE"]) and time.time() < until:
            time.sleep(0.02)
    return opened(self, *args, **kwargs)

pathlib.Path.open = noted
"""
"""As sitecustomize.py of the decoding processes: notes who reads what, a file that none of them survives, one that no
Ray worker survives, and one that waits for a gate."""


class Cluster:
    """A local Ray of two cores, and what their decoding processes read."""

    def __init__(self, folder: Path) -> None:
        self.reads, self.gate = folder / "reads", folder / "gate"
        (folder / "sitecustomize.py").write_text(HOOK)
        added = {"PYTHONPATH": str(folder), "READS": str(self.reads), "GATE": str(self.gate)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in added.items():
                patch.setenv(name, value)
            context = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=None)
        self.address = context.address_info["address"]

    def readers(self, name: str) -> list[int]:
        lines = self.reads.read_text().splitlines() if self.reads.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        yield Cluster(tmp_path_factory.mktemp("cluster"))
    finally:
        ray.shutdown()


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for i in range(20):
        make_video(folder / f"{i:02}.mp4", 40 + i)
    (folder / "19.mp4").write_text("not a video")
    return folder


@pytest.fixture(scope="module")
def local(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the videos without Ray."""
    out = tmp_path_factory.mktemp("local") / "local.parquet"
    build_index([videos], out, device="cpu", workers=0)
    return out


def wait_for(condition: Callable[[], object], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.02)


def index(cluster: Cluster, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "clipselect", "index", *map(str, arguments), "--device", "cpu"],
        env={**os.environ, "RAY_ADDRESS": cluster.address},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def parent(process: int) -> int:
    status = Path(f"/proc/{process}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


@pytest.mark.parametrize("killed", ["decoding process", "Ray worker"])
def test_a_killed_process_costs_nothing(
    cluster: Cluster, videos: Path, local: Path, tmp_path: Path, killed: str
) -> None:
    shared = tmp_path / "ray.parquet"
    cluster.reads.unlink(missing_ok=True)
    cluster.gate.unlink(missing_ok=True)
    run = index(cluster, videos, "-o", shared, "--engine", "ray")
    try:
        wait_for(lambda: cluster.readers("07.mp4"))
        reader = cluster.readers("07.mp4")[0]
        os.kill(reader if killed == "decoding process" else parent(reader), signal.SIGKILL)
        wait_for(lambda: len(set(cluster.readers("07.mp4"))) == 2)  # another process reads it again
        cluster.gate.touch()
        out, err = run.communicate(timeout=240)
    finally:
        run.kill()
    assert run.returncode == 1 and "19 videos scored, 0 unchanged, 1 failed; it now holds 20" in out, err
    assert "19.mp4: is text, not a video" in err and "Traceback" not in err
    assert_alike(shared, local)


def test_a_video_that_kills_every_process_fails_alone(cluster: Cluster, videos: Path, tmp_path: Path) -> None:
    deadly, lethal, out = tmp_path / "deadly.mp4", tmp_path / "lethal.mp4", tmp_path / "s.parquet"
    deadly.touch()
    lethal.touch()
    run = index(cluster, videos / "00.mp4", deadly, lethal, videos / "01.mp4", "-o", out, "--engine", "ray")
    try:
        _, err = run.communicate(timeout=240)
    finally:
        run.kill()
    assert run.returncode == 1 and f"Error: {deadly}: crashes its decoder (signal 9); convert it" in err
    assert f"Error: {lethal}: 4 Ray workers were lost over it" in err
    errors = {Path(row["path"]).name: row["error"] is not None for row in ScoreIndex(out).rows()}
    assert errors == {"00.mp4": False, "01.mp4": False, "deadly.mp4": True, "lethal.mp4": True}
    assert len(set(cluster.readers("lethal.mp4"))) >= 4


def test_a_stopped_run_says_how_to_go_on(cluster: Cluster, videos: Path, tmp_path: Path) -> None:
    cluster.gate.unlink(missing_ok=True)
    before = len(cluster.readers("07.mp4"))
    run = index(cluster, videos / "07.mp4", "-o", tmp_path / "s.parquet", "--engine", "ray")
    try:
        wait_for(lambda: len(cluster.readers("07.mp4")) > before)
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate(timeout=120)
    finally:
        run.kill()
        cluster.gate.touch()
    assert run.returncode == 143 and "stopped: nothing was finished yet" in err


def test_another_model_on_the_cluster_is_one_sentence(cluster: Cluster, videos: Path) -> None:
    from clipselect.index.ray_engine import entries_by_ray

    scoring = replace(Scoring.from_scorer(load_scorer()), sha256="0" * 64)
    with pytest.raises(ClipselectError, match="has other weights on a machine of the cluster") as e:
        next(entries_by_ray([videos / "00.mp4"], scoring, None, "cpu", 30))
    assert len(str(e.value).splitlines()) == 1


@pytest.mark.usefixtures("cluster")
def test_a_gpu_that_the_cluster_has_not_is_refused_at_once(videos: Path) -> None:
    from clipselect.index.ray_engine import entries_by_ray

    with pytest.raises(ArgumentError, match="device cannot be cuda: no machine of the Ray cluster has a GPU"):
        next(entries_by_ray([videos / "00.mp4"], Scoring.from_scorer(load_scorer()), None, "cuda", 30))


def test_a_lost_cluster_is_no_fault_of_the_videos(
    cluster: Cluster, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipselect.index.ray_engine import entries_by_ray

    def lost(_: object) -> None:
        raise ray.exceptions.LocalRayletDiedError

    found = entries_by_ray([videos / "00.mp4"], Scoring.from_scorer(load_scorer()), None, "cpu", 30)
    monkeypatch.setattr(ray, "get", lost)
    with pytest.raises(ClipselectError, match=r"cluster is lost \(LocalRayletDiedError\); .* same command again"):
        next(found)


def test_a_model_given_by_a_relative_path_reaches_workers_in_other_folders(
    cluster: Cluster, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipselect.index.ray_engine import entries_by_ray

    monkeypatch.chdir(tmp_path)
    shutil.copy(shipped.weights_path(shipped.DEFAULT_DDNET, shipped.DDNETS), "mine.safetensors")
    scoring = Scoring.from_scorer(load_scorer("mine.safetensors"))
    assert next(entries_by_ray([videos / "00.mp4"], scoring, "mine.safetensors", "cpu", 30)).error is None
