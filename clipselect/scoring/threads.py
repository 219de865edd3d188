"""How a network and a decoder share the processor cores."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

_setting = Lock()


class AdaptiveThreads:
    """Runs a network, batch by batch, while a decoder makes the next batches.

    Threads of a network wait for each other, busily, on cores that the decoder wants. So the network gets one thread as
    long as batches come more slowly than one thread takes over them, and otherwise as many as PyTorch is set to.

    Attributes:
        seconds: that the batches took the network together.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._ended = time.perf_counter()
        self._one_takes = 0.0
        self._one_is_enough = True

    def __enter__(self) -> "AdaptiveThreads":
        import torch  # not for decoding processes, which have no network but need this module

        def only_one() -> None:
            torch.get_num_threads()  # or the first use of PyTorch sets it again
            torch.set_num_threads(1)

        # The number is one per thread, but what was set last is what threads begin with.
        with _setting:
            self._usual = torch.get_num_threads()
            self._one = ThreadPoolExecutor(1)
            try:
                self._one.submit(only_one).result()
            finally:
                torch.set_num_threads(self._usual)
        return self

    def __exit__(self, *error: object) -> None:
        self._one.shutdown()

    def run(self, network: Callable[[], T], *, decoder_done: bool) -> T:
        """What `network` returns; nobody wants its cores once the decoder is done."""
        one = self._one_is_enough and not decoder_done
        begin = time.perf_counter()
        try:
            return self._one.submit(network).result() if one else network()
        finally:
            end = time.perf_counter()
            self.seconds += end - begin
            self._one_takes = end - begin if one else min(self._one_takes, (end - begin) * self._usual)
            self._one_is_enough = end - self._ended > 1.25 * self._one_takes
            self._ended = end
