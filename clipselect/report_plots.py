"""The plots of a report, and the page that holds them: one HTML file without outside references.

A method has the same colour and marker in every plot. Letters and axes take the colour of the page's text, so the plots
stand on light and dark pages alike.
"""

import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
from markupsafe import Markup

from clipselect import __version__
from clipselect.display import shown
from clipselect.report import Run
from clipselect.report_findings import (
    METRICS,
    ORACLES,
    SUBJECT,
    VARIANTS,
    ClassGain,
    Finding,
    class_gains,
    ordered,
)
from clipselect.report_schema import Row
from clipselect.report_sentences import UNITS, amount, details, headline, named_row, summary
from clipselect.report_tables import (
    READING,
    Section,
    facts_tables,
    methods_table,
    ranking_table,
    sections,
    unreadable_table,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour
ORACLE = ("#909090", "*")
STYLES = {  # colours of Okabe and Ito, which the colour-blind can tell apart
    "ddl": ("#d55e00", "o"),
    "uniform_equal_cost": ("#56b4e9", "D"),
    "uniform": ("#0072b2", "s"),
    "random": ("#cc79a7", "v"),
    "confidence": ("#e69f00", "^"),
    "dense": ("#009e73", "X"),
    "top1": ("#d55e00", "P"),
    "ddl_literal": ("#d55e00", "<"),
    "ddl_no_rescale": ("#d55e00", ">"),
    "ddl_average": ("#d55e00", "p"),
    "dense_weighted": ("#009e73", "d"),
}
OTHER_COLOURS, OTHER_MARKERS = ("#aa4499", "#999933", "#6699cc", "#882255"), ("h", "8", "p", "^", "v")
PARTS = {"decode": "#b0b0b0", "ddnet": "#aa4499", "base": "#6699cc", "other": "#dddddd"}
CLASSES_AT_EACH_END = 15


class Plot(NamedTuple):
    svg: Markup
    caption: str


def styles(runs: Sequence[Run]) -> dict[str, tuple[str, str]]:
    """Colour and marker of every method of a report."""
    methods = dict.fromkeys(row.method for row in ordered([row for run in runs for row in run.rows]))
    unknown = [method for method in methods if method not in STYLES and method not in ORACLES]
    own = {m: (OTHER_COLOURS[i % 4], OTHER_MARKERS[i % 5]) for i, m in enumerate(unknown)}  # 20 that differ
    return {method: ORACLE if method in ORACLES else STYLES.get(method) or own[method] for method in methods}


def trade_plot(finding: Finding, cost: str, style: dict[str, tuple[str, str]]) -> str | None:
    """SVG of the metric against a cost per video, a line per method over K; None where the cost was not measured.

    Args:
        cost: gflops or seconds.
    """
    rows = [r for r in finding.rows if r.numbers.get(cost, 0) > 0 and finding.metric in r.metrics]
    rows = [r for r in rows if r.method not in VARIANTS]
    if not rows:
        return None
    with _figure(6.4, 4.6) as (figure, axis):
        handles = [_trade_line(axis, method, rows, cost, finding, style[method]) for method in _methods(rows)]
        costs = [row.numbers[cost] for row in rows]
        if max(costs) > 8 * min(costs):
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(_ticker().LogLocator(10, (1, 2, 5)))
            axis.xaxis.set_minor_locator(_ticker().NullLocator())
        axis.xaxis.set_major_formatter(_ticker().FuncFormatter(lambda value, _: amount(value)))
        axis.set(
            xlabel=f"{UNITS[cost]} a video", ylabel=f"{_label(METRICS.get(finding.metric, finding.metric))} in percent"
        )
        axis.grid(alpha=0.2, color=INK)
        figure.legend(handles, [_label(m) for m in _methods(rows)], loc="outside lower center", ncols=3, frameon=False)
        return _svg(figure, f"accuracy against {UNITS[cost]} a video")


def cost_plot(finding: Finding, cost: str) -> str | None:
    """SVG of what a cost is made of, for every method at the chosen K; None where it was not taken apart."""
    rows = [r for r in finding.rows if r.numbers.get(cost) and r.method not in VARIANTS]
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
        axis.set_yticks(places, [_label(named_row(row)) for row in rows], fontsize=8)
        axis.invert_yaxis()
        axis.margins(x=0.1, y=0.01)
        axis.set_xlabel(f"{UNITS[cost]} a video")
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        return _svg(figure, f"what the {UNITS[cost]} are made of")


def gains_plot(k: int, gains: Sequence[ClassGain], style: dict[str, tuple[str, str]]) -> str:
    """SVG of the gain of every class, or of those at both ends where there are many."""
    if len(gains) > 2 * CLASSES_AT_EACH_END:
        gains = [*gains[:CLASSES_AT_EACH_END], *gains[-CLASSES_AT_EACH_END:]]
    colours = [style[SUBJECT][0] if g.gain > 0 else style.get("uniform", STYLES["uniform"])[0] for g in gains]
    with _figure(6.4, 0.9 + 0.2 * len(gains)) as (figure, axis):
        places = range(len(gains))
        axis.barh(places, [g.gain for g in gains], color=colours, height=0.72)
        axis.set_yticks(places, [f"{_label(_short(g.name))} ({g.videos})" for g in gains], fontsize=8)
        for place, g in zip(places, gains, strict=True):
            side = 1 if g.gain >= 0 else -1
            axis.annotate(
                f"{g.gain:+.0f}", (g.gain, place), (4 * side, 0), textcoords="offset points", va="center",
                ha="left" if side > 0 else "right", fontsize=8,
            )  # fmt: skip
        axis.axvline(0, color=INK, linewidth=0.8)
        axis.invert_yaxis()
        axis.margins(x=0.12, y=0.01)
        axis.set_xlabel(f"points of {SUBJECT} over uniform, both at K = {k}")
        return _svg(figure, "gain of every class")


def html_page(runs: Sequence[Run], metric: str | None = None) -> str:
    """The whole report as one page; `metric` as for `findings`."""
    style = styles(runs)
    parts = sections(runs, metric)
    found = [finding for part in parts for finding in part.findings]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clipselect", ""),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else shown(value),
        trim_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(
        title=", ".join(dict.fromkeys(run.benchmark for run in runs)), summary=summary(found), runs=runs,
        sections=[_section(part, style, len(found) > 1) for part in parts], ranking=ranking_table(runs),
        reading=READING, facts=facts_tables(runs), methods=methods_table(runs), unreadable=unreadable_table(runs),
        version=__version__,
    )  # fmt: skip


def _section(part: Section, style: dict[str, tuple[str, str]], with_headlines: bool) -> dict[str, Any]:
    return {
        "title": part.title,
        "notes": part.notes,
        "tables": part.tables,
        "findings": [
            {
                "name": f.run.label if len(part.findings) > 1 else "",
                "headline": headline(f) if with_headlines else "",
                "details": details(f),
                "plots": list(_plots(f, style)),
            }
            for f in part.findings
        ],
    }


def _plots(finding: Finding, style: dict[str, tuple[str, str]]) -> Iterator[Plot]:
    left_out = sorted({row.method for row in finding.rows} & VARIANTS)
    without = f" The variants {', '.join(left_out)} are in the table only." if left_out else ""
    drawn: list[tuple[Callable[[], str | None], str]] = [
        (
            lambda: trade_plot(finding, "gflops", style),
            f"Up and to the left is better. Numbers: K of {SUBJECT}. Bars: 95 % intervals.{without}",
        ),
        (lambda: trade_plot(finding, "seconds", style), "The same against measured seconds, where they were measured."),
        (lambda: cost_plot(finding, "gflops"), "What the GFLOPs are spent on."),
        (lambda: cost_plot(finding, "seconds"), "What the seconds are spent on."),
    ]
    for draw, caption in drawn:
        svg = draw()
        if svg is not None:
            yield Plot(Markup(svg), caption)
    by_class = class_gains(finding)
    if by_class is not None:
        k, gains = by_class
        up, down = sum(g.gain > 0 for g in gains), sum(g.gain < 0 for g in gains)
        many = len(gains) > 2 * CLASSES_AT_EACH_END
        ends = f"; shown are the {CLASSES_AT_EACH_END} at each end" if many else ""
        yield Plot(
            Markup(gains_plot(k, gains, style)),
            f"Of {len(gains)} classes, {up} gain and {down} lose over uniform at the same K{ends}."
            " In brackets the number of videos: a class of few says little.",
        )


def _trade_line(
    axis: "Axes", method: str, rows: Sequence[Row], cost: str, finding: Finding, style: tuple[str, str]
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
            look: Any = {"fontsize": 8, "color": colour, "fontweight": weight}
            axis.annotate(number, (at, value), (-6, 5), textcoords="offset points", ha="right", **look)
    width = 2 if method == SUBJECT else 1.2
    (line,) = axis.plot(x, y, marker, linestyle="-", color=colour, linewidth=width, markeredgewidth=0, zorder=front)
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
    return (" " if text.startswith("_") else "") + shown(text)


def _short(name: str) -> str:
    return name if len(name) <= 36 else name[:35] + "…"


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker
