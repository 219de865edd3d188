"""How many processor cores there are, and how a network and a decoder share them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager


def usable_cores() -> int:
    """The cores that this process may run on, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class BesideDecoder:
    """Turns of a network that works whenever a decoder, which runs beside it, has made another batch.

    Threads of a network wait for each other, busily, on cores that the decoder wants: where the network waits for
    frames so long that one thread is soon enough, it takes one, and otherwise as many as PyTorch is set to.

    Attributes:
        seconds: that the turns took together.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._end, self._one_is_enough = time.perf_counter(), True

    @contextmanager
    def turn(self, *, last: bool) -> Iterator[None]:
        """Let the network work; `last`: the decoder is done."""
        import torch

        begin, usual = time.perf_counter(), torch.get_num_threads()
        threads = 1 if self._one_is_enough and not last else usual
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(usual)
        waited, self._end = begin - self._end, time.perf_counter()
        took = self._end - begin
        self.seconds += took
        self._one_is_enough = waited > took * (threads - 0.75)  # a quarter to spare, so as not to change every time
