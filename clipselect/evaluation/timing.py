"""Seconds and memory of methods on real videos, from opening the file to the answer, in turns."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.evaluation.clip_tables import (
    ClipGrid,
    Networks,
    Stopwatch,
    base_by_seeking,
    base_pass,
    motion_pass,
    score_pass,
)
from clipselect.evaluation.method_entry import Candidates
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.outcomes import Cost
from clipselect.media.candidate_clips import spans_of
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.method.aggregation import aggregate
from clipselect.scoring.cheap_scores import packet_scores

Answer = NDArray[np.float64]
Timed = Callable[[str], tuple[Answer, dict[str, float]]]
"""A path -> probabilities [classes], and seconds as `Stopwatch.stop` gives them."""
Key = tuple[str, int | None]
"""A method and its K."""

TIMED = ("ddl", "uniform", "uniform_equal_cost", "motion", "packets", "dense")


def timed_methods(
    ks: Sequence[int], grid: ClipGrid, networks: Networks, cost: Cost, fps: float, min_gap: float | None = 0
) -> dict[Key, Timed]:
    """The methods of `TIMED` at every K, as functions of a video; equal cost only where the cost is known."""
    keys = [(name, k) for k in ks for name in TIMED if METHODS[name].has_k] + [("dense", None)]
    known = [key for key in keys if key[0] != "uniform_equal_cost" or cost.ddnet_to_base is not None]
    options: dict[str, Any] = {"grid": grid, "networks": networks, "cost": cost, "fps": fps, "min_gap": min_gap}
    return {key: partial(_answer, *key, **options) for key in known}


def time_methods(
    paths: Sequence[str],
    methods: Mapping[Key, Timed],
    device: torch.device,
    *,
    stage: str = "timing",
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> dict[Key, dict[str, float]]:
    """Means over the videos of every method, under the keys of a results file; a video that fails is left out.

    First calls are slow, so every method runs once on the first video uncounted. Every file is read beforehand, so that
    it comes from memory for all methods alike. The method that begins changes from video to video.
    """
    found: dict[Key, list[dict[str, float]]] = defaultdict(list)
    order, warm = [*methods], False
    for path in tracked(paths, stage, len(paths), progress):
        try:
            _read(Path(path))
            for key in () if warm else order:
                methods[key](path)
            warm = True
            measured = {key: _measured(methods[key], path, device) for key in order}
        except UNREADABLE as e:
            on_error(path, as_clipselect_error(path, e))
            continue
        for key, values in measured.items():
            found[key].append(values)
        order = [*order[1:], *order[:1]]
    return {key: _means(values) for key, values in found.items()}


def add_seconds(rows: Sequence[dict[str, Any]], seconds: Mapping[Key, dict[str, float]]) -> None:
    """Put what was timed into the rows of a results file; variants of ddl that keep the same clips take as long."""
    for row in rows:
        same_clips = METHODS[row["method"]].choose is METHODS["ddl"].choose
        method = "ddl" if same_clips else row["method"]
        row.update(seconds.get((method, None if method == "dense" else row["k"]), {}))


def _answer(
    name: str,
    k: int | None,
    path: str,
    *,
    grid: ClipGrid,
    networks: Networks,
    cost: Cost,
    fps: float,
    min_gap: float | None,
) -> tuple[Answer, dict[str, float]]:
    method, watch = METHODS[name], Stopwatch()
    source = open_source(path, fps=fps)
    motion = packets = None
    if method.needs == "ddnet":
        source, clips, scores = score_pass(source, grid, networks, watch)
    elif method.needs == "motion":
        source, clips, scores = motion_pass(source, grid, networks)
        motion = scores
    else:
        clips = grid.clips(source.timeline)
        scores = np.zeros(len(clips), np.float32)  # the method does not use them
        packets = packet_scores(source, clips) if method.needs == "packets" else None
    n = len(clips)
    most = n if k is None else min(k, n)
    known: dict[str, Any] = {"equal_cost_k": cost.equal_cost_k(n, most), "motion": motion, "packets": packets}
    kept, weights = method.keep(Candidates(scores, most, spans=spans_of(clips), min_gap=min_gap, **known))
    if k is None:
        rows = base_pass(source, clips, networks, watch)
    else:
        rows = base_by_seeking(source, [clips[i] for i in kept.tolist()], networks, watch)
    return aggregate(torch.from_numpy(rows).double(), weights).numpy(), watch.stop()


def _read(path: Path) -> None:
    """Read a file, or all files of a folder, so that the system has them in memory."""
    for file in filter(Path.is_file, path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while opened.read(1 << 20):
                pass


def _measured(method: Timed, path: str, device: torch.device) -> dict[str, float]:
    counted, on_gpu = _reset_peak(), device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    _, seconds = method(path)
    peak = {"peak_memory_mb": _peak_megabytes()} if counted else {}
    if on_gpu:
        peak["peak_gpu_memory_mb"] = torch.cuda.max_memory_allocated(device) / 2**20
    return {f"seconds_{part}": value for part, value in seconds.items()} | peak


def _means(values: Sequence[dict[str, float]]) -> dict[str, float]:
    mean = {key: float(np.mean([v[key] for v in values])) for key in values[0]}
    total = mean["seconds_total"]
    out = {"seconds": total, **{key: mean[key] for key in ("seconds_decode", "seconds_ddnet", "seconds_base")}}
    out |= {"timed_videos": len(values), "videos_per_second": 1 / total}
    peaks = [key for key in mean if key.startswith("peak")]
    return out | {key: max(v[key] for v in values) for key in peaks}


def _reset_peak() -> bool:
    """Make the kernel count the peak memory of this process from here on; False if it does not."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not allowed
        return False
    return True


def _peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
