"""Decoding in processes: the same messages, and files or people that kill the processes."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.videos import make_video

from clipselect.errors import ArgumentError
from clipselect.index.bulk import Decoding, Done, Message, decode
from clipselect.index.decode_workers import decode_in_processes
from clipselect.index.entry import Entry

pytestmark = pytest.mark.processes

HOOK = """
import os, pathlib, signal
opened = pathlib.Path.open

def deadly(self, *args, **kwargs):
    if self.name == "deadly.mp4":
        os.kill(os.getpid(), signal.SIGSEGV)
    if self.name == "quitter.mp4":
        os._exit(7)
    return opened(self, *args, **kwargs)

pathlib.Path.open = deadly
"""
"""As sitecustomize.py of the workers: two files that no process survives."""


@pytest.fixture(scope="module")
def coarse() -> Decoding:
    """One clip per second."""
    return Decoding(clip_duration=Fraction(2), stride=Fraction(1), size=112, frames=8, fps=30, threads=1)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("workers")
    return [make_video(folder / f"{i}.mp4", 50 + 5 * i) for i in range(4)]


def children() -> set[str]:
    """The processes that this one has started and not yet seen the end of."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture
def no_children_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def test_no_videos_give_no_messages(coarse: Decoding) -> None:
    assert [*decode_in_processes([], coarse, 2)] == []


@pytest.mark.parametrize("workers", [2, 9])
@pytest.mark.usefixtures("no_children_left")
def test_processes_give_the_same_messages(paths: list[Path], coarse: Decoding, workers: int) -> None:
    if workers == 9:
        paths = paths[:2]  # more workers than videos
    how = replace(coarse, stride=Fraction(1, 20))
    found: dict[Path, list[Message]] = {path: [] for path in paths}
    for path, message in decode_in_processes(paths, how, workers):
        found[path].append(message)
    for path in paths:
        for message, other in zip(found[path], decode(path, how), strict=True):
            if isinstance(other, Entry):
                assert isinstance(message, Entry) and replace(message, scores=other.scores) == other
            else:
                np.testing.assert_equal(message, other)


@pytest.mark.usefixtures("no_children_left")
def test_a_file_that_kills_its_decoder_costs_only_itself(
    paths: list[Path], coarse: Decoding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    monkeypatch.syspath_prepend(tmp_path)
    deadly, quitter = tmp_path / "deadly.mp4", tmp_path / "quitter.mp4"
    for path in (deadly, quitter):
        path.touch()
    todo = [deadly, paths[0], quitter, paths[1]]
    ends = {path: m for path, m in decode_in_processes(todo, coarse, 2) if isinstance(m, Done)}
    assert ends == {
        deadly: Done(error=f"{deadly}: crashes its decoder (signal 11); convert it"),
        quitter: Done(error=f"{quitter}: crashes its decoder (exit code 7); convert it"),
        paths[0]: Done(),
        paths[1]: Done(),
    }


@pytest.mark.usefixtures("no_children_left")
def test_a_worker_killed_between_two_videos_is_replaced(paths: list[Path], coarse: Decoding) -> None:
    before, ends = children(), dict[Path, Message]()
    for path, message in decode_in_processes(paths, coarse, 1):
        if isinstance(message, Done):
            ends[path] = message
            if len(ends) == 1:
                (worker,) = children() - before
                os.kill(int(worker), signal.SIGKILL)
                os.waitid(os.P_PID, int(worker), os.WEXITED | os.WNOWAIT)  # dead, and left to its parent
    assert ends == dict.fromkeys(paths, Done())


@pytest.mark.usefixtures("no_children_left")
def test_a_video_is_tried_again_if_somebody_kills_its_worker(paths: list[Path], coarse: Decoding) -> None:
    before, killed = children(), False
    ends: dict[Path, Message] = {}
    for path, message in decode_in_processes(paths[:2], coarse, 1):
        if not killed:
            (worker,) = children() - before
            os.kill(int(worker), signal.SIGKILL)
            killed = True
        ends[path] = message
    assert ends == dict.fromkeys(paths[:2], Done())


@pytest.mark.usefixtures("no_children_left")
def test_workers_that_cannot_start_are_one_clear_error(
    paths: list[Path], coarse: Decoding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os, time; time.sleep(0.2); os._exit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArgumentError, match=r"^workers must be 0: .*\(exit code 3\)"):
        [*decode_in_processes(paths, coarse, 2)]


def test_workers_that_end_at_once_are_one_clear_error(
    paths: list[Path], coarse: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        process = popen(["/bin/false"], **options)
        process.wait()
        return process

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", ended)
    with pytest.raises(ArgumentError, match=r"^workers must be 0: .*\(exit code 1\)"):
        [*decode_in_processes(paths, coarse, 2)]


@pytest.mark.usefixtures("no_children_left")
def test_a_closed_generator_leaves_no_process_behind(paths: list[Path], coarse: Decoding) -> None:
    before = children()
    messages = decode_in_processes(paths, coarse, 2)
    next(messages)
    assert len(children() - before) == 2
    messages.close()  # type: ignore[attr-defined]
    assert children() <= before
