"""Cores that a network and a decoder share."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.command_line import Run, assert_refused

from clipselect.errors import ArgumentError
from clipselect.media.cores import limit_cores, usable_cores
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.threads import AdaptiveThreads, set_threads


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)
    limit_cores(0)


def test_a_limit_holds_for_decoders_networks_and_processes(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("clipselect.media.decoder.threads_for_all", lambda stream: asked.append(stream.type) or 4)
    list(open_source(video).frames(np.arange(30), 16))
    assert len(asked) == 1
    set_threads(1)
    list(open_source(video).frames(np.arange(30), 16))
    assert len(asked) == 1 and (torch.get_num_threads(), usable_cores()) == (1, 1)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_is_a_whole_one(threads: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^threads must"):
        set_threads(threads)


def test_commands_take_a_number_of_threads(run: Run, video: Path) -> None:
    assert run("score", video, "--threads", 1, "--quiet").code == 0 and torch.get_num_threads() == 1
    assert_refused(run("score", video, "--threads", 0), "--threads must")


def test_threads_of_commands_wait_without_using_a_core() -> None:
    """Waiting threads that use the cores of a busy machine make scoring take several times as long."""
    code = "import os, sys, clipselect.__main__ as m; sys.argv = ['clipselect', '--version']\n"
    code += "try: m.main()\nexcept SystemExit: pass\nprint(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split()[-1] == "PASSIVE"


@pytest.mark.parametrize(
    ("every", "one_takes", "threads"),
    [
        (9, [2] * 6, [1, 1, 1, 1, 1, 1]),  # the decoder is slower
        (2.7, [2] * 6, [1, 1, 1, 1, 1, 1]),
        (2.3, [2] * 6, [1, 1, 4, 4, 4, 4]),  # about as slow as one thread
        (0.1, [2] * 6, [1, 4, 4, 4, 4, 4]),  # the network is slower
        (3, [2, 2, 10, 2, 2, 2, 2, 2, 2], [1, 1, 1, 4, 4, 4, 4, 4, 1]),  # something else came between, once
    ],
)
def test_one_thread_where_that_is_fast_enough(every: float, one_takes: list[float], threads: list[int]) -> None:
    """A decoder makes a batch every so many seconds; twice the threads make the network twice as fast."""
    now = 100.0

    def network(one_takes: float) -> int:
        nonlocal now
        now += one_takes / torch.get_num_threads()
        return torch.get_num_threads()

    with AdaptiveThreads(lambda: now, lambda: now) as beside:
        used = []
        for i, seconds in enumerate(one_takes, start=1):
            now = max(now, 100 + i * every)
            used.append(beside.run(partial(network, seconds), decoder_done=False))
        assert used == threads
        assert beside.seconds == pytest.approx(sum(s / n for s, n in zip(one_takes, used, strict=True)))
        assert beside.run(partial(network, 1), decoder_done=True) == 4


def test_a_batch_of_little_work_is_not_shared() -> None:
    """Also the first one, of which nothing is known, if it is the last one."""
    now = 0.0

    def network() -> int:
        nonlocal now
        now += 0.01
        return torch.get_num_threads()

    with AdaptiveThreads(lambda: now, lambda: now) as beside:
        assert [beside.run(network, decoder_done=done) for done in (True, False, False, True)] == [1] * 4
    with AdaptiveThreads(lambda: 100 * now, lambda: now) as beside:  # a busy machine, where it has to wait
        assert [beside.run(network, decoder_done=done) for done in (False, False, True)] == [1] * 3


def test_threads_of_others_stay_as_they_are() -> None:
    """Also of those that meet PyTorch for the first time meanwhile."""

    def fails() -> None:
        seen.append(torch.get_num_threads())
        with ThreadPoolExecutor(1) as fresh:
            seen.append(fresh.submit(torch.get_num_threads).result())
        raise ZeroDivisionError

    seen: list[int] = []
    with AdaptiveThreads() as beside, pytest.raises(ZeroDivisionError):
        beside.run(fails, decoder_done=False)
    assert seen == [1, 4]
    assert torch.get_num_threads() == 4


def test_many_at_once_find_the_usual_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that first meets PyTorch while another one sets its number to 1 must not take that for usual."""
    setting = torch.set_num_threads

    def slowly(number: int) -> None:
        setting(number)
        time.sleep(0.02 if number == 1 else 0)

    monkeypatch.setattr(torch, "set_num_threads", slowly)

    def enters() -> tuple[int, int]:
        with AdaptiveThreads() as beside:
            return beside.run(torch.get_num_threads, decoder_done=False), torch.get_num_threads()

    with ThreadPoolExecutor(8) as fresh:
        assert {*fresh.map(lambda _: enters(), range(16))} == {(1, 4)}


def test_scores_do_not_depend_on_the_number_of_threads() -> None:
    scorer = load_scorer(device="cpu")
    size, frames = scorer.input_spec.size, scorer.input_spec.frames
    clips = np.random.default_rng(0).integers(0, 256, (5, frames, size, size, 3), np.uint8)
    found = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        found.append(scorer.score(clips).tolist())
    assert found == [found[0]] * 4
