"""The tables of a report. A table holds text; Markdown, terminal and page only set it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clipselect.report.findings import (
    METRICS,
    Finding,
    findings,
    is_variant,
    place,
    verdict,
)
from clipselect.report.report import Run
from clipselect.report.schema import Estimate, Record, Row, number
from clipselect.report.sentences import amount, span

TEXT_COLUMNS = frozenset({"run", "method", "data", "metric", "than", "significant", "path", "error"})


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


@dataclass(frozen=True)
class Section:
    """What a report says about one data set of a benchmark, in all runs that have it."""

    title: str
    findings: list[Finding]
    notes: list[str]
    tables: list[Table]


def sections(runs: Sequence[Run], metric: str | None = None, *, brief: bool = False) -> list[Section]:
    """One per benchmark and data set, in the order of the files; `metric` as for `findings`, `brief` as for
    `results_tables`."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings(runs, metric):
        grouped.setdefault(f"{finding.run.benchmark}: {finding.data}", []).append(finding)
    return [
        Section(title, found, _notes(found), [*results_tables(found, brief=brief), *_differences_table(found)])
        for title, found in grouped.items()
    ]


def results_tables(found: Sequence[Finding], *, brief: bool = False) -> list[Table]:
    """Every method at every K, runs side by side, variants apart; the chosen K of each run stands out.

    Args:
        brief: only the metric to go by, GFLOPs and seconds, for a terminal.
    """
    rows = [(row, f) for f in found for row in f.rows]
    rows.sort(key=lambda pair: place(pair[0]))  # stable: runs stay in their order
    main = [pair for pair in rows if not is_variant(pair[0].method)]
    variants = [pair for pair in rows if is_variant(pair[0].method)]
    tables = [_results_table("Accuracy and cost", main, found, brief)] if main else []
    if variants:
        tables.append(replace(_results_table("Variants", variants, found, brief), folded=True))
    return tables


def _results_table(title: str, rows: Sequence[tuple[Row, Finding]], found: Sequence[Finding], brief: bool) -> Table:
    metrics = [*dict.fromkeys(f.metric for f in found if f.metric)]
    columns: list[tuple[str, Callable[[Row], str]]] = [("method", lambda r: r.method)]
    columns.append(("K", lambda r: "all" if r.k is None else str(r.k)))
    if not brief:
        metrics = [*dict.fromkeys([*metrics, *(name for row, _ in rows for name in row.metrics)])]
        element, group = found[0].run.element, found[0].run.group
        columns += [(f"{element}s", _number_cell("clips")), (f"{group}s", lambda r: str(r.videos))]
        if any(row.sources != row.videos for row, _ in rows):
            columns.append(("sources", lambda r: str(r.sources)))
    columns += [(METRICS.get(name, name), _metric_cell(name)) for name in metrics]
    if brief:
        columns += [("GFLOPs", _number_cell("gflops")), ("seconds", _number_cell("seconds"))]
    else:
        columns += [
            ("GFLOPs (DDNet + base)", _cost_cell("gflops", ("ddnet", "base"))),
            ("acceleration", _number_cell("acceleration")),
            ("seconds (decode + DDNet + base)", _cost_cell("seconds", ("decode", "ddnet", "base"))),
            ("videos/s", _number_cell("videos_per_second")),
            ("peak MB", _number_cell("peak_memory_mb")),
            ("peak GPU MB", _number_cell("peak_gpu_memory_mb")),
        ]
    columns = [(name, show) for name, show in columns if any(show(row) for row, _ in rows)]
    cells = [tuple(show(row) for _, show in columns) for row, _ in rows]
    names = tuple(name for name, _ in columns)
    if len(found) > 1:
        names = (*names[:2], "run", *names[2:])
        cells = [(*line[:2], f.run.label, *line[2:]) for line, (_, f) in zip(cells, rows, strict=True)]
    marked = frozenset(i for i, (row, f) in enumerate(rows) if row is f.chosen)
    return Table(title, names, cells, marked)


def ranking_table(runs: Sequence[Run]) -> list[Table]:
    """How well clips are ranked, by data set and run; none if no run says so."""
    entries = [(run, entry) for run in runs for entry in run.records("ranking")]
    ends = ("_low", "_high")
    measures = [*dict.fromkeys(key for _, e in entries for key in e if number(e[key]) and not key.endswith(ends))]
    if not measures:
        return []
    rows = [
        (*run_cell(runs, run), str(entry["data"]), *(_ranked(entry, measure) for measure in measures))
        for run, entry in entries
    ]
    return [Table("Ranking", (*run_column(runs), "data", *(m.replace("_", " ") for m in measures)), rows)]


