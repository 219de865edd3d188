"""The plots of a report, as SVG for a page.

A method has the same colour and marker in every plot. Letters and axes take the colour of the page's text, so the plots
work on light and dark pages alike.
"""

import html
import io
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from clipselect.evaluation.methods import METHODS, names
from clipselect.evaluation.result_entries import Row
from clipselect.media.optional import require
from clipselect.media.text import printable
from clipselect.report.classes import ClassGain, ClassGains, class_gains
from clipselect.report.findings import DENSE, SUBJECT, Finding, is_variant, ordered
from clipselect.report.formats import UNITS, amount, method_and_k, metric_name
from clipselect.report.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour
OTHER_COLOURS, OTHER_MARKERS = ("#aa4499", "#999933", "#6699cc", "#882255"), ("h", "8", "p", "^", "v")
PARTS = {"decode": "#b0b0b0", "ddnet": "#aa4499", "base": "#6699cc", "other": "#dddddd"}
LINES, COMPARED = ("-", "--", ":", "-."), names("subject", "uniform", "dense")
MAX_AT_EACH_END = 15
"""Classes drawn at either end, where there are many."""
NUMBER_ROOM = 0.1
"""Part of the width of bars that a number beside a bar takes."""

Styles = dict[str, tuple[str, str]]
"""Colour and marker by method."""


class Plot(NamedTuple):
    svg: str
    caption: str


def styles(runs: Sequence[Run]) -> Styles:
    """Those of the table of methods; methods of the runs that have none there get one of their own."""
    known = {name: method.style for name, method in METHODS.items() if method.style is not None}
    used = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    others = [method for method in used if method not in known]
    return known | {m: (OTHER_COLOURS[i % 4], OTHER_MARKERS[i % 5]) for i, m in enumerate(others)}  # 20 that differ


def finding_plots(finding: Finding, style: Styles, among: Sequence[Finding]) -> list[Plot]:
    """All plots of one finding that its file has figures for.

    Args:
        among: findings whose plots shall have the same limits.
    """
    left_out = [method for method in _methods(finding.rows) if is_variant(method)]
    without = f" The variants {', '.join(left_out)} are in the table only." if left_out else ""
    read = f"Up and to the left is better. Numbers: K of {SUBJECT}. Bars: 95 % intervals.{without}"
    plots = [
        (trade_plot(finding, "gflops", style, among), read),
        (trade_plot(finding, "seconds", style, among), "The same against measured seconds, where they were measured."),
        (cost_plot(finding, "gflops"), "What the GFLOPs are spent on."),
        (cost_plot(finding, "seconds"), "What the seconds are spent on."),
    ]
    if gains := class_gains(finding):
        plots.append((gains_plot(gains, style), _gains_caption(gains)))
    return [Plot(svg, caption) for svg, caption in plots if svg is not None]


def overlay_plots(found: Sequence[Finding], style: Styles) -> list[Plot]:
    """ddl, uniform and dense of all runs in one plot, for every cost that at least two of them have measured."""
    plots = []
    for cost in UNITS:
        measured = [(number, finding) for number, finding in enumerate(found) if _traded(finding, cost)]
        if len(measured) < 2:
            continue
        with _figure(6.4, 4.6) as (figure, axis):
            lines = {}
            for number, finding in measured:
                rows = [row for row in _traded(finding, cost) if row.method in COMPARED]
                for method in _methods(rows):
                    look = LINES[number % len(LINES)]
                    line = _trade_line(axis, method, rows, cost, finding, style[method], look)
                    lines[_label(f"{method}, {finding.run.label}")] = line
            _trade_axes(axis, cost, found)
            figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=2, frameon=False)
            svg = _svg(figure, f"accuracy of all runs against {UNITS[cost]} per {found[0].run.group}")
        plots.append(Plot(svg, f"All runs against {UNITS[cost]}: a colour per method, a kind of line per run."))
    return plots


def trade_plot(finding: Finding, cost: str, style: Styles, among: Sequence[Finding] = ()) -> str | None:
    """SVG of the metric against a cost per video, a line per method over K; None where the cost was not measured."""
    rows = _traded(finding, cost)
    if not rows:
        return None
    methods = _methods(rows)
    with _figure(6.4, 4.6) as (figure, axis):
        handles = [_trade_line(axis, method, rows, cost, finding, style[method]) for method in methods]
        _trade_axes(axis, cost, [finding, *among])
        figure.legend(handles, map(_label, methods), loc="outside lower center", ncols=3, frameon=False)
        return _svg(figure, f"accuracy against {UNITS[cost]} per {finding.run.group}")


