"""A report as Markdown."""

from collections.abc import Sequence

from clipselect.media.text import printable
from clipselect.report.contents import Report
from clipselect.report.tables import Table


def as_markdown(report: Report) -> str:
    """The whole report but its plots."""
    lines = [f"# {_md(report.title)}", *map(_md, report.summary)]
    for section in report.sections:
        lines += [f"## {_md(section.title)}", *map(_md, section.notes)]
        for passage in section.passages:
            name = f"{passage.name}: " if passage.name else ""
            lines += [_md(passage.answer)] * bool(passage.answer)
            lines += [_md(name + passage.headline), *(f"- {_md(sentence)}" for sentence in passage.details)]
        lines += map(_markdown_table, section.tables)
    lines += map(_markdown_table, report.ranking)
    words = [f"{word}: {what}." for word, what in report.words.items()]
    lines += ["## How to read this", *(f"- {_md(line)}" for line in [*words, *report.reading])]
    lines += map(_markdown_table, [report.methods, *report.facts, *report.unreadable])
    return _spaced(lines)


def _markdown_table(table: Table) -> str:
    lines = [
        "| " + " | ".join(map(_md, table.columns)) + " |",
        "|" + "|".join("---" if table.is_text(name) else "---:" for name in table.columns) + "|",
    ]
    for i, row in enumerate(table.rows):
        cells = [f"**{_md(cell)}**" if i in table.marked and cell else _md(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return f"### {_md(table.title)}\n\n" + "\n".join(lines)


_ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\`*[]|"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def _md(text: str) -> str:
    return printable(text).translate(_ESCAPES)


def _spaced(lines: Sequence[str]) -> str:
    """Paragraphs apart, the entries of a list together."""
    out = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        out += line + ("\n" if line.startswith("- ") and following.startswith("- ") else "\n\n")
    return out.rstrip() + "\n"
