"""Seconds and memory from the closed file to the answer: ddl, uniform, uniform for the cost of ddl, and dense, really,
in turns."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clip_tables import Cut, Networks, Watch, base_by_seeking, base_pass, score_pass
from numpy.typing import NDArray
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.commands.stages import Stage
from clipselect.evaluation.methods import METHODS, equal_cost_k
from clipselect.evaluation.outcomes import Cost
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.method.aggregation import aggregate, weights
from clipselect.method.selection import top_k, uniform
from clipselect.training.features import UNREADABLE, unreadable

Answer = NDArray[np.float64]
Method = Callable[[str], tuple[Answer, dict[str, float]]]
"""A path -> probabilities [classes] and seconds as `Watch.stop` gives them."""


def methods(
    ks: Sequence[int], cut: Cut, networks: Networks, cost: Cost, fps: float
) -> dict[tuple[str, int | None], Method]:
    """By method and K; dense has none, and without a known cost there is no equal one."""

    def ddl(path: str, k: int) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source, clips, scores = score_pass(open_source(path, fps=fps), cut, networks, watch)
        kept = top_k(scores, k).ordered
        rows = base_by_seeking(source, [clips[i] for i in kept.tolist()], networks, watch)
        return _aggregated(rows, weights(scores, kept)), watch.stop()

    def uniform_k(path: str, k: int, equal_cost: bool) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source = open_source(path, fps=fps)
        clips = cut.clips(source.timeline)
        count = equal_cost_k(len(clips), k, cost.ddnet_to_base) if equal_cost else min(k, len(clips))
        kept = uniform(len(clips), count)
        rows = base_by_seeking(source, [clips[i] for i in kept.tolist()], networks, watch)
        return _aggregated(rows, np.ones(len(kept))), watch.stop()

    def dense(path: str) -> tuple[Answer, dict[str, float]]:
        watch = Watch()
        source = open_source(path, fps=fps)
        rows = base_pass(source, cut.clips(source.timeline), networks, watch)
        return _aggregated(rows, np.ones(len(rows))), watch.stop()

    out: dict[tuple[str, int | None], Method] = {}
    for k in ks:
        out["ddl", k], out["uniform", k] = partial(ddl, k=k), partial(uniform_k, k=k, equal_cost=False)
        if cost.base is not None:
            out["uniform_equal_cost", k] = partial(uniform_k, k=k, equal_cost=True)
    return out | {("dense", None): dense}


def timed(
    paths: Sequence[str], every: Mapping[tuple[str, int | None], Method], device: torch.device, stage: Stage
) -> dict[tuple[str, int | None], dict[str, float]]:
    """Means over the videos of every method, under the keys of a results file; a video that fails is left out.

    Not counted: every method once on the first video, since first calls are slow, and one reading of every file, so
    that none comes from the disk for one method and from memory for the next. The methods take turns in being first.
    """
    found: dict[tuple[str, int | None], list[dict[str, float]]] = defaultdict(list)
    order, warm = [*every], False
    for path in stage.over(paths):
        try:
            _read(Path(path))
            for key in () if warm else order:
                every[key](path)
            warm = True
            measured = {key: _measured(every[key], path, device) for key in order}
        except UNREADABLE as e:
            unreadable(path, e, lambda _, error: stderr().print(Text(f"not timed: {printable(error)}")))
            continue
        for key, values in measured.items():
            found[key].append(values)
        order = [*order[1:], *order[:1]]
    return {key: _means(values) for key, values in found.items()}


def add_seconds(rows: Sequence[dict[str, Any]], seconds: dict[tuple[str, int | None], dict[str, float]]) -> None:
    """Put what was timed into the rows of a results file; the readings of ddl differ in one sum, and share theirs."""
    for row in rows:
        same = METHODS[row["method"]].choose is METHODS["ddl"].choose
        method = "ddl" if same else row["method"]
        row.update(seconds.get((method, None if method == "dense" else row["k"]), {}))


def _read(path: Path) -> None:
    """A file, or all those of a folder, into the memory of the system."""
    for file in filter(Path.is_file, path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while opened.read(1 << 20):
                pass


def _measured(method: Method, path: str, device: torch.device) -> dict[str, float]:
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
