"""A report as one HTML page without outside references."""

from typing import Any

from clipselect import __version__
from clipselect.pages.document import environment
from clipselect.report.contents import Report, Section
from clipselect.report.plots import Styles, finding_plots, overlay_plots, styles


def as_html(report: Report) -> str:
    """The whole report as one page."""
    style = styles(report.runs)
    sections = [_section(section, style) for section in report.sections]
    page = environment("clipselect.report").get_template("report.html.jinja")
    return page.render(report=report, sections=sections, version=__version__)


def _section(section: Section, style: Styles) -> dict[str, Any]:
    found = [passage.finding for passage in section.passages]
    passages = [(passage, finding_plots(passage.finding, style, found)) for passage in section.passages]
    return {"text": section, "passages": passages, "overlays": overlay_plots(found, style)}
