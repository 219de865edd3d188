"""Seconds and memory from the closed file to the answer: ddl, uniform and dense, really, in turns."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clip_tables import Cut, Networks, Watch, base_by_seeking, base_pass, score_pass
from numpy.typing import NDArray
from rich.text import Text

from clipselect.aggregation import aggregate, weights
from clipselect.commands.common import stderr
from clipselect.commands.stages import Stage
from clipselect.display import shown
from clipselect.errors import VideoError
from clipselect.evaluation import READINGS
from clipselect.selection import top_k, uniform
from clipselect.sources import open_source
from clipselect.video import TimelineChanged

MEMORY = (
    "peak_memory_mb: the largest resident memory of the whole process, all that it holds included, during the method"
)

Answer = NDArray[np.float64]
Method = Callable[[str], tuple[Answer, dict[str, float]]]
"""A path -> probabilities [classes] and seconds as `Watch.stop` gives them."""


def methods(ks: Sequence[int], cut: Cut, networks: Networks, fps: float) -> dict[tuple[str, int | None], Method]:
    """By method and K; dense has none."""

    def ddl(path: str, k: int) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source, clips, scores = score_pass(open_source(path, fps=fps), cut, networks, watch)
        kept = top_k(scores, k).ordered
        rows = base_by_seeking(source, [clips[i] for i in kept.tolist()], networks, watch)
        return _aggregated(rows, weights(scores, kept)), watch.stop()

    def uniform_k(path: str, k: int) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source = open_source(path, fps=fps)
        clips = cut.clips(source.timeline)
        kept = uniform(len(clips), min(k, len(clips)))
        rows = base_by_seeking(source, [clips[i] for i in kept.tolist()], networks, watch)
        return _aggregated(rows, np.ones(len(kept))), watch.stop()

    def dense(path: str) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source = open_source(path, fps=fps)
        rows = base_pass(source, cut.clips(source.timeline), networks, watch)
        return _aggregated(rows, np.ones(len(rows))), watch.stop()

    out: dict[tuple[str, int | None], Method] = {}
    for k in ks:
        out["ddl", k], out["uniform", k] = partial(ddl, k=k), partial(uniform_k, k=k)
    return out | {("dense", None): dense}


def timed(
    paths: Sequence[str], ks: Sequence[int], cut: Cut, networks: Networks, fps: float, stage: Stage
) -> dict[tuple[str, int | None], dict[str, float]]:
    """Means over the videos, by method and K, under the keys of a results file; a video that fails is left out.

    Every method runs once more before, on the first video, and is not counted: first calls are slow.
    """
    every = methods(ks, cut, networks, fps)
    found: dict[tuple[str, int | None], list[dict[str, float]]] = defaultdict(list)
    warm = False
    for path in stage.over(paths):
        try:
            for method in () if warm else every.values():
                method(path)
            warm = True
            measured = {key: _measured(method, path) for key, method in every.items()}
        except (VideoError, TimelineChanged) as e:
            stderr().print(Text(f"not timed: {shown(e)}"))
            continue
        for key, values in measured.items():
            found[key].append(values)
    return {key: _means(values) for key, values in found.items()}


def add_seconds(rows: Sequence[dict[str, Any]], seconds: dict[tuple[str, int | None], dict[str, float]]) -> None:
    """Put what was timed into the rows of a results file; the readings of ddl differ in one sum, and share theirs."""
    for row in rows:
        method = "ddl" if row["method"] in READINGS else row["method"]
        row.update(seconds.get((method, None if method == "dense" else row["k"]), {}))


def _measured(method: Method, path: str) -> dict[str, float]:
    counted = _reset_peak()
    _, seconds = method(path)
    peak = {"peak": _peak_megabytes()} if counted else {}
    return {f"seconds_{part}": value for part, value in seconds.items()} | peak


def _means(values: Sequence[dict[str, float]]) -> dict[str, float]:
    mean = {key: float(np.mean([v[key] for v in values])) for key in values[0]}
    total = mean.pop("seconds_total")
    out = {"seconds": total, **{key: mean[key] for key in ("seconds_decode", "seconds_ddnet", "seconds_base")}}
    out["videos_per_second"] = 1 / total
    return out | ({"peak_memory_mb": max(v["peak"] for v in values)} if "peak" in mean else {})


def _aggregated(rows: NDArray[np.float32], weight: NDArray[np.float64]) -> Answer:
    return aggregate(torch.from_numpy(rows).double(), weight).numpy()


def _reset_peak() -> bool:
    """Whether the kernel counts the peak of this process anew from here."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not allowed
        return False
    return True


def _peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
