"""What the tables of results are made of: the results files, their rows, and a row as the text of a cell."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from marked_blocks import ROOT

from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Difference, Network, Row
from clipselect.evaluation.results import Results, read_results

RESULTS = ROOT / "benchmarks" / "results"

COMPOSED = ("mixed", "hard")
TRIMMED = "trimmed_shipped"
"""The results file of videos all of whose clips show the action."""
DDL, EQUAL_COST = "ddl", "uniform_equal_cost"


def exists(file: str) -> bool:
    return (RESULTS / f"{file}.json").exists()


def results_of(file: str) -> Results:
    path = RESULTS / f"{file}.json"
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, modified: int) -> Results:
    """A file is read again when its time of modification is another one."""
    return read_results(path)


def seeds_of(recipe: str) -> list[Results]:
    """Of the seeds of a recipe."""
    return [read_results(path) for path in sorted((RESULTS / "seeds").glob(f"{recipe}_*.json"))]


def speed_results() -> dict[str, Any]:
    return json.loads((RESULTS / "speed.json").read_text())


def speed_cores(part: str) -> int:
    """Of the machine on which a part of it was measured."""
    cores: int = speed_results()["measured"][part]["environment"]["cores"]
    return cores


def shipped_name(network: Network) -> str:
    """Its name; weights that have been replaced since are not taken for the shipped ones."""
    results = results_of("shipped")
    shipped = network.sha256 in {results.base.sha256, results.model.sha256 if results.model else None}
    return f"`{network.name}`{'' if shipped else ' of an earlier version'}"


def find(results: Results, data: str, method: str, k: int | None) -> Row | None:
    """The row of a method at a K; of a method without K, or where None is asked for, its only one."""
    rows = (row for row in results.rows if (row.data, row.method) == (data, method))
    return next((row for row in rows if k is None or row.k == k or not METHODS[method].has_k), None)


def difference(results: Results, data: str, metric: str, key: tuple[str, int | None], than: str) -> Difference | None:
    """A method at a K minus a baseline at the same K, or minus one without K."""
    wanted = (data, metric, *key, than)
    found = [d for d in results.differences or () if (d.data, d.metric, d.method, d.k, d.than) == wanted]
    return next((d for d in found if d.than_k == key[1] or not METHODS[than].has_k), None)


def at_ks(results: Results, data: str, method: str, ks: Sequence[int], metric: str = "top1") -> str:
    """Its metric at every K, or the one that it has without."""
    found = [find(results, data, method, k) for k in (ks if METHODS[method].has_k else ks[:1])]
    return " / ".join(shown(row, metric, intervals=False) or "-" for row in found) if any(found) else ""


def shown(row: Row | None, metric: str, intervals: bool = True) -> str:
    if row is None:
        return ""
    value, low, high = row.metrics[metric]
    return f"{value:.1f} ({low:.1f}-{high:.1f})" if intervals else f"{value:.1f}"


def gflops(row: Row | None) -> str:
    return "" if row is None or row.gflops is None else f"{row.gflops:.1f}"


def gain(less: Difference | None) -> str:
    return "" if less is None else signed(less.difference, less.low, less.high)


def signed(value: float, low: float, high: float) -> str:
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def mean_and_range(values: Sequence[float]) -> str:
    if not values:
        return ""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{sum(values) / len(values):.1f}" + f" ({low}-{high})" * (low != high)
