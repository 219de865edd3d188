"""Indexing by the machines of a Ray cluster: each task runs the local engine over a part of the videos.

Ray gives out the parts. Which process decodes what, and what a video that crashes it costs, is the local engine's
affair. If a task is lost, the rest of its part is halved and given out again. Videos and weights must be reachable
under the same paths on all machines.
"""

import logging
import os
import platform
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.bulk import Decoding
from clipselect.index.entry import Entry, Scoring
from clipselect.index.index_file import stored_path
from clipselect.index.local_engine import local_entries
from clipselect.index.parts import MAX_LOST, Parts
from clipselect.media.optional import require
from clipselect.scoring.device import pick_device
from clipselect.scoring.scorer import Scorer, load_ddnet

MAX_CORES = 8
"""Cores of a Ray task at most: machines with more run several, each with a DDNet of its own."""
MIN_USED = 0.85
"""Share of the cluster's cores that tasks must be able to take."""


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

    if model is not None and os.path.isfile(model):
        model = os.path.abspath(model)  # noqa: PTH100 (workers run in other folders)
    cores = _cores_per_task([int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]])
    task: Any = ray.remote(_score_part).options(
        num_cpus=cores, num_gpus=_gpus_per_task(device, cores), max_retries=0, num_returns="streaming"
    )
    parts = Parts(paths, cores)
    running: dict[Any, dict[str, Path]] = {}  # by their streams, the videos of tasks whose entries have not come

    def start() -> None:
        tasks = _tasks(cores)
        while len(running) < 2 * tasks and (part := parts.next(tasks)):
            running[task.remote(part, scoring, model, device, fps, cores)] = {stored_path(path): path for path in part}

    start()
    try:
        while running:
            stream: Any = ray.wait([*running])[0][0]
            try:
                entry: Entry = ray.get(next(stream))
            except StopIteration:
                del running[stream]
            except ray.exceptions.RayTaskError as e:
                if isinstance(e.cause, ClipselectError):
                    raise ClipselectError(str(e.cause)) from None
                raise
            except (
                ray.exceptions.WorkerCrashedError,
                ray.exceptions.OutOfMemoryError,
                ray.exceptions.NodeDiedError,
                ray.exceptions.ObjectLostError,
            ) as e:
                to_blame = parts.give_back([*running.pop(stream).values()])
                if to_blame is not None:
                    reason = f"{to_blame}: {MAX_LOST} Ray workers were lost over it ({type(e).__name__}); convert it"
                    yield replace(Entry.before(to_blame, fps), error=reason)
            except ray.exceptions.RayError as e:  # no video's fault
                raise ClipselectError(
                    f"the Ray cluster is lost ({type(e).__name__}); "
                    "finished videos are kept, give the same command again"
                ) from e
            else:
                del running[stream][entry.path]
                yield entry
                continue
            start()
    finally:
        for stream in running:
            ray.cancel(stream)


def _cores_per_task(machines: Sequence[int]) -> int:
    """The most cores for a task that leave few over on machines of so many cores.

    >>> _cores_per_task([2]), _cores_per_task([12]), _cores_per_task([64, 64, 1]), _cores_per_task([])
    (2, 6, 8, 1)
    """
    used = {cores: sum(machine - machine % cores for machine in machines) for cores in range(1, MAX_CORES + 1)}
    return max(cores for cores in used if used[cores] >= MIN_USED * used[1] and (used[cores] or cores == 1))


def _tasks(cores: int) -> int:
    """How many tasks run at a time, on the machines that the cluster has now."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)) // cores)


def _gpus_per_task(device: str, cores: int) -> float:
    import ray

    gpus = ray.cluster_resources().get("GPU", 0)
    if device != "auto" and not device.startswith("cuda"):
        pick_device(device)  # refuses a name that no worker could use
        return 0
    if device != "auto" and not gpus:  # else Ray would wait for one
        raise ArgumentError("device", f"cannot be {device}: no machine of the Ray cluster has a GPU; leave it out")
    return float(min(gpus / _tasks(cores), 1))


def _score_part(
    paths: list[Path], scoring: Scoring, model: str | None, device: str, fps: float, cores: int
) -> Iterator[Entry]:
    """What a Ray task does."""
    scorer = _scorer(model, device)
    if scorer.metadata["sha256"] != scoring.sha256:
        raise ClipselectError(f"model {scorer.name!r} has other weights on a machine of the cluster; install the same")
    how = Decoding.from_scorer(scorer, scoring, fps, threads=1 if len(paths) > 1 else cores)
    try:
        for entry in local_entries(paths, how, scorer, min(cores, len(paths))):  # noqa: UP028 (Ray sends into generators)
            yield entry
    except ArgumentError as e:
        raise ClipselectError(f"{platform.node()}, a machine of the cluster: {e}") from None


@lru_cache(maxsize=1)
def _scorer(model: str | None, device: str) -> Scorer:
    return load_ddnet(model, device, elements="clips")
