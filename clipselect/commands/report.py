"""`clipselect report`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from clipselect.commands.common import STDOUT, check, stderr, write_stdout
from clipselect.commands.options import Quiet
from clipselect.media.text import printable

if TYPE_CHECKING:
    from clipselect.media.files import Kind
    from clipselect.report.contents import Report
    from clipselect.report.tables import Table


def report(
    results: Annotated[
        list[str],
        typer.Argument(metavar="RESULTS", help="Results files of evaluations, or folders that hold a results.json."),
    ],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.html, report.md, report.csv and report.json there.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write the tables as Markdown.")] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write CSV, a line per row and metric; - for standard output."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all results as JSON; - for standard output.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots and tables.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="The metric to go by: top1, map, ... (default: the first of the results)")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Show what evaluations measured: accuracy against cost, which K, and whether it is worth it.

    Several results are set side by side. Exit code 0: reported. 2: a file that is not a results file, or wrong usage.
    """
    from clipselect.index.inputs import expand
    from clipselect.report.write import render, write_report

    given: dict[Kind, Path | None] = {"html": html, "markdown": markdown, "csv": csv_file, "json": json_file}
    streams = [kind for kind, path in given.items() if str(path) == STDOUT]
    check(len(streams) <= 1, "only one output can go to standard output; give the others a file")
    files = {kind: path for kind, path in given.items() if kind not in streams}
    made = write_report(expand(results), out, **files, metric=metric)
    for kind in streams:
        write_stdout(render(made, kind))
    if not quiet:
        _print(stderr() if streams else Console(highlight=False), made)
        for path in made.files:
            stderr().print(Text(f"written: {printable(path)}"))


def _print(console: Console, report: "Report") -> None:
    """The sentences and the tables, as far as a terminal has room."""
    for sentence in report.summary:
        console.print(Text(printable(sentence), style="bold"))
    words = "; ".join(f"{word}: {what}" for word, what in report.words.items())
    console.print(Text(printable(words), style="dim"))
    for section in report.sections:
        console.print(Text(f"\n{printable(section.title)}", style="bold"))
        for note in section.notes:
            console.print(Text(printable(note), style="yellow"))
        for passage in section.passages:
            parts = [f"{passage.name}:" * bool(passage.name), passage.answer, passage.headline]
            console.print(Text(printable(" ".join(filter(None, parts)))))
            for sentence in passage.details:
                console.print(Text(f"- {printable(sentence)}"))
        _print_tables(console, section.brief_tables)
    _print_tables(console, [*report.ranking, report.methods, *report.unreadable])


def _print_tables(console: Console, tables: "Sequence[Table]") -> None:
    from clipselect.commands.output.terminal import plain_table

    for table in tables:
        grid = plain_table(*table.columns, text=[*filter(table.is_text, table.columns)])
        for i, row in enumerate(table.rows):
            grid.add_row(*(Text(printable(cell)) for cell in row), style="bold green" if i in table.marked else "")
        console.print(Text(f"\n{printable(table.title)}", style="dim"))
        console.print(grid, crop=False)
