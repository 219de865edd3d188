"""How a network and a decoder share the processor cores.

Both use several threads. Those of PyTorch busy-wait for each other, on cores that the decoder needs, so a network
with all its threads slows the decoder down even where it only waits for frames. There, one thread is enough. On 2 cores
this brought fast scoring of 720p H.264 from 0.73 to 0.66 of the time of decoding alone, and of H.265 from 0.74 to 0.68.
Scores do not depend on the number of threads.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from clipselect.errors import check_argument
from clipselect.media.cores import limit_cores

T = TypeVar("T")

MIN_SLACK = 1.25
"""One thread is enough where batches come more than this many times more slowly than one thread scores them. The margin
keeps a batch that takes a little longer from holding up the decoder."""
MIN_SECONDS_FOR_SEVERAL = 0.05
"""Seconds of processor time that a batch must take one thread before several share it: on two busy cores, waking and
awaiting the second one made 8 clips of 4 x 80 x 80 cost 3.5 times as much, to save at most 7 of 15 ms."""

_setting = Lock()
"""Held while the number of threads of new threads is briefly another one."""


def decoding_threads() -> int:
    """Threads to decode a video with: 0 for as many as pay; one in a worker of a DataLoader, since the workers are many
    already."""
    from torch.utils.data import get_worker_info

    return 0 if get_worker_info() is None else 1


def set_threads(threads: int) -> None:
    """Let decoders and networks of this process use so many threads each, and `build_index` so many processes.

    Without it they use all cores. On a machine that others use, fewer are often faster: threads wait for each other,
    and for those of others. Where `OMP_WAIT_POLICY=PASSIVE` is set before PyTorch is imported, as the command line
    does, they wait without using a core.

    >>> set_threads(2)  # doctest: +SKIP

    Raises:
        ArgumentError: not a whole number from 1 on.
    """
    whole = isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1
    check_argument(whole, "threads", f"must be a whole number from 1 on, got {threads!r}")
    import torch

    limit_cores(threads)
    torch.set_num_threads(threads)


class AdaptiveThreads:
    """Runs a network batch by batch while a decoder makes the next batches; a context manager. Imports no PyTorch.

    The network gets one thread while it waits for the decoder anyway, or where a batch is little work; otherwise
    as many as PyTorch is set to. The number of threads of the caller and of others stays as it is.

    Attributes:
        seconds: that the network took for all batches together.
    """

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, own_clock: Callable[[], float] = time.thread_time
    ) -> None:
        self.seconds = 0.0
        self._clock, self._own_clock = clock, own_clock
        self._work = 0.0  # seconds of processor time that one thread had last, however busy the machine is
        self._last_end = clock()
        self._one_takes = 0.0  # seconds of one thread for a batch, measured or estimated
        self._one_is_enough = True
        self._usual = 1
        self._single: ThreadPoolExecutor | None = None  # until PyTorch is there

    def __enter__(self) -> "AdaptiveThreads":
        return self

    def _thread(self) -> ThreadPoolExecutor:
        """A thread whose calls of PyTorch use no other thread."""
        import torch

        def use_one() -> None:
            torch.get_num_threads()  # before its first use in a thread, PyTorch would override what is set
            torch.set_num_threads(1)

        # Every thread has its own number, but a new thread begins with the one that was set last by any of them.
        with _setting:
            self._usual = torch.get_num_threads()
            single = ThreadPoolExecutor(1)
            try:
                single.submit(use_one).result()
            finally:
                torch.set_num_threads(self._usual)
        return single

    def __exit__(self, *error: object) -> None:
        if self._single is not None:
            self._single.shutdown()

    def run(self, network: Callable[[], T], *, decoder_done: bool) -> T:
        """Call `network` for one batch.

        Args:
            decoder_done: this was the last batch; the network may use all cores, where it has been seen to pay.
        """
        if self._single is None and "torch" in sys.modules:
            self._single = self._thread()
        on_all = (decoder_done or not self._one_is_enough) and self._work >= MIN_SECONDS_FOR_SEVERAL
        single = None if on_all else self._single
        begin = self._clock()
        try:
            return network() if single is None else single.submit(self._alone, network).result()
        finally:
            end = self._clock()
            self.seconds += end - begin
            self._one_takes = end - begin if single else min(self._one_takes, (end - begin) * self._usual)
            self._one_is_enough = end - self._last_end > MIN_SLACK * self._one_takes
            self._last_end = end

    def _alone(self, network: Callable[[], T]) -> T:
        begin = self._own_clock()
        try:
            return network()
        finally:
            self._work = self._own_clock() - begin
