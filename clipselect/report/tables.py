"""The tables of a report. A table holds text; Markdown, terminal and page only set it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from clipselect.evaluation.fields import Estimate
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import BestClip, Difference, Row
from clipselect.report.findings import Finding, Verdict, is_variant, judge, ordered, place, verdict_of
from clipselect.report.formats import amount, gain, interval, method_and_k, metric_name
from clipselect.report.runs import Run

TEXT_COLUMNS = frozenset({"run", "method", "data", "metric", "than", "significant", "path", "error"})
MAX_LISTED = 200
"""Unreadable files that a report names."""
SIGNIFICANT = {Verdict.BETTER: "yes, better", Verdict.WORSE: "yes, worse", Verdict.SIMILAR: "no"}

ONLY_TIMED = {
    "ddl_index": "as ddl, with scores from a score index, which was made before",
    "decode_once": "every frame of the file is decoded once, and nothing else is done",
}
"""What benchmarks/run_data_time.py measures besides methods."""

Show = Callable[[Row], str]


@dataclass(frozen=True)
class Table:
    """Cells of text under a title.

    Attributes:
        rows: each as long as `columns`.
        marked: numbers of the rows that stand out.
        text: whether all columns hold words rather than figures.
        folded: whether a page shows it only to those who ask.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    marked: frozenset[int] = frozenset()
    text: bool = False
    folded: bool = False

    def is_text(self, column: str) -> bool:
        """Whether a column reads from the left."""
        return self.text or column in TEXT_COLUMNS


def results_tables(found: Sequence[Finding], *, brief: bool = False) -> list[Table]:
    """Every method at every K, runs side by side, variants apart; the chosen K of each run stands out.

    Args:
        found: findings on the same data.
        brief: only the metric to go by, GFLOPs and seconds, for a terminal.
    """
    pairs = sorted(((row, f) for f in found for row in f.rows), key=lambda pair: place(pair[0]))  # runs in their order
    tables = []
    for title, folded in (("Accuracy and cost", False), ("Variants", True)):
        rows = [pair for pair in pairs if is_variant(pair[0].method) == folded]
        tables += [replace(_results_table(title, rows, found, brief), folded=folded)] if rows else []
    return tables


def differences_table(found: Sequence[Finding]) -> list[Table]:
    """Of the metric to go by: at the chosen K, and of every K to the best; the files hold more."""
    runs = [f.run for f in found]
    entries = [(f.run, d) for f in found for d in f.run.results.differences or () if _is_of_interest(d, f)]
    if not entries:
        return []
    metrics = {metric_name(entry.metric) for _, entry in entries}
    one = len(metrics) == 1
    rows = [
        (*_run_cell(runs, run), *([] if one else [metric_name(entry.metric)]), *_difference_cells(entry))
        for run, entry in entries
    ]
    columns = (*_run_column(runs), *([] if one else ["metric"]), "method", "than", "points", "significant")
    return [Table(f"Differences in {metrics.pop()}" if one else "Differences", columns, rows)]


def ranking_table(runs: Sequence[Run]) -> list[Table]:
    """How well elements are ranked, by data set and run; none if no run says so."""
    entries = [(run, entry) for run in runs for entry in run.results.ranking or ()]
    names = [*dict.fromkeys(name for _, entry in entries for name in entry.measures)]
    if not names:
        return []
    rows = [
        (*_run_cell(runs, run), entry.data, *(_measure(name, entry.measures.get(name)) for name in names))
        for run, entry in entries
    ]
    return [Table("Ranking", (*_run_column(runs), "data", *(name.replace("_", " ") for name in names)), rows)]


def best_clips_table(found: Sequence[Finding]) -> list[Table]:
    """How often the clip that a method keeps first shows the rarest action; none if no file says so."""
    runs = [f.run for f in found]
    rows = [(*_run_cell(runs, f.run), *_best_clip_cells(entry)) for f in found for entry in f.best_clips]
    groups = f"{found[0].run.group}s"
    columns = (*_run_column(runs), "method", groups, "sources", "hits", "chance", "points", "significant")
    return [Table("First clip on the rarest action", columns, rows)] if rows else []


