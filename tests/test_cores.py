"""Cores that a network and a decoder share."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from clipselect.cores import BesideDecoder
from clipselect.scorer import load_scorer


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("waits", "one_thread_takes", "threads"),
    [
        ([9, 9, 9, 9], 2, [1, 1, 1, 1]),  # the decoder is slower
        ([0, 0, 0, 0], 2, [1, 4, 4, 4]),  # the network is
        ([0, 0, 9, 9], 2, [1, 4, 4, 1]),
        ([9, 0, 1, 1], 4, [1, 1, 4, 4]),  # about as slow as one thread: what was chosen stays
        ([9, 9, 3, 3], 4, [1, 1, 1, 1]),
    ],
)
def test_one_thread_where_the_network_waits_for_frames(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], one_thread_takes: float, threads: list[int]
) -> None:
    now = 100.0
    monkeypatch.setattr("clipselect.cores.time", SimpleNamespace(perf_counter=lambda: now))
    network, used, took = BesideDecoder(), [], 0.0
    for wait in waits:
        now += wait
        with network.turn(last=False):
            used.append(torch.get_num_threads())
            now += one_thread_takes / used[-1]
            took += one_thread_takes / used[-1]
        assert torch.get_num_threads() == 4
    assert used == threads
    assert network.seconds == pytest.approx(took)


def test_all_threads_for_the_last_batch_and_after_an_error() -> None:
    network = BesideDecoder()
    with network.turn(last=True):
        assert torch.get_num_threads() == 4
    with pytest.raises(ZeroDivisionError), network.turn(last=False):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 4


def test_scores_do_not_depend_on_the_number_of_threads() -> None:
    scorer = load_scorer(device="cpu")
    size, frames = scorer.geometry.size, scorer.geometry.frames
    clips = np.random.default_rng(0).integers(0, 256, (5, frames, size, size, 3), np.uint8)
    found = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        found.append(scorer.score(clips).tolist())
    assert found == [found[0]] * 4
