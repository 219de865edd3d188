"""The plots of a report, as SVG for a page.

A method has the same colour and marker in every plot. Letters and axes take the colour of the page's text, so the plots
stand on light and dark pages alike.
"""

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clipselect.evaluation.methods import METHODS
from clipselect.media.text import printable
from clipselect.report.classes import ClassGain
from clipselect.report.findings import METRICS, SUBJECT, Finding, is_variant, ordered
from clipselect.report.report import Run
from clipselect.report.schema import Row
from clipselect.report.sentences import UNITS, amount
from clipselect.report.tables import method_and_k

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour
OTHER_COLOURS, OTHER_MARKERS = ("#aa4499", "#999933", "#6699cc", "#882255"), ("h", "8", "p", "^", "v")
PARTS = {"decode": "#b0b0b0", "ddnet": "#aa4499", "base": "#6699cc", "other": "#dddddd"}
LINES, OVERLAID = ("-", "--", ":", "-."), ("ddl", "uniform", "dense")
CLASSES_AT_EACH_END = 15


def styles(runs: Sequence[Run]) -> dict[str, tuple[str, str]]:
    """Colour and marker of every known method, and of every other one of a report."""
    methods = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    known = {name: method.style for name, method in METHODS.items() if method.style is not None}
    others = [method for method in methods if method not in known]
    own = {m: (OTHER_COLOURS[i % 4], OTHER_MARKERS[i % 5]) for i, m in enumerate(others)}  # 20 that differ
    return known | own


def trade_plot(
    finding: Finding, cost: str, style: dict[str, tuple[str, str]], among: Sequence[Finding] = ()
) -> str | None:
    """SVG of the metric against a cost per video, a line per method over K; None where the cost was not measured.

    Args:
        cost: gflops or seconds.
        among: findings whose plots shall have the same limits.
    """
    rows = _traded(finding, cost)
    if not rows:
        return None
    with _figure(6.4, 4.6) as (figure, axis):
        handles = [_trade_line(axis, method, rows, cost, finding, style[method]) for method in _methods(rows)]
        _trade_axes(axis, cost, [finding, *among])
        figure.legend(handles, [_label(m) for m in _methods(rows)], loc="outside lower center", ncols=3, frameon=False)
        return _svg(figure, f"accuracy against {UNITS[cost]} a {finding.run.group}")


def overlay_plot(found: Sequence[Finding], cost: str, style: dict[str, tuple[str, str]]) -> str | None:
    """SVG of ddl, uniform and dense of several runs in one; None unless two runs have measured the cost."""
    if sum(bool(_traded(finding, cost)) for finding in found) < 2:
        return None
    with _figure(6.4, 4.6) as (figure, axis):
        handles, names = [], []
        for number, finding in enumerate(found):
            rows = [row for row in _traded(finding, cost) if row.method in OVERLAID]
            for method in _methods(rows):
                look = LINES[number % len(LINES)]
                handles.append(_trade_line(axis, method, rows, cost, finding, style[method], look))
                names.append(_label(f"{method}, {finding.run.label}"))
        _trade_axes(axis, cost, found)
        figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
        return _svg(figure, f"accuracy of all runs against {UNITS[cost]} a {found[0].run.group}")


