"""The tables of a report, and the report as Markdown. A table holds text; Markdown, terminal and page only set it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clipselect.display import shown
from clipselect.report import Run
from clipselect.report_findings import METHODS, METRICS, Finding, findings, ordered, place, verdict
from clipselect.report_schema import Estimate, Record, Row, number
from clipselect.report_sentences import amount, details, headline, span, summary

TEXT_COLUMNS = frozenset({"run", "method", "data", "metric", "than", "significant", "path", "error"})
TOLD_AT_MOST = 200

READING = (
    "Accuracies are in percent, their 95 % interval in brackets.",
    "GFLOPs are 10^9 operations a video: the DDNet's on all candidates and the base's on the kept ones.",
    "Seconds are per video, from the opened file to the answer; on another machine they are others.",
    "Differences are in points, paired over the same videos; one whose interval holds 0 is not told apart from none.",
    "Which K: the smallest whose metric is not below the 95 % interval of the best K; chosen on the videos that it is"
    " judged by, which flatters it a little.",
    "Uniform at no more cost: the best row of uniform or uniform_equal_cost at no more GFLOPs than ddl at that K; and"
    " the best in no more seconds, where they were measured.",
)


@dataclass(frozen=True)
class Table:
    """Cells of text under a title.

    Attributes:
        rows: each as long as `columns`.
        marked: numbers of the rows that stand out.
        text: whether all columns hold words rather than figures.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    marked: frozenset[int] = frozenset()
    text: bool = False

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
    `results_table`."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings(runs, metric):
        grouped.setdefault(f"{finding.run.benchmark}: {finding.data}", []).append(finding)
    return [
        Section(title, found, _notes(found), [results_table(found, brief=brief), *_differences_table(found)])
        for title, found in grouped.items()
    ]


def results_table(found: Sequence[Finding], *, brief: bool = False) -> Table:
    """Every method at every K, runs side by side; the chosen K of each run stands out.

    Args:
        brief: only the metric to go by, GFLOPs and seconds, for a terminal.
    """
    rows = [(row, f) for f in found for row in f.rows]
    rows.sort(key=lambda pair: place(pair[0]))  # stable: runs stay in their order
    metrics = [*dict.fromkeys(f.metric for f in found if f.metric)]
    columns: list[tuple[str, Callable[[Row], str]]] = [("method", lambda r: r.method)]
    columns.append(("K", lambda r: "all" if r.k is None else str(r.k)))
    if not brief:
        metrics = [*dict.fromkeys([*metrics, *(name for row, _ in rows for name in row.metrics)])]
        columns += [("clips", _number_cell("clips")), ("videos", lambda r: str(r.videos))]
    columns += [(METRICS.get(name, name), _metric_cell(name)) for name in metrics]
    if brief:
        columns += [("GFLOPs", _number_cell("gflops")), ("seconds", _number_cell("seconds"))]
    else:
        columns += [
            ("GFLOPs (DDNet + base)", _cost_cell("gflops", ("ddnet", "base"))),
            ("seconds (decode + DDNet + base)", _cost_cell("seconds", ("decode", "ddnet", "base"))),
            ("videos/s", _number_cell("videos_per_second")),
            ("peak MB", _number_cell("peak_memory_mb")),
        ]
    columns = [(name, show) for name, show in columns if any(show(row) for row, _ in rows)]
    cells = [tuple(show(row) for _, show in columns) for row, _ in rows]
    names = tuple(name for name, _ in columns)
    if len(found) > 1:
        names = (*names[:2], "run", *names[2:])
        cells = [(*line[:2], f.run.label, *line[2:]) for line, (_, f) in zip(cells, rows, strict=True)]
    marked = frozenset(i for i, (row, f) in enumerate(rows) if row is f.chosen)
    return Table("Accuracy and cost", names, cells, marked)


def ranking_table(runs: Sequence[Run]) -> list[Table]:
    """How well clips are ranked, by data set and run; none if no run says so."""
    entries = [(run, entry) for run in runs for entry in run.records("ranking")]
    measures = [*dict.fromkeys(key for _, e in entries for key in e if number(e[key]))]
    if not measures:
        return []
    rows = [
        (*_run_cell(runs, run), str(entry["data"]), *(_ranked(entry.get(measure)) for measure in measures))
        for run, entry in entries
    ]
    return [Table("Ranking", (*_run_column(runs), "data", *(m.replace("_", " ") for m in measures)), rows)]


def facts_tables(runs: Sequence[Run]) -> list[Table]:
    """What the runs were: data, networks, settings, environment; a column per run."""
    networks: list[Record] = []
    for run in runs:
        parts = {part: run.document.get(part) or {} for part in ("base", "model")}
        facts = {f"{part} {key}": value for part, entry in parts.items() for key, value in entry.items()}
        about = {"file": str(run.file), "clipselect": run.document["clipselect"]}
        networks.append({**about, **facts, "GFLOPs": run.document["gflops_convention"]})
    data = [
        {
            f"{name} {key}": len(value) if key == "unreadable" and value else value
            for name, entry in run.data.items()
            for key, value in entry.items()
            if key != "name"
        }
        for run in runs
    ]
    kinds = [("Data", data), ("Networks", networks)]
    kinds += [(key.capitalize(), [run.document.get(key) or {} for run in runs]) for key in ("settings", "environment")]
    return [_facts(title, runs, records) for title, records in kinds if any(records)]


