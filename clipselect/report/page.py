"""A report as one HTML page without outside references."""

from typing import Any

import jinja2
from markupsafe import Markup

from clipselect import __version__
from clipselect.media.text import printable
from clipselect.report.contents import Report, Section
from clipselect.report.plots import Styles, finding_plots, overlay_plots, styles


def as_html(report: Report) -> str:
    """The whole report as one page."""
    style = styles(report.runs)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("clipselect.report", ""),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(value),
        trim_blocks=True,
    )
    sections = [_section(section, style) for section in report.sections]
    page = environment.get_template("report.html.jinja")
    return page.render(report=report, sections=sections, version=__version__)


def _section(section: Section, style: Styles) -> dict[str, Any]:
    found = [passage.finding for passage in section.passages]
    passages = [(passage, finding_plots(passage.finding, style, found)) for passage in section.passages]
    return {"text": section, "passages": passages, "overlays": overlay_plots(found, style)}
