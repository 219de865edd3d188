"""Results files in, report files out, in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.results import read_results
from clipselect.index.inputs import refuse_data_file
from clipselect.media.files import Kind, check_name, check_writable, make_folder, write_whole
from clipselect.media.optional import require
from clipselect.report.contents import Report, make_report
from clipselect.report.markdown import as_markdown
from clipselect.report.runs import Source, as_csv, as_json, read_runs

NAMES: dict[Kind, str] = {"html": "report.html", "markdown": "report.md", "csv": "report.csv", "json": "report.json"}


def write_report(
    results: Source | Sequence[Source],
    out: Path | str | None = None,
    *,
    html: Path | str | None = None,
    markdown: Path | str | None = None,
    csv: Path | str | None = None,
    json: Path | str | None = None,
    metric: str | None = None,
) -> Report:
    """Write what evaluations measured: accuracy against cost, which K, and whether it is worth it.

    Several results are set side by side.

    Args:
        results: results files, folders that hold a results.json, or what `clipselect.evaluate` returns; one or several.
        out: a folder for report.html, report.md, report.csv and report.json; made if it is missing.
        html, markdown, csv, json: files to write; each in place of the one in `out`.
        metric: the one to go by: top1, map, ...; None for the first of the results.

    Returns:
        What was written; its `summary` is the verdict in a few sentences.

    Raises:
        ClipselectError: a file that is not a results file, an output that cannot be written or that holds results.
        ArgumentError: a metric that was not measured, two outputs with the same name.

    >>> from clipselect.evaluation.fields import Estimate
    >>> from clipselect.evaluation.result_entries import DataSet, Network, Row
    >>> from clipselect.evaluation.results import Results
    >>> top1 = {"ddl": Estimate(80, 77, 83), "uniform": Estimate(60, 57, 63)}
    >>> rows = [Row(data="val", method=m, k=5, videos=98, clips=5, metrics={"top1": top1[m]}) for m in top1]
    >>> results = Results(
    ...     benchmark="mine", base=Network(name="slow"), data=[DataSet(name="val", videos=98)], rows=rows
    ... )
    >>> write_report(results, "report").summary[0].partition(":")[0]
    'Is it worth it? Yes'
    """
    given: dict[Kind, Path | str | None] = {"html": html, "markdown": markdown, "csv": csv, "json": json}
    files = {kind: Path(path) for kind, path in given.items() if path is not None}
    if out is not None:
        make_folder(Path(out))
        files = {kind: Path(out) / name for kind, name in NAMES.items()} | files
    if "html" in files:
        require("matplotlib", "a page with plots")
    _check(files)
    report = make_report(read_runs(results), metric)
    contents = {kind: render(report, kind) for kind in files}
    for kind, path in files.items():
        write_whole(path, contents[kind])
    return replace(report, files=(*files.values(),))


def render(report: Report, kind: Kind) -> str:
    """A report as the text of a file."""
    if kind == "html":
        from clipselect.report.page import as_html  # slow to import, and not always needed

        return as_html(report)
    if kind == "markdown":
        return as_markdown(report)
    return as_csv(report.runs) if kind == "csv" else as_json(report.runs)


def _check(files: Mapping[Kind, Path]) -> None:
    """Refuse before the work what cannot be written after it, or what would be lost."""
    for kind, path in files.items():
        check_writable(path)
        refuse_data_file(path)
        check_name(path, kind)
    for kind, path in files.items():
        for other, its in files.items():
            if kind < other and path.resolve() == its.resolve():
                raise ArgumentError(kind, f"must not name the same file as {other}, {path}; give each its own")
        if _holds_results(path):  # `--json a.json b.json` is soon typed
            raise ClipselectError(f"{path}: the results that it holds would be lost; choose another output")


def _holds_results(path: Path) -> bool:
    try:
        read_results(path)
    except ClipselectError:
        return False
    return True