def _differences_table(found: Sequence[Finding]) -> list[Table]:
    """Those of the metric to go by at the chosen K, and of every K to the best; the files hold more."""
    runs = [f.run for f in found]
    rows = [
        (*run_cell(runs, f.run), *_difference(entry))
        for f in found
        for entry in f.run.records("differences", f.data)
        if f.chosen is None or (entry["metric"] == f.metric and (entry.get("k") == f.chosen.k or _of_itself(entry)))
    ]
    columns = (*run_column(runs), "metric", "method", "than", "points", "significant")
    return [Table("Differences", columns, rows)] if rows else []


def _of_itself(entry: Record) -> bool:
    return entry["than"] == entry["method"]


def _difference(entry: Record) -> tuple[str, ...]:
    metric, estimate = str(entry["metric"]), Estimate(entry["difference"], entry["low"], entry["high"])
    told = verdict(estimate, entry.get("differing"))
    words = {"better": "yes, better", "worse": "yes, worse", "not told apart": "no"}
    return (
        METRICS.get(metric, metric),
        method_and_k(entry["method"], entry.get("k")),
        method_and_k(entry["than"], entry.get("than_k")),
        f"{estimate.value:+.1f} ({estimate.low:+.1f} to {estimate.high:+.1f})",
        words.get(told, told),
    )


def _notes(found: Sequence[Finding]) -> list[str]:
    """What the figures leave out, and what keeps runs from being compared as they stand."""
    notes = [note for f in found for note in _run_notes(f, f"{f.run.label}: " if len(found) > 1 else "")]
    for key, words in (
        ("videos", f"{found[0].run.group}s"),
        ("classes", "classes"),
        ("candidates", "candidates a video"),
    ):
        values = [f.run.data[f.data].get(key) for f in found]
        if len({str(value) for value in values}) > 1:
            listed = ", ".join(f"{f.run.label} {fact(value)}" for f, value in zip(found, values, strict=True))
            notes.append(f"The runs differ in {words} ({listed}): they do not measure the same.")
    timed = [f.run.document.get("environment") or {} for f in found if any("seconds" in r.numbers for r in f.rows)]
    if any(len({str(e.get(key)) for e in timed}) > 1 for key in ("cpu", "cores", "threads", "device")):
        notes.append("Seconds were measured on different machines or settings: compare them within a run only.")
    return notes


def _run_notes(finding: Finding, name: str) -> Iterator[str]:
    entry, document = finding.run.data[finding.data], finding.run.document
    unreadable, missing = len(entry.get("unreadable") or []), entry.get("missing")
    files = document.get("files") or "videos"
    left_out = [f"{unreadable} could not be read"] if unreadable else []
    left_out += [f"{missing} are named but not there"] if number(missing) and missing else []
    if left_out:
        yield f"{name}Of the {files} {' and '.join(left_out)}; the figures are of the others."
    base, model = document["base"], document.get("model") or {}
    if model.get("base_sha256") and base.get("sha256") and model["base_sha256"] != base["sha256"]:
        yield f"{name}The DDNet was distilled for another base ({model.get('base')}), not for {base['name']}."


def fact(value: Any) -> str:
    """A value of a results file as text."""
    if isinstance(value, list):
        return ", ".join(map(fact, value)) or "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)


def _estimate(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.1f} ({span(estimate)})"


def _metric_cell(name: str) -> Callable[[Row], str]:
    return lambda row: _estimate(row.metrics.get(name))


def _number_cell(key: str) -> Callable[[Row], str]:
    return lambda row: amount(row.numbers[key]) if key in row.numbers else ""


def _cost_cell(key: str, parts: Sequence[str]) -> Callable[[Row], str]:
    """A cost, and in brackets what it is made of."""
    total = _number_cell(key)

    def show(row: Row) -> str:
        split = [f"{key}_{part}" for part in parts]
        known = all(part in row.numbers for part in split)
        return total(row) + (f" ({' + '.join(amount(row.numbers[part]) for part in split)})" if known else "")

    return show


def _ranked(entry: Record, measure: str) -> str:
    """A measure in [0, 1] with its interval, and a word if it is an AUC below chance."""
    value, low, high = (entry.get(measure + end) for end in ("", "_low", "_high"))
    if not number(value):
        return ""
    interval = f" ({low:.3f} to {high:.3f})" if number(low) and number(high) else ""
    return f"{value:.3f}{interval}" + (", below chance" if measure.startswith("auc") and value < 0.5 else "")


def method_and_k(method: str, k: object) -> str:
    """As "ddl at K = 5"."""
    return method if k is None else f"{method} at K = {k}"


def run_column(runs: Sequence[Run]) -> tuple[str, ...]:
    """The column that names the run, where there are several."""
    return ("run",) if len(runs) > 1 else ()


def run_cell(runs: Sequence[Run], run: Run) -> tuple[str, ...]:
    """What stands in it."""
    return (run.label,) if len(runs) > 1 else ()
