"""Decoding in separate processes, one video at a time each. A file that crashes its process costs that file only.

A worker is `python -m clipselect.index.decode_workers` and receives paths through a pipe. It ends when the pipe is
closed, so a parent that is killed leaves no worker behind.
"""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

from clipselect.errors import ArgumentError
from clipselect.index.bulk import Decoding, Done, Message, decode

Gone = (EOFError, OSError)

MAX_CRASHES = 2
"""Processes that may die over a video before the video is to blame."""


class _Worker:
    """A decoding process, which is replaced if it dies.

    Attributes:
        path: the video that it decodes; None if there is none left.
        answered: whether a message about this video has come.
        crashes: processes that have died over this video.
    """

    def __init__(self, how: Decoding) -> None:
        self.how = how
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clipselect.index.decode_workers", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C goes to the parent only
            )
        self.send(self.how)

    def begin(self, path: Path | None) -> None:
        """Decode this video next."""
        self.path, self.answered, self.crashes = path, False, 0
        if path is not None:
            self.send(path)

    def replace(self) -> str:
        """Start another process instead of the one that has died; returns how that died."""
        self.crashes += 1
        self.end()
        code = self.process.returncode
        self._start()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def send(self, order: object) -> None:
        with suppress(*Gone):  # a process that has died is noticed when its answer is read
            self.pipe.send(order)

    def end(self) -> None:
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):  # so that one that has died keeps its exit status
            self.process.wait(timeout=1)
        self.process.kill()
        self.process.wait()


def decode_in_processes(paths: Sequence[Path], how: Decoding, workers: int) -> Iterator[tuple[Path, Message]]:
    """The messages of all videos, interleaved; every video gets its `Done`, also if its process dies.

    Raises:
        ArgumentError: processes die before they do anything.
    """
    pool: list[_Worker] = []
    try:
        for first in itertools.islice(paths, workers):
            pool.append(_Worker(how))
            pool[-1].begin(first)
        left = itertools.islice(paths, workers, None)
        while busy := [worker for worker in pool if worker.path is not None]:
            ready = wait([worker.pipe for worker in busy])  # until some have sent a message or died
            for worker in [worker for worker in busy if worker.pipe in ready]:
                path, message = worker.path, _receive(worker)
                if path is None or message is None:
                    continue
                yield path, message
                if isinstance(message, Done):
                    worker.begin(next(left, None))
    finally:
        for worker in pool:  # all at once
            worker.pipe.close()
        for worker in pool:
            worker.end()


def _receive(worker: _Worker) -> Message | None:
    """The next message; None if the process has died, but not too often for the video to be tried again."""
    try:
        message: Message = worker.pipe.recv()
    except Gone:
        status = worker.replace()
        if worker.crashes < MAX_CRASHES:  # perhaps it was killed from outside
            worker.send(worker.path)
            return None
        if not worker.answered:
            raise ArgumentError("workers", f"must be 0: decoding processes do not start here ({status})") from None
        return Done(error=f"{worker.path}: crashes its decoder ({status}); convert it")
    worker.answered = True
    return message


def main(fd: int) -> None:
    """What a worker does: decode one video after the other."""
    pipe: Connection = Connection(fd)
    with suppress(*Gone, KeyboardInterrupt):
        how: Decoding = pipe.recv()
        while True:
            for message in decode(pipe.recv(), how):
                pipe.send(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
