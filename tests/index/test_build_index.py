"""`build_index`: what it reports, and a run that is stopped by any means: nothing lost, doubled or read twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import Run, assert_alike, assert_refused
from helpers.videos import make_video

from clipselect.errors import ArgumentError
from clipselect.index import bulk
from clipselect.index.build_index import IndexSummary, build_index
from clipselect.index.builder import IndexBuilder
from clipselect.index.entry import from_row
from clipselect.index.score_index import ScoreIndex
from clipselect.media.progress import Progress
from clipselect.scoring.scorer import Scorer

NAMES = [f"{letter}.mp4" for letter in "abcdefghijkl"]
STRIDE = ("--stride", "0.1")  # a batch of clips comes from few videos

HOOK = """
import os, pathlib, time
opened = pathlib.Path.open

def noted(self, *args, **kwargs):
    if self.suffix == ".mp4":
        with opened(pathlib.Path(os.environ["READS"]), "a") as log:
            log.write(f"{self.name} {os.getpid()}\\n")
        until = time.time() + 60
        while self.name == "j.mp4" and not os.path.exists(os.environ["GATE"]) and time.time() < until:
            time.sleep(0.02)
    return opened(self, *args, **kwargs)

pathlib.Path.open = noted
"""
"""As sitecustomize.py: notes who reads which video, and stops whoever reads j.mp4 until there is a gate."""


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve videos of which no two are alike."""
    folder = tmp_path_factory.mktemp("many")
    for i, name in enumerate(NAMES):
        make_video(folder / name, 55 + i)
    return folder