def methods_table(runs: Sequence[Run]) -> Table:
    """What the methods of the runs are."""
    used = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    rows = [(name, _what(name) or "not known to this version") for name in used]
    return Table("Methods", ("method", "what it is"), rows, text=True)


def _what(method: str) -> str:
    """What a method is; empty if that is not known."""
    return METHODS[method].description if method in METHODS else ONLY_TIMED.get(method, "")


def facts_tables(runs: Sequence[Run]) -> list[Table]:
    """What was run: data, networks, settings, environment; a column per run."""
    kinds: dict[str, list[dict[str, object]]] = {"Data": [], "Networks": [], "Settings": [], "Environment": []}
    for run in runs:
        results = run.results
        kinds["Data"].append({
            f"{data.name} {key}": len(value) if key == "unreadable" and value else value
            for data in results.data
            for key, value in data.record().items()
            if key != "name"
        })  # fmt: skip
        networks: dict[str, object] = {"file": str(run.file), "clipselect": results.clipselect}
        for name, network in (("base", results.base), ("model", results.model)):
            networks |= {f"{name} {key}": value for key, value in (network.record() if network else {}).items()}
        kinds["Networks"].append(networks | {"GFLOPs": results.gflops_convention})
        kinds["Settings"].append(results.settings or {})
        kinds["Environment"].append(results.environment.record() if results.environment else {})
    return [_facts(title, runs, records) for title, records in kinds.items() if any(records)]


def unreadable_table(runs: Sequence[Run]) -> list[Table]:
    """The files that could not be read, the first `MAX_LISTED`; none if all could."""
    rows = [
        (*_run_cell(runs, run), data.name, broken.path, broken.error)
        for run in runs
        for data in run.results.data
        for broken in data.unreadable or ()
    ]
    if not rows:
        return []
    more = f", the first {MAX_LISTED} of {len(rows)}" if len(rows) > MAX_LISTED else ""
    files = {run.files for run in runs}
    title = f"{(files.pop() if len(files) == 1 else 'files').capitalize()} that could not be read{more}"
    return [Table(title, (*_run_column(runs), "data", "path", "error"), rows[:MAX_LISTED])]


def fact(value: object) -> str:
    """A value of a results file as text.

    >>> fact([{"name": "nan", "sha256": "1f"}, {"name": "fan", "sha256": "2e"}]), fact([]), fact(0.25)
    ('nan 1f, fan 2e', '-', '0.25')
    """
    if isinstance(value, list):
        return ", ".join(map(fact, value)) or "-"
    if isinstance(value, dict):  # a network: its name and its fingerprint
        return " ".join(map(fact, value.values()))
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)


def _results_table(title: str, rows: Sequence[tuple[Row, Finding]], found: Sequence[Finding], brief: bool) -> Table:
    columns = _brief_columns(found) if brief else _all_columns(rows, found)
    columns = [(name, show) for name, show in columns if any(show(row) for row, _ in rows)]
    runs = [f.run for f in found]
    cells = [
        (
            row.method,
            "all" if row.k is None else str(row.k),
            *_run_cell(runs, f.run),
            *(show(row) for _, show in columns),
        )
        for row, f in rows
    ]
    marked = frozenset(i for i, (row, f) in enumerate(rows) if f.choice is not None and row is f.choice.row)
    names = ("method", "K", *_run_column(runs), *(name for name, _ in columns))
    return Table(title, names, cells, marked)


def _brief_columns(found: Sequence[Finding]) -> list[tuple[str, Show]]:
    metrics = dict.fromkeys(f.metric for f in found if f.metric)
    columns = [(metric_name(name), _metric_cell(name)) for name in metrics]
    return [*columns, ("GFLOPs", _cost_cell("gflops")), ("seconds", _cost_cell("seconds"))]