def cost_plot(finding: Finding, cost: str) -> str | None:
    """SVG of what a cost is made of, for every method at the chosen K; None where it was not taken apart."""
    rows = [r for r in finding.rows if r.numbers.get(cost) and not is_variant(r.method)]
    if finding.chosen is not None:
        times = Counter(row.method for row in rows)
        rows = [row for row in rows if row.k == finding.chosen.k or times[row.method] == 1]
    parts = [part for part in PARTS if any(row.numbers.get(f"{cost}_{part}", 0) > 0 for row in rows)]
    rows = [row for row in rows if any(f"{cost}_{part}" in row.numbers for part in parts)]
    if not rows:
        return None
    left = [0.0] * len(rows)
    with _figure(6.4, 1.3 + 0.22 * len(rows)) as (figure, axis):
        places = range(len(rows))
        for part in (*parts, "other"):
            widths = [_part(row, cost, part, parts) for row in rows]
            if part == "other" and not any(w > 0.02 * row.numbers[cost] for w, row in zip(widths, rows, strict=True)):
                continue
            name = "DDNet" if part == "ddnet" else part
            axis.barh(places, widths, left=left, color=PARTS[part], label=name, height=0.72)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for place, row, end in zip(places, rows, left, strict=True):
            axis.annotate(
                amount(row.numbers[cost]), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
        axis.set_yticks(places, [_label(method_and_k(row.method, row.k)) for row in rows], fontsize=8)
        axis.invert_yaxis()
        axis.margins(x=0.1, y=0.01)
        axis.set_xlabel(f"{UNITS[cost]} a {finding.run.group}")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        return _svg(figure, f"what the {UNITS[cost]} are made of")


def gains_plot(k: int, gains: Sequence[ClassGain], style: dict[str, tuple[str, str]]) -> str:
    """SVG of the gain of every class over uniform and over dense, or of the classes at both ends where they are
    many."""
    if len(gains) > 2 * CLASSES_AT_EACH_END:
        gains = [*gains[:CLASSES_AT_EACH_END], *gains[-CLASSES_AT_EACH_END:]]
    colours = [style[SUBJECT][0] if g.gain > 0 else style["uniform"][0] for g in gains]
    beside = [(place, g.over_dense) for place, g in enumerate(gains) if g.over_dense is not None]
    with _figure(6.4, 1.2 + 0.2 * len(gains)) as (figure, axis):
        places = range(len(gains))
        axis.barh(places, [g.gain for g in gains], color=colours, height=0.72, label=f"over uniform at K = {k}")
        axis.set_yticks(places, [f"{_label(_short(g.name))} ({g.sources})" for g in gains], fontsize=8)
        for place, g in zip(places, gains, strict=True):
            side = 1 if g.gain >= 0 else -1
            end = max(g.gain * side, (g.over_dense or 0) * side) * side  # beyond the mark of dense
            axis.annotate(
                f"{g.gain:+.0f}", (end, place), (6 * side, 0), textcoords="offset points", va="center",
                ha="left" if side > 0 else "right", fontsize=8,
            )  # fmt: skip
        if beside:
            colour, marker = style["dense"]
            axis.plot(
                [v for _, v in beside], [p for p, _ in beside], marker, color=colour, label="over dense", zorder=3
            )
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
        axis.axvline(0, color=INK, linewidth=0.8)
        axis.invert_yaxis()
        axis.margins(x=0.12, y=0.01)
        axis.set_xlabel(f"points that {SUBJECT} at K = {k} gains")
        return _svg(figure, "gain of every class")


def _traded(finding: Finding, cost: str) -> list[Row]:
    rows = [r for r in finding.rows if r.numbers.get(cost, 0) > 0 and finding.metric in r.metrics]
    return [r for r in rows if not is_variant(r.method)]


def _trade_axes(axis: "Axes", cost: str, found: Sequence[Finding]) -> None:
    """Limits that hold all of the findings, and the words."""
    points = [(row.numbers[cost], end) for f in found for row in _traded(f, cost) for end in row.metrics[f.metric][1:]]
    costs = [at for at, _ in points]
    if max(costs) > 8 * min(costs):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(_ticker().LogLocator(10, (1, 2, 5)))
        axis.xaxis.set_minor_locator(_ticker().NullLocator())
    axis.xaxis.set_major_formatter(_ticker().FuncFormatter(lambda value, _: amount(value)))
    axis.update_datalim(points)
    axis.autoscale_view()
    metric = found[0].metric
    xlabel = f"{UNITS[cost]} a {found[0].run.group}"
    axis.set(xlabel=xlabel, ylabel=f"{_label(METRICS.get(metric, metric))} in percent")
    axis.grid(alpha=0.2, color=INK)


def _trade_line(
    axis: "Axes", method: str, rows: Sequence[Row], cost: str, finding: Finding, style: tuple[str, str], look: str = "-"
) -> Any:
    """Draw one method; its line is what the legend shows."""
    own = sorted((row for row in rows if row.method == method), key=lambda row: row.numbers[cost])
    estimates = [row.metrics[finding.metric] for row in own]
    x, y = [row.numbers[cost] for row in own], [estimate.value for estimate in estimates]
    (colour, marker), front = style, 3 if method == SUBJECT else 2
    axis.vlines(x, [e.low for e in estimates], [e.high for e in estimates], colour, linewidth=1, alpha=0.55)
    if method == "dense":
        axis.axhline(y[0], color=colour, linewidth=0.8, linestyle="--", alpha=0.7)
    if method == SUBJECT:
        for row, at, value in zip(own, x, y, strict=True):
            number, weight = "" if row.k is None else f"{row.k}", "bold" if row is finding.chosen else "normal"
            font: Any = {"fontsize": 8, "color": colour, "fontweight": weight}
            axis.annotate(number, (at, value), (-6, 5), textcoords="offset points", ha="right", **font)
    width = 2 if method == SUBJECT else 1.2
    (line,) = axis.plot(x, y, marker, linestyle=look, color=colour, linewidth=width, markeredgewidth=0, zorder=front)
    return line


def _part(row: Row, cost: str, part: str, parts: Sequence[str]) -> float:
    if part != "other":
        return row.numbers.get(f"{cost}_{part}", 0.0)
    return max(0.0, row.numbers[cost] - sum(row.numbers.get(f"{cost}_{named}", 0.0) for named in parts))


def _methods(rows: Sequence[Row]) -> list[str]:
    return [*dict.fromkeys(row.method for row in ordered(rows))]


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple["Figure", "Axes"]]:
    """A figure of one axis, in inches, in the colours of the page."""
    import matplotlib  # slow to import, and not always needed
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "clipselect", "text.parse_math": False, "font.size": 9}
    settings |= dict.fromkeys(inked, INK)
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        axis = figure.subplots()
        axis.set_facecolor("none")
        axis.spines[["top", "right"]].set_visible(False)
        yield figure, axis


def _svg(figure: "Figure", says: str) -> str:
    """The drawing as an element of a page; `says` describes it to those who cannot see it."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = out.getvalue()
    return (
        text[text.index("<svg") :]
        .replace(INK, "currentColor")
        .replace("<svg", f'<svg role="img" aria-label="{says}"', 1)
    )


def _label(text: str) -> str:
    """A leading _ would hide an entry from the legend."""
    return (" " if text.startswith("_") else "") + printable(text)


def _short(name: str) -> str:
    return name if len(name) <= 36 else name[:35] + "…"


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker
