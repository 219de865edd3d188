"""`clipselect report`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from clipselect.commands.common import STDOUT, check, stderr
from clipselect.commands.options import Quiet
from clipselect.commands.outputs import write
from clipselect.errors import ClipselectError
from clipselect.index.inputs import expand
from clipselect.media.files import check_writable, make_folder
from clipselect.media.text import printable
from clipselect.report.facts import unreadable_table
from clipselect.report.markdown import as_markdown
from clipselect.report.report import Run, as_csv, as_json, read_document, read_runs
from clipselect.report.sentences import details, headline, summary
from clipselect.report.tables import Table, ranking_table, sections

NAMES = {"markdown": "report.md", "csv": "report.csv", "json": "report.json", "html": "report.html"}


def report(
    results: Annotated[
        list[str],
        typer.Argument(metavar="RESULTS...", help="Results files of benchmarks, or folders that hold a results.json."),
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
    """Show what benchmarks measured: accuracy against cost, which K, and whether it is worth it.

    Several results are set side by side. Exit code 0: reported. 2: a file that is not a results file, or wrong usage.
    """
    files = {"markdown": markdown, "csv": csv_file, "json": json_file, "html": html}
    if out is not None:
        make_folder(out)
        files = {kind: path or out / NAMES[kind] for kind, path in files.items()}
    wanted = {kind: path for kind, path in files.items() if path is not None}
    _check_outputs(wanted)
    runs = read_runs(expand(results))
    for path in wanted.values():
        _spare_results(path)
    contents = {kind: _content(kind, runs, metric) for kind in wanted}
    for kind, path in wanted.items():
        write(path, contents[kind])
    if not quiet:
        on_stdout = STDOUT in map(str, wanted.values())
        _print(stderr() if on_stdout else Console(highlight=False), runs, metric)
        for path in wanted.values():
            if str(path) != STDOUT:
                stderr().print(Text(f"written: {printable(path)}"))


def _check_outputs(files: dict[str, Path]) -> None:
    """Refuse now what cannot be written after the work."""
    on_disk = [path for path in files.values() if str(path) != STDOUT]
    check(len(files) - len(on_disk) <= 1, "only one output can go to standard output; give the others a file")
    for path in on_disk:
        check_writable(path)
    different = len({path.resolve() for path in on_disk}) == len(on_disk)
    check(different, "two of --markdown, --csv, --json and --html name the same file; give each its own")


def _spare_results(path: Path) -> None:
    """Refuse to write over results, those to report as well as others (`--json a.json b.json` is soon typed)."""
    try:
        read_document(path)
    except ClipselectError:
        return
    raise ClipselectError(f"{path}: holds the results of a benchmark and would be lost; choose another output")


def _content(kind: str, runs: list[Run], metric: str | None) -> str:
    if kind == "html":
        from clipselect.report.page import html_page  # slow to import, and not always needed

        return html_page(runs, metric)
    if kind == "markdown":
        return as_markdown(runs, metric)
    return as_csv(runs) if kind == "csv" else as_json(runs)


def _print(console: Console, runs: list[Run], metric: str | None) -> None:
    """The sentences and the tables, as far as a terminal has room."""
    parts = sections(runs, metric, brief=True)
    found = [finding for part in parts for finding in part.findings]
    console.print(Text(printable(summary(found)), style="bold"))
    for part in parts:
        console.print(Text(f"\n{printable(part.title)}", style="bold"))
        for note in part.notes:
            console.print(Text(printable(note), style="yellow"))
        for finding in part.findings:
            name = f"{finding.run.label}: " if len(part.findings) > 1 else ""
            console.print(Text(printable(name + headline(finding))))
            for sentence in details(finding):
                console.print(Text(f"- {printable(sentence)}"))
        for table in part.tables:
            _print_table(console, table)
    for table in (*ranking_table(runs), *unreadable_table(runs)):
        _print_table(console, table)


def _print_table(console: Console, table: Table) -> None:
    grid = RichTable(box=None, header_style="bold", pad_edge=False)
    for name in table.columns:
        grid.add_column(Text(printable(name)), justify="left" if table.is_text(name) else "right", overflow="fold")
    for i, row in enumerate(table.rows):
        grid.add_row(*(Text(printable(cell)) for cell in row), style="bold green" if i in table.marked else "")
    console.print(Text(f"\n{table.title}", style="dim"))
    console.print(grid)