def _all_columns(rows: Sequence[tuple[Row, Finding]], found: Sequence[Finding]) -> list[tuple[str, Show]]:
    run = found[0].run
    metrics = dict.fromkeys([f.metric for f in found if f.metric] + [name for row, _ in rows for name in row.metrics])
    columns: list[tuple[str, Show]] = [
        (f"{run.element}s", lambda r: "" if r.clips is None else amount(r.clips)),
        (f"{run.group}s", lambda r: str(r.videos)),
    ]
    if any(row.source_count != row.videos for row, _ in rows):
        columns.append(("sources", lambda r: str(r.source_count)))
    columns += [(metric_name(name), _metric_cell(name)) for name in metrics]
    return [
        *columns,
        ("GFLOPs (DDNet + base)", _cost_cell("gflops", "ddnet", "base")),
        ("acceleration", _cost_cell("acceleration")),
        ("seconds (decode + DDNet + base)", _cost_cell("seconds", "decode", "ddnet", "base")),
        ("videos/s", _cost_cell("videos_per_second")),
        ("peak MB", _cost_cell("peak_memory_mb")),
        ("peak GPU MB", _cost_cell("peak_gpu_memory_mb")),
    ]


def _metric_cell(name: str) -> Show:
    def show(row: Row) -> str:
        estimate = row.metrics.get(name)
        return "" if estimate is None else f"{estimate.value:.1f} ({interval(estimate)})"

    return show


def _cost_cell(key: str, *parts: str) -> Show:
    """A cost, and in brackets what it is made of."""

    def show(row: Row) -> str:
        costs = row.costs
        if key not in costs:
            return ""
        split = [costs.get(f"{key}_{part}") for part in parts]
        known = [amount(value) for value in split if value is not None]
        return amount(costs[key]) + (f" ({' + '.join(known)})" if known and None not in split else "")

    return show


def _is_of_interest(entry: Difference, finding: Finding) -> bool:
    if entry.data != finding.data:
        return False
    if finding.choice is None:
        return True
    return entry.metric == finding.metric and (entry.k == finding.choice.row.k or entry.than == entry.method)


def _difference_cells(entry: Difference) -> tuple[str, ...]:
    verdict = judge(entry)
    return (
        method_and_k(entry.method, entry.k),
        method_and_k(entry.than, entry.than_k),
        gain(entry.estimate),
        SIGNIFICANT.get(verdict, verdict.value),
    )


def _best_clip_cells(entry: BestClip) -> tuple[str, ...]:
    verdict = verdict_of(entry.gain_estimate, entry.sources)
    hits = f"{entry.hits:.1f} ({interval(entry.estimate)})"
    counts = (entry.method, str(entry.videos), str(entry.sources))
    significant = SIGNIFICANT.get(verdict, verdict.value)
    return (*counts, hits, f"{entry.chance:.1f}", gain(entry.gain_estimate), significant)


def _measure(name: str, estimate: Estimate | None) -> str:
    """A measure in [0, 1] with its interval, and a word if it is an AUC below chance."""
    if estimate is None:
        return ""
    ends = "" if math.isnan(estimate.low + estimate.high) else f" ({estimate.low:.3f} to {estimate.high:.3f})"
    return f"{estimate.value:.3f}{ends}" + (", below chance" if name.startswith("auc") and estimate.value < 0.5 else "")


def _facts(title: str, runs: Sequence[Run], records: Sequence[dict[str, object]]) -> Table:
    keys = dict.fromkeys(key for record in records for key in record)
    rows = [(key.replace("_", " "), *(fact(record.get(key)) for record in records)) for key in keys]
    return Table(title, ("", *(run.label for run in runs)), rows, text=True)


def _run_column(runs: Sequence[Run]) -> tuple[str, ...]:
    """The column that names the run, where there are several."""
    return ("run",) if len(runs) > 1 else ()


def _run_cell(runs: Sequence[Run], run: Run) -> tuple[str, ...]:
    return (run.label,) if len(runs) > 1 else ()