def unreadable_table(runs: Sequence[Run]) -> list[Table]:
    """The videos that could not be read, the first `TOLD_AT_MOST`; none if all could."""
    rows = [
        (*_run_cell(runs, run), name, broken["path"], broken["error"])
        for run in runs
        for name, entry in run.data.items()
        for broken in entry.get("unreadable") or []
    ]
    if not rows:
        return []
    more = f", the first {TOLD_AT_MOST} of {len(rows)}" if len(rows) > TOLD_AT_MOST else ""
    title = f"Videos that could not be read{more}"
    return [Table(title, (*_run_column(runs), "data", "path", "error"), rows[:TOLD_AT_MOST])]


def methods_table(runs: Sequence[Run]) -> Table:
    """What the methods of the runs are."""
    used = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    rows = [(method, METHODS.get(method, "not known to this version")) for method in used]
    return Table("Methods", ("method", "what it is"), rows, text=True)


def as_markdown(runs: Sequence[Run], metric: str | None = None) -> str:
    """The whole report but its plots; `metric` as for `findings`."""
    parts = sections(runs, metric)
    found = [finding for part in parts for finding in part.findings]
    lines = [f"# {_md(', '.join(dict.fromkeys(run.benchmark for run in runs)))}", _md(summary(found))]
    for part in parts:
        lines.append(f"## {_md(part.title)}")
        for finding in part.findings:
            name = f"{finding.run.label}: " if len(part.findings) > 1 else ""
            if len(found) > 1:
                lines.append(_md(name + headline(finding)))
            lines += [f"- {_md(sentence)}" for sentence in details(finding)] + [""]
        lines += [_md(note) for note in part.notes]
        lines += [_markdown_table(table) for table in part.tables]
    lines += [_markdown_table(table) for table in ranking_table(runs)]
    lines += ["## How to read this", "\n".join(f"- {_md(line)}" for line in READING)]
    tables = [methods_table(runs), *facts_tables(runs), *unreadable_table(runs)]
    lines += [_markdown_table(table) for table in tables]
    return _spaced(lines)


def _differences_table(found: Sequence[Finding]) -> list[Table]:
    runs = [f.run for f in found]
    rows = [(*_run_cell(runs, f.run), *_difference(e)) for f in found for e in f.run.records("differences", f.data)]
    columns = (*_run_column(runs), "metric", "method", "than", "points", "significant")
    return [Table("Differences", columns, rows)] if rows else []


def _difference(entry: Record) -> tuple[str, ...]:
    metric, estimate = str(entry["metric"]), Estimate(entry["difference"], entry["low"], entry["high"])
    told = verdict(estimate)
    return (
        METRICS.get(metric, metric),
        _method_and_k(entry["method"], entry.get("k")),
        _method_and_k(entry["than"], entry.get("than_k")),
        f"{estimate.value:+.1f} ({estimate.low:+.1f} to {estimate.high:+.1f})",
        "no" if told == "not told apart" else f"yes, {told}",
    )


def _notes(found: Sequence[Finding]) -> list[str]:
    """What keeps runs from being compared as they stand."""
    notes = []
    for key, words in (("videos", "videos"), ("classes", "classes"), ("candidates", "candidates a video")):
        values = [f.run.data[f.data].get(key) for f in found]
        if len({str(value) for value in values}) > 1:
            listed = ", ".join(f"{f.run.label} {_fact(value)}" for f, value in zip(found, values, strict=True))
            notes.append(f"The runs differ in {words} ({listed}): they do not measure the same.")
    timed = [f.run.document.get("environment") or {} for f in found if any("seconds" in r.numbers for r in f.rows)]
    if any(len({str(e.get(key)) for e in timed}) > 1 for key in ("cpu", "cores", "threads", "device")):
        notes.append("Seconds were measured on different machines or settings: compare them within a run only.")
    return notes


def _facts(title: str, runs: Sequence[Run], records: Sequence[Record]) -> Table:
    keys = dict.fromkeys(key for record in records for key in record)
    rows = [(key.replace("_", " "), *(_fact(record.get(key)) for record in records)) for key in keys]
    return Table(title, ("", *(run.label for run in runs)), rows, text=True)


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_fact, value)) or "-"
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


def _ranked(value: Any) -> str:
    return f"{value:.3f}" if number(value) else ""


def _method_and_k(method: str, k: object) -> str:
    return method if k is None else f"{method} at K = {k}"


def _run_column(runs: Sequence[Run]) -> tuple[str, ...]:
    return ("run",) if len(runs) > 1 else ()


def _run_cell(runs: Sequence[Run], run: Run) -> tuple[str, ...]:
    return (run.label,) if len(runs) > 1 else ()


def _markdown_table(table: Table) -> str:
    bold = "**{}**".format
    lines = [
        "| " + " | ".join(map(_md, table.columns)) + " |",
        "|" + "|".join("---" if table.is_text(name) else "---:" for name in table.columns) + "|",
    ]
    for i, row in enumerate(table.rows):
        cells = [bold(_md(cell)) if i in table.marked and cell else _md(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return f"### {_md(table.title)}\n\n" + "\n".join(lines)


_ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\`*[]|"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def _md(text: str) -> str:
    return shown(text).translate(_ESCAPES)


def _spaced(lines: Sequence[str]) -> str:
    """Paragraphs apart, the entries of a list together."""
    out = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line:
            out += line + ("\n" if line.startswith("- ") and following.startswith("- ") else "\n\n")
    return out.rstrip() + "\n"