def cost_plot(finding: Finding, cost: str) -> str | None:
    """SVG of what a cost is made of, for every method at the chosen K; None where it was not split."""
    rows = [row for row in finding.rows if row.costs.get(cost) and not is_variant(row.method)]
    if finding.choice is not None:
        times = Counter(row.method for row in rows)
        rows = [row for row in rows if row.k == finding.choice.row.k or times[row.method] == 1]
    parts = [part for part in PARTS if any(row.costs.get(f"{cost}_{part}", 0) > 0 for row in rows)]
    rows = [row for row in rows if any(f"{cost}_{part}" in row.costs for part in parts)]
    if not rows:
        return None
    totals, left = [row.costs[cost] for row in rows], [0.0] * len(rows)
    widths = {part: [row.costs.get(f"{cost}_{part}", 0.0) for row in rows] for part in parts}
    rest = [max(0.0, total - sum(split)) for total, *split in zip(totals, *widths.values(), strict=True)]
    if any(other > 0.02 * total for other, total in zip(rest, totals, strict=True)):
        widths["other"] = rest
    with _figure(6.4, 1.3 + 0.22 * len(rows)) as (figure, axis):
        places = range(len(rows))
        for part, width in widths.items():
            name = "DDNet" if part == "ddnet" else part
            axis.barh(places, width, left=left, color=PARTS[part], label=name, height=0.72)
            left = [start + end for start, end in zip(left, width, strict=True)]
        for place, total, end in zip(places, totals, left, strict=True):
            axis.annotate(amount(total), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
        _name_bars(axis, [_label(method_and_k(row.method, row.k)) for row in rows], 0.1)
        axis.set_xlabel(f"{UNITS[cost]} per {finding.run.group}")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        return _svg(figure, f"what the {UNITS[cost]} are made of")


def gains_plot(gains: ClassGains, style: Styles) -> str:
    """SVG of the gain of every class over uniform and over dense; of many classes only those at both ends."""
    shown = gains.classes
    if len(shown) > 2 * MAX_AT_EACH_END:
        shown = [*shown[:MAX_AT_EACH_END], *shown[-MAX_AT_EACH_END:]]
    colours = [style[SUBJECT if c.gain > 0 else "uniform"][0] for c in shown]
    dense = [(c.over_dense, place) for place, c in enumerate(shown) if c.over_dense is not None]
    with _figure(6.4, 1.2 + 0.2 * len(shown)) as (figure, axis):
        places = range(len(shown))
        axis.barh(places, [c.gain for c in shown], color=colours, height=0.72, label=f"over uniform at K = {gains.k}")
        ends = [0, *(c.gain for c in shown), *(over for over, _ in dense)]
        for place, c in zip(places, shown, strict=True):
            at, side = number_place(c, max(ends) - min(ends))
            axis.annotate(
                f"{c.gain:+.0f}", (at, place), (3 * side, 0), textcoords="offset points", va="center",
                ha="left" if side > 0 else "right", fontsize=8,
            )  # fmt: skip
        if dense:
            colour, marker = style[DENSE[0]]
            axis.plot(*zip(*dense, strict=True), marker, color=colour, label="over dense", zorder=3)
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
        axis.axvline(0, color=INK, linewidth=0.8)
        _name_bars(axis, [f"{_label(_short(c.name))} ({c.sources})" for c in shown], 0.12)
        axis.set_xlabel(f"points that {method_and_k(SUBJECT, gains.k)} gains")
        return _svg(figure, "gain of every class")


def number_place(c: ClassGain, width: float) -> tuple[float, int]:
    """Where the number of a class's bar stands, and on which side of that: beyond the end of the bar, or at its foot
    where the mark of dense would lie on the number.

    Args:
        width: of the plot, in points.
    """
    side = 1 if c.gain >= 0 else -1
    beyond = 0.0 if c.over_dense is None else (c.over_dense - c.gain) * side
    is_covered = 0 < beyond < NUMBER_ROOM * width
    return (0, -side) if is_covered else (c.gain, side)


def _gains_caption(gains: ClassGains) -> str:
    classes = gains.classes
    up, down = sum(c.gain > 0 for c in classes), sum(c.gain < 0 for c in classes)
    ends = f"; shown are the {MAX_AT_EACH_END} at each end" if len(classes) > 2 * MAX_AT_EACH_END else ""
    counted = "source videos" if any(c.sources != c.videos for c in classes) else "videos"
    return (
        f"Of {len(classes)} classes, {up} gain and {down} lose over uniform at the same K{ends}."
        f" In brackets the number of {counted}: a class with few of them says little."
    )


def _traded(finding: Finding, cost: str) -> list[Row]:
    """The rows of a plot of the metric against a cost."""
    drawn = [row for row in finding.rows if not is_variant(row.method) and finding.metric in row.metrics]
    return [row for row in drawn if row.costs.get(cost, 0) > 0]


def _methods(rows: Sequence[Row]) -> list[str]:
    return [*dict.fromkeys(row.method for row in rows)]


def _trade_axes(axis: "Axes", cost: str, found: Sequence[Finding]) -> None:
    """Limits that hold all of the findings, and the words."""
    from matplotlib import ticker

    points = [(row.costs[cost], end) for f in found for row in _traded(f, cost) for end in row.metrics[f.metric][1:]]
    costs = [at for at, _ in points]
    if max(costs) > 8 * min(costs):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(ticker.LogLocator(10, (1, 2, 5)))
        axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: amount(value)))
    axis.update_datalim(points)
    axis.autoscale_view()
    xlabel = f"{UNITS[cost]} per {found[0].run.group}"
    axis.set(xlabel=xlabel, ylabel=f"{_label(metric_name(found[0].metric))} in percent")
    axis.grid(alpha=0.2, color=INK)


