"""`clipselect index` stopped in mid-run, by any means: nothing lost, nothing doubled, nothing read twice."""

import os
import resource
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

from clipselect.errors import ClipselectError
from clipselect.index import builder, bulk
from clipselect.index.builder import IndexBuilder
from clipselect.index.score_index import Entry, ScoreIndex, Scoring, from_row
from clipselect.scoring.scorer import Scorer, load_scorer

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
"""As sitecustomize.py: notes who reads which video, and lets nobody read j.mp4 until there is a gate."""


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
    scorer = load_scorer()
    scoring = Scoring.of(scorer, stride=0.1)
    how = bulk.Decoding.of(scoring, scorer, 30, 1)
    with IndexBuilder(out, scoring) as builder:
        for entry in bulk.entries(((many / n, m) for n in NAMES for m in bulk.decode(many / n, how)), scorer):
            builder.add(entry)
        assert builder.finish() == 12
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "s.parquet"


def unfinished(out: Path, whole: Path, count: int) -> Path:
    """What a run that was killed after so many videos leaves behind; its journal."""
    index = ScoreIndex(whole)
    with IndexBuilder(out, index.scoring) as builder:
        for row in [*index.rows()][:count]:
            builder.add(from_row(row))
    return builder.journal_path


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
        self.journal = out.with_name("s.parquet.journal")
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
        """Videos of which the journal has the whole line."""
        lines = self.journal.read_bytes().split(b"\n")[1:-1] if self.journal.exists() else []
        return [name for name in NAMES if any(f"/{name}".encode() in line for line in lines)]

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
    assert not killed.journal.exists()


def test_a_stopped_run_says_how_to_go_on(many: Path, out: Path, stuck: Callable[[int], Stuck]) -> None:
    stopped = stuck(2)
    err = stopped.end(signal.SIGTERM)
    assert stopped.process.returncode == 143 and len(stopped.kept()) >= 4 and not out.exists()
    assert err == f"stopped: what is finished is kept; the same command goes on with {out}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_without_workers_can_be_stopped_while_it_decodes(
    run: Run, many: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(bulk, "open_source", lambda *_args, **_how: os.kill(os.getpid(), number))
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert run.code == 128 + number and "stopped: what is finished is kept" in run.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_without_workers_can_be_stopped_while_it_scores(
    run: Run, many: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(Scorer, "score", lambda *_: os.kill(os.getpid(), number))
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert run.code == 128 + number and run.err.startswith("stopped: what is finished is kept") and not out.exists()


@pytest.mark.parametrize("left", [1, 30, -1])
def test_half_a_line_at_the_end_is_cut_off(
    run: Run, many: Path, out: Path, whole: Path, reads: list[str], left: int
) -> None:
    path = unfinished(out, whole, 10)
    content = path.read_bytes()
    begin = content[:-1].rindex(b"\n") + 1
    path.write_bytes(content[:begin] + content[begin:][:left])
    run("index", many, "-o", out, "--workers", 0, *STRIDE)
    assert run.code == 0 and reads == NAMES[9:]
    assert_alike(out, whole)


def test_half_a_line_does_not_spoil_the_next_one(out: Path, whole: Path) -> None:
    path = unfinished(out, whole, 2)
    path.write_bytes(path.read_bytes()[:-20])
    unfinished(out, whole, 2)
    with IndexBuilder(out, ScoreIndex(whole).scoring) as builder:
        assert builder.resumed == builder.finish() == 2


@pytest.mark.parametrize("line", [b"garbage\n", b"[1]\n", b'{"size": 1}\n', b"\0\0\0\0\n", b"\xff\n"])
def test_a_damaged_line_is_refused_and_kept(run: Run, many: Path, out: Path, whole: Path, line: bytes) -> None:
    path = unfinished(out, whole, 2)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(content[0] + content[1] + line + content[2])
    run("index", many, "-o", out, "--workers", 0, *STRIDE)
    assert_refused(run, f"{path}: is damaged; delete it and index again")
    assert path.read_bytes().count(b"\n") == 4


def test_half_a_first_line_is_begun_again(run: Run, many: Path, out: Path, whole: Path) -> None:
    path = unfinished(out, whole, 1)
    path.write_bytes(path.read_bytes()[:20])
    assert run("index", many / "a.mp4", "-o", out, "--workers", 0).code == 0 and len(ScoreIndex(out)) == 1


def test_a_journal_of_another_grid_is_refused_and_both_are_named(run: Run, many: Path, out: Path, whole: Path) -> None:
    path = unfinished(out, whole, 2)
    before = path.read_bytes()
    run("index", many / "a.mp4", "-o", out, "--workers", 0)
    assert_refused(run, "unfinished work of", "every 0.1 s, not of", "every 1 s;", "--overwrite", str(path))
    assert path.read_bytes() == before
    assert run("index", many / "a.mp4", "-o", out, "--workers", 0, "--overwrite").code == 0
    assert len(ScoreIndex(out)) == 1 and not path.exists()


def test_a_second_run_on_the_same_index_is_refused(run: Run, many: Path, out: Path, whole: Path) -> None:
    with IndexBuilder(out, ScoreIndex(whole).scoring) as first:
        run("index", many / "a.mp4", "-o", out, "--workers", 0, *STRIDE)
        assert_refused(run, f"{first.journal_path}: another process builds this index; wait for it or choose another")


def test_what_another_run_finishes_meanwhile_is_kept(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scoring, lock = Scoring("m", "0", "1", "1"), builder._open_locked

    def finish_another(path: Path) -> Any:
        monkeypatch.setattr(builder, "_open_locked", lock)
        with IndexBuilder(out, scoring) as other:
            other.add(Entry("/other.mp4", 1, 1, None, "an error"))
            other.finish()
        return lock(path)

    monkeypatch.setattr(builder, "_open_locked", finish_another)
    with IndexBuilder(out, scoring) as mine:
        mine.add(Entry("/mine.mp4", 1, 1, None, "an error"))
        assert mine.finish() == 2


def test_a_full_disk_is_named_with_what_to_do(out: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(ClipselectError, match="make room and give the same command again"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
            with IndexBuilder(out, Scoring("m", "0", "1", "1")) as builder:
                for i in range(20):
                    builder.add(Entry(f"/{i}.mp4", 1, 1, None, "e" * 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