@pytest.fixture(scope="session")
def whole(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their index, made in one go."""
    out = tmp_path_factory.mktemp("whole") / "s.parquet"
    assert build_index(many, out, stride=0.1, workers=0) == IndexSummary(12, 0, 0, 0, 12)
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "s.parquet"


def unfinished(out: Path, whole: Path, count: int) -> Path:
    """What a run that was stopped after so many videos leaves behind."""
    index = ScoreIndex(whole)
    with IndexBuilder(out, index.scoring) as builder:
        for row in [*index.rows()][:count]:
            builder.add(from_row(row))
    return builder.unfinished_path


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Stuck:
    """A run as a process of its own that cannot go on with j.mp4, and has kept at least four videos."""

    def __init__(self, many: Path, out: Path, workers: int) -> None:
        self.unfinished = out.with_name("s.parquet.unfinished")
        self.log, self.gate = out.with_name("reads"), out.with_name("gate")
        (out.parent / "sitecustomize.py").write_text(HOOK)
        paths = {"PYTHONPATH": str(out.parent), "READS": str(self.log), "GATE": str(self.gate)}
        command = [sys.executable, "-m", "clipselect", "index", many, "-o", out, "--workers", workers, *STRIDE]
        self.process = subprocess.Popen(
            [*map(str, command)],
            env={**os.environ, **paths},
            stdout=subprocess.DEVNULL,
            stderr=out.with_name("err").open("w"),
        )
        wait_for(lambda: self.log.exists() and "j.mp4" in self.log.read_text() and len(self.kept()) >= 4)

    def kept(self) -> list[str]:
        """Videos whose rows have been written; not read by SQLite, which the run has locked."""
        files = [self.unfinished, self.unfinished.with_name(f"{self.unfinished.name}-wal")]
        content = b"".join(file.read_bytes() for file in files if file.exists())
        return [name for name in NAMES if f'/{name}", "size"'.encode() in content]

    def end(self, number: int) -> str:
        """What it says when it gets the signal; those that decode for it must end, too."""
        self.process.send_signal(number)
        self.process.wait(60)
        self.gate.touch()
        readers = {int(line.split()[1]) for line in self.log.read_text().splitlines()}
        wait_for(lambda: not any(map(alive, readers)))
        return self.gate.with_name("err").read_text()


@pytest.fixture
def stuck(many: Path, out: Path) -> Iterator[Callable[[int], Stuck]]:
    runs: list[Stuck] = []

    def begin(workers: int) -> Stuck:
        runs.append(Stuck(many, out, workers))
        return runs[-1]

    yield begin
    for one in runs:
        one.gate.touch()
        one.process.kill()
        one.process.wait()


@pytest.fixture
def steps() -> list[Progress]:
    return []


def test_everything_is_reported(many: Path, out: Path, tmp_path: Path, steps: list[Progress]) -> None:
    (tmp_path / "broken.mp4").write_text("no video")
    errors, warnings = dict[str, str](), list[tuple[str, str]]()
    cut = tmp_path / "cut.mkv"
    make_video(cut, 60)
    cut.write_bytes(cut.read_bytes()[:-1500])
    names = [many / "a.mp4", tmp_path / "broken.mp4", str(cut), many / "a.mp4"]

    def again(**options: bool) -> IndexSummary:
        errors.clear(), warnings.clear(), steps.clear()
        return build_index(
            names, str(out), workers=0, progress=steps.append, **options,
            on_error=lambda path, error: errors.update({path: str(error)}),
            on_warning=lambda *warning: warnings.append(warning),
        )  # fmt: skip

    assert again() == IndexSummary(scored=2, unchanged=0, failed=1, failed_earlier=0, total=3)
    assert [*errors] == [str(tmp_path / "broken.mp4")] and "not a video" in errors[str(tmp_path / "broken.mp4")]
    assert [path for path, _ in warnings] == [str(cut)]
    assert steps == [Progress("indexing", done, 3) for done in range(4)]
    assert again() == IndexSummary(scored=0, unchanged=2, failed=1, failed_earlier=1, total=3)
    assert errors == {} and [(step.stage, step.done, step.total) for step in steps] == [
        ("comparing with the index", done, 3) for done in range(4)
    ]
    assert again(retry_failed=True) == IndexSummary(scored=0, unchanged=2, failed=1, failed_earlier=0, total=3)
    assert len(errors) == 1 and steps[-2:] == [Progress("indexing", 2, 3), Progress("indexing", 3, 3)]
    names[:] = [cut]
    assert again(prune=True) == IndexSummary(scored=0, unchanged=1, failed=0, failed_earlier=0, total=1)


def test_a_continued_run_says_so_once(many: Path, out: Path, whole: Path, steps: list[Progress]) -> None:
    unfinished(out, whole, 10)
    assert build_index(many, out, stride=0.1, workers=0, progress=steps.append) == IndexSummary(2, 10, 0, 0, 12)
    assert [step.note != "" for step in steps if step.stage == "indexing"] == [True, False, False]
    assert "10 videos" in next(step.note for step in steps if step.note)
    assert_alike(out, whole)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("workers", -1), ("engine", "spark"), ("fps", float("nan")), ("fps", 0), ("stride", 0), ("clip_duration", -1)],
)
def test_an_argument_that_makes_no_sense_is_named(many: Path, out: Path, argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as e:
        build_index(many, out, **{argument: value})
    assert e.value.argument == argument and str(value) in e.value.problem and not out.exists()


def test_ray_has_its_own_workers(many: Path, out: Path) -> None:
    with pytest.raises(ArgumentError) as e:
        build_index(many, out, engine="ray", workers=2)
    assert e.value.argument == "workers"


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_is_carried_on_with_nothing_lost_doubled_or_read_twice(
    run: Run, many: Path, out: Path, whole: Path, reads: list[str], stuck: Callable[[int], Stuck], workers: int
) -> None:
    killed = stuck(workers)
    killed.end(signal.SIGKILL)
    kept = killed.kept()
    assert 4 <= len(kept) < 12 and "j.mp4" not in kept and not out.exists()
    run("index", many, "-o", out, "--workers", 0, *STRIDE)
    assert run.code == 0 and f"going on where an earlier run stopped, {len(kept)} videos are done" in run.err
    assert sorted(reads + kept) == NAMES
    assert_alike(out, whole)
    assert not killed.unfinished.exists()


@pytest.mark.processes
@pytest.mark.slow
def test_a_stopped_run_says_how_to_go_on(many: Path, out: Path, stuck: Callable[[int], Stuck]) -> None:
    stopped = stuck(2)
    err = stopped.end(signal.SIGTERM)
    assert stopped.process.returncode == 143 and len(stopped.kept()) >= 4 and not out.exists()
    assert err == f"stopped: what is finished is kept in {out}.unfinished; give the same command again to go on\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_without_workers_can_be_stopped_while_it_decodes(
    run: Run, many: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(bulk, "open_source", lambda *_args, **_how: os.kill(os.getpid(), number))
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert run.code == 128 + number and "stopped: nothing was finished yet" in run.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_without_workers_can_be_stopped_while_it_scores(
    run: Run, many: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(Scorer, "score", lambda *_: os.kill(os.getpid(), number))
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert run.code == 128 + number and run.err.startswith("stopped: nothing was finished yet") and not out.exists()


def test_unfinished_work_of_another_grid_is_refused_and_both_are_named(
    run: Run, many: Path, out: Path, whole: Path
) -> None:
    path = unfinished(out, whole, 2)
    before = path.read_bytes()
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert_refused(run, "unfinished work in", "every 0.1 s, not of", "every 1 s;", "--overwrite", str(path))
    assert path.read_bytes() == before
    assert run("index", many / "a.mp4", "-o", out, "--workers", 0, "--overwrite").code == 0
    assert len(ScoreIndex(out)) == 1 and not path.exists()


def test_a_second_run_on_the_same_index_is_refused(run: Run, many: Path, out: Path, whole: Path) -> None:
    with IndexBuilder(out, ScoreIndex(whole).scoring) as first:
        run("index", many / "a.mp4", "-o", out, "--workers", 0, *STRIDE)
        assert_refused(
            run, f"{first.unfinished_path}: another process builds this index; wait for it or choose another"
        )


@pytest.mark.parametrize(
    ("videos", "output", "options", "argument"),
    [
        (None, "x.parquet", {}, "videos"),
        ([], "x.parquet", {}, "videos"),
        (["a.mp4", 5], "x.parquet", {}, "videos"),
        (["a.mp4"], 5, {}, "output"),
        (["a.mp4"], "", {}, "output"),
        (["a.mp4"], "x.parquet", {"workers": "a"}, "workers"),
        (["a.mp4"], "x.parquet", {"workers": 1.5}, "workers"),
        (["a.mp4"], "x.parquet", {"scorer": 5}, "scorer"),
        (["a.mp4"], "x.parquet", {"fps": "a"}, "fps"),
    ],
)
def test_arguments_of_other_types_are_refused_by_name(
    videos: Any, output: Any, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(ArgumentError) as raised:
        build_index(videos, output, **options)
    assert raised.value.argument == argument
