"""Indexing by the machines of a Ray cluster: one task per video, which Ray gives to another worker if one is lost.

Videos and weights must be reachable under the same paths on all machines.
"""

import itertools
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.bulk import Decoding, decode, entries
from clipselect.index.entry import Entry, Scoring
from clipselect.media.optional import require
from clipselect.scoring.device import pick_device
from clipselect.scoring.scorer import Scorer, load_ddnet

RETRIES = 3
"""How often a video is read again after its worker was lost, before the video is to blame."""


def entries_by_ray(
    paths: Sequence[Path], scoring: Scoring, model: str | None, device: str, fps: float
) -> Iterator[Entry]:
    """Finished entries of all videos (absolute paths), in the order in which they come.

    The cluster is the one of `RAY_ADDRESS` or of this machine, or else a new one of this machine's cores. With device
    "auto" its workers share its GPUs, if it has any.

    Raises:
        MissingLibraryError: Ray is not installed.
        ClipselectError: while entries come: the cluster is lost, or a machine has another model of that name.
    """
    ray = require("ray", "the engine ray")
    if not ray.is_initialized():
        with _same_signal_handlers():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    return _entries(paths, scoring, model, device, fps)


@contextmanager
def _same_signal_handlers() -> Iterator[None]:
    """Put the caller's handlers back, which Ray replaces by its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, handler)


def _entries(paths: Sequence[Path], scoring: Scoring, model: str | None, device: str, fps: float) -> Iterator[Entry]:
    import ray

    resources = ray.cluster_resources()
    cpus, gpus = int(resources.get("CPU", 1)), resources.get("GPU", 0)
    if not device.startswith("cuda"):
        pick_device(device)  # refuses a name that no worker could use
    elif not gpus:  # else Ray would wait for one
        raise ArgumentError("device", f"cannot be {device}: no machine of the Ray cluster has a GPU; leave it out")
    task_gpus = min(gpus / cpus, 1) if device == "auto" else float(device.startswith("cuda"))
    task: Any = ray.remote(_entry).options(num_cpus=1, num_gpus=task_gpus, max_retries=RETRIES)
    if model is not None and os.path.isfile(model):
        model = os.path.abspath(model)  # noqa: PTH100 (workers run in other folders)
    left = iter(paths)
    running: dict[Any, Path] = {}

    def start(count: int) -> None:
        for path in itertools.islice(left, count):
            running[task.remote(path, scoring, model, device, fps)] = path

    start(2 * cpus)
    while running:
        (finished,), _ = ray.wait([*running])
        path = running.pop(finished)
        start(1)
        try:
            yield ray.get(finished)
        except ray.exceptions.RayTaskError as e:
            if isinstance(e.cause, ClipselectError):
                raise ClipselectError(str(e.cause)) from None
            raise
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as e:
            reason = f"{path}: {RETRIES + 1} Ray workers were lost over it ({type(e).__name__}); convert it"
            yield replace(Entry.before(path, fps), error=reason)
        except ray.exceptions.RayError as e:  # no video's fault
            raise ClipselectError(
                f"the Ray cluster is lost ({type(e).__name__}); finished videos are kept, give the same command again"
            ) from e


def _entry(path: Path, scoring: Scoring, model: str | None, device: str, fps: float) -> Entry:
    """What a worker does."""
    scorer = _scorer(model, device)
    if scorer.metadata["sha256"] != scoring.sha256:
        raise ClipselectError(f"model {scorer.name!r} is another on a machine of the cluster; install the same there")
    how = Decoding.from_scorer(scorer, scoring, fps, threads=1)
    return next(entries(((path, message) for message in decode(path, how)), scorer))


@lru_cache(maxsize=1)
def _scorer(model: str | None, device: str) -> Scorer:
    return load_ddnet(model, device, elements="clips")
