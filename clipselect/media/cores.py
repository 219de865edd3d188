"""How many processor cores there are."""

import os

_limit = 0


def limit_cores(cores: int) -> None:
    """Let this process use at most so many cores; 0 for all of them."""
    global _limit  # noqa: PLW0603
    _limit = cores


def core_limit() -> int:
    """What `limit_cores` was called with, 0 by default."""
    return _limit


def usable_cores() -> int:
    """The cores that this process may run on, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _limit or cores)
