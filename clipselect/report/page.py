"""A report as one HTML page without outside references."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from clipselect import __version__
from clipselect.media.text import printable
from clipselect.report.classes import class_gains
from clipselect.report.facts import READING, facts_tables, methods_table, unreadable_table
from clipselect.report.findings import SUBJECT, Finding, is_variant
from clipselect.report.plots import CLASSES_AT_EACH_END, cost_plot, gains_plot, overlay_plot, styles, trade_plot
from clipselect.report.report import Run
from clipselect.report.sentences import details, headline, summary
from clipselect.report.tables import Section, ranking_table, sections

Styles = dict[str, tuple[str, str]]


class Plot(NamedTuple):
    svg: Markup
    caption: str


def html_page(runs: Sequence[Run], metric: str | None = None) -> str:
    """The whole report as one page; `metric` as for `findings`."""
    style = styles(runs)
    parts = sections(runs, metric)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clipselect.report", ""),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(value),
        trim_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(
        title=", ".join(dict.fromkeys(run.benchmark for run in runs)), runs=runs,
        summary=summary([finding for part in parts for finding in part.findings]),
        sections=[_section(part, style) for part in parts], ranking=ranking_table(runs),
        reading=READING, facts=facts_tables(runs), methods=methods_table(runs), unreadable=unreadable_table(runs),
        version=__version__,
    )  # fmt: skip


def _section(part: Section, style: Styles) -> dict[str, Any]:
    return {
        "title": part.title,
        "notes": part.notes,
        "tables": part.tables,
        "plots": list(_overlays(part.findings, style)),
        "findings": [
            {
                "name": f.run.label if len(part.findings) > 1 else "",
                "headline": headline(f),
                "details": details(f),
                "plots": list(_plots(f, style, part.findings)),
            }
            for f in part.findings
        ],
    }


def _overlays(found: Sequence[Finding], style: Styles) -> Iterator[Plot]:
    for cost, name in (("gflops", "GFLOPs"), ("seconds", "seconds")):
        svg = overlay_plot(found, cost, style)
        if svg is not None:
            yield Plot(Markup(svg), f"All runs against {name}: a colour per method, a kind of line per run.")


def _plots(finding: Finding, style: Styles, among: Sequence[Finding]) -> Iterator[Plot]:
    left_out = sorted({row.method for row in finding.rows if is_variant(row.method)})
    without = f" The variants {', '.join(left_out)} are in the table only." if left_out else ""
    drawn: list[tuple[Callable[[], str | None], str]] = [
        (
            lambda: trade_plot(finding, "gflops", style, among),
            f"Up and to the left is better. Numbers: K of {SUBJECT}. Bars: 95 % intervals.{without}",
        ),
        (
            lambda: trade_plot(finding, "seconds", style, among),
            "The same against measured seconds, where they were measured.",
        ),
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
        counted = "source videos" if any(g.sources != g.videos for g in gains) else "videos"
        yield Plot(
            Markup(gains_plot(k, gains, style)),
            f"Of {len(gains)} classes, {up} gain and {down} lose over uniform at the same K{ends}."
            f" In brackets the number of {counted}: a class of few says little.",
        )
