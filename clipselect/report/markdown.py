"""A report as Markdown."""

from collections.abc import Sequence

from clipselect.media.text import printable
from clipselect.report.facts import READING, facts_tables, methods_table, unreadable_table
from clipselect.report.report import Run
from clipselect.report.sentences import details, headline, summary
from clipselect.report.tables import Table, ranking_table, sections


def as_markdown(runs: Sequence[Run], metric: str | None = None) -> str:
    """The whole report but its plots; `metric` as for `findings`."""
    parts = sections(runs, metric)
    found = [finding for part in parts for finding in part.findings]
    lines = [f"# {_md(', '.join(dict.fromkeys(run.benchmark for run in runs)))}", _md(summary(found))]
    for part in parts:
        lines += [f"## {_md(part.title)}", *(_md(note) for note in part.notes)]
        for finding in part.findings:
            name = f"{finding.run.label}: " if len(part.findings) > 1 else ""
            lines.append(_md(name + headline(finding)))
            lines += [f"- {_md(sentence)}" for sentence in details(finding)] + [""]
        lines += [_markdown_table(table) for table in part.tables]
    lines += [_markdown_table(table) for table in ranking_table(runs)]
    lines += ["## How to read this", "\n".join(f"- {_md(line)}" for line in READING)]
    tables = [methods_table(runs), *facts_tables(runs), *unreadable_table(runs)]
    lines += [_markdown_table(table) for table in tables]
    return _spaced(lines)


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
    return printable(text).translate(_ESCAPES)


def _spaced(lines: Sequence[str]) -> str:
    """Paragraphs apart, the entries of a list together."""
    out = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line:
            out += line + ("\n" if line.startswith("- ") and following.startswith("- ") else "\n\n")
    return out.rstrip() + "\n"
