"""Decoding in processes of its own, one video at a time each. A file that brings its process down costs that file.

A worker is `python -m clipselect.index.decode_workers` and takes its orders from a pipe. It ends when the pipe does, so
nothing is left behind by a parent that was killed.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

from clipselect.errors import ArgumentError
from clipselect.index.bulk import Decoding, Done, Message, decode

Gone = (EOFError, OSError)

MAX_CRASHES = 2
"""So many processes may die over a video before it is blamed."""


class _Worker:
    def __init__(self, how: Decoding) -> None:
        self.pipe, theirs = Pipe()
        self.path: Path | None = None
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clipselect.index.decode_workers", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is the parent's business
            )
        with suppress(*Gone):  # noticed when the first answer is read
            self.pipe.send(how)

    def begin(self, path: Path | None) -> None:
        """Go on with a video, or rest."""
        self.path = path
        if path is not None:
            with suppress(*Gone):  # noticed when the answer is read
                self.pipe.send(path)

    def end(self) -> None:
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):  # one that crashed keeps the way it did
            self.process.wait(timeout=1)
        self.process.kill()
        self.process.wait()

    @property
    def exit_status(self) -> str:
        code = self.process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def decode_in_processes(paths: Sequence[Path], how: Decoding, workers: int) -> Iterator[tuple[Path, Message]]:
    """The messages of all videos, interleaved; every video gets its `Done`, also if its process dies."""
    left = iter(paths)
    pool: list[_Worker] = []
    crashes: Counter[Path] = Counter()
    begun: set[Path] = set()  # of which a message has come
    try:
        for path in [path for _, path in zip(range(workers), left, strict=False)]:
            pool.append(_Worker(how))
            pool[-1].begin(path)
        while busy := [worker for worker in pool if worker.path is not None]:
            ready = wait([worker.pipe for worker in busy])
            for i, worker in enumerate(pool):
                if worker.pipe not in ready or worker.path is None:
                    continue
                try:
                    message: Message = worker.pipe.recv()
                    begun.add(worker.path)
                except Gone:
                    worker.end()
                    pool[i] = _Worker(how)
                    crashes[worker.path] += 1
                    if crashes[worker.path] < MAX_CRASHES:  # perhaps somebody killed it
                        pool[i].begin(worker.path)
                        continue
                    if worker.path not in begun:
                        raise ArgumentError(
                            "workers", f"must be 0 here: decoding processes do not start ({worker.exit_status})"
                        ) from None
                    message = Done(error=f"{worker.path}: crashes its decoder ({worker.exit_status}); convert it")
                yield worker.path, message
                if isinstance(message, Done):
                    begun.discard(worker.path)
                    pool[i].begin(next(left, None))
    finally:
        for worker in pool:  # all at once
            worker.pipe.close()
        for worker in pool:
            worker.end()


def main(fd: int) -> None:
    """A worker's life."""
    pipe: Connection = Connection(fd)
    with suppress(*Gone, KeyboardInterrupt):
        how: Decoding = pipe.recv()
        while True:
            for message in decode(pipe.recv(), how):
                pipe.send(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