def _trade_line(
    axis: "Axes", method: str, rows: Sequence[Row], cost: str, finding: Finding, style: tuple[str, str], look: str = "-"
) -> Any:
    """Draw one method; its line is what the legend shows."""
    own = sorted((row for row in rows if row.method == method), key=lambda row: row.costs[cost])
    estimates = [row.metrics[finding.metric] for row in own]
    x, y = [row.costs[cost] for row in own], [estimate.value for estimate in estimates]
    colour, marker = style
    axis.vlines(x, [e.low for e in estimates], [e.high for e in estimates], colour, linewidth=1, alpha=0.55)
    if method in DENSE:
        axis.axhline(y[0], color=colour, linewidth=0.8, linestyle="--", alpha=0.7)
    if method == SUBJECT:
        for row, at, value in zip(own, x, y, strict=True):
            is_chosen = finding.choice is not None and row is finding.choice.row
            font: Any = {"fontsize": 8, "color": colour, "fontweight": "bold" if is_chosen else "normal"}
            axis.annotate(f"{row.k or ''}", (at, value), (-6, 5), textcoords="offset points", ha="right", **font)
    width, front = (2, 3) if method == SUBJECT else (1.2, 2)
    (line,) = axis.plot(x, y, marker, linestyle=look, color=colour, linewidth=width, markeredgewidth=0, zorder=front)
    return line


def _name_bars(axis: "Axes", labels: Sequence[str], margin: float) -> None:
    axis.set_yticks(range(len(labels)), labels, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=margin, y=0.01)


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple["Figure", "Axes"]]:
    """A figure of one axis, in inches, in the colours of the page."""
    require("matplotlib", "a plot")
    import matplotlib  # slow to import, and not always needed
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "clipselect", "text.parse_math": False, "font.size": 9}
    with matplotlib.rc_context(settings | dict.fromkeys(inked, INK)):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        axis = figure.subplots()
        axis.set_facecolor("none")
        axis.spines[["top", "right"]].set_visible(False)
        yield figure, axis


def _svg(figure: "Figure", label: str) -> str:
    """The drawing as an element of a page; `label` describes it to those who cannot see it."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def _label(text: str) -> str:
    """A leading _ would hide an entry from the legend."""
    return (" " if text.startswith("_") else "") + printable(text)


def _short(name: str) -> str:
    return name if len(name) <= 36 else name[:35] + "…"
