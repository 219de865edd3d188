"""The results of a report side by side, each under a label of its own; as CSV and as JSON."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from clipselect.errors import ClipselectError
from clipselect.evaluation.result_entries import COSTS, DataSet, Row
from clipselect.evaluation.results import RESULTS_NAME, VERSION, Results, read_results, results_file

CSV_COLUMNS = (
    "run", "benchmark", "data", "method", "k", "clips", "videos", "sources", "metric", "value", "low", "high", *COSTS,
)  # fmt: skip
Source: TypeAlias = Path | str | Results
"""Where results come from."""


@dataclass(frozen=True)
class Run:
    """The results of one evaluation.

    Attributes:
        label: what the report calls it; unique within the report.
        file: where they were read; for results from memory "results 1", "results 2", ...
    """

    label: str
    file: Path
    results: Results

    @property
    def rows(self) -> list[Row]:
        return self.results.rows

    @property
    def element(self) -> str:
        """What is ranked: "clip" or "frame"."""
        return self.results.element or "clip"

    @property
    def group(self) -> str:
        """What it is ranked in: "video", "tracklet", "template"."""
        return self.results.group or "video"

    @property
    def files(self) -> str:
        """What was read: "videos" or "images"."""
        return self.results.files or "videos"

    def data(self, name: str) -> DataSet:
        return next(data for data in self.results.data if data.name == name)


def read_runs(results: Source | Sequence[Source]) -> list[Run]:
    """The runs of a report.

    Args:
        results: results files, folders that hold a results.json, or what `read_results` returns; one or several.

    Raises:
        ClipselectError: a file that is missing, given twice, no results file, or that counts GFLOPs unlike the first.
    """
    if isinstance(results, (Path, str, Results)):
        results = [results]
    if not results:
        raise ClipselectError("there are no results to report; name at least one results file")
    files = [
        Path(f"results {i}") if isinstance(r, Results) else results_file(Path(r)) for i, r in enumerate(results, 1)
    ]
    for file, times in Counter(file.resolve() for file in files).items():
        if times > 1:
            raise ClipselectError(f"{file}: is given {times} times; name every results file once")
    read = [r if isinstance(r, Results) else read_results(Path(r)) for r in results]
    convention = read[0].gflops_convention
    for file, one in zip(files, read, strict=True):
        if one.gflops_convention != convention:
            raise ClipselectError(
                f"{file}: counts GFLOPs as {one.gflops_convention!r}, unlike {files[0]} ({convention!r}); report them"
                " separately"
            )
    labels = _labels(files, [one.base.name for one in read])
    return [Run(label, file, one) for label, file, one in zip(labels, files, read, strict=True)]


def as_json(runs: Sequence[Run]) -> str:
    """`{"version": 1, "runs": [...]}`: the results documents, each with its `run` (the label) and `file` besides."""
    names = [{"run": run.label, "file": str(run.file)} for run in runs]
    documents = [name | run.results.record() | name for name, run in zip(names, runs, strict=True)]
    return json.dumps({"version": VERSION, "runs": documents}, indent=1, allow_nan=False) + "\n"


def as_csv(runs: Sequence[Run]) -> str:
    """One line per run, row and metric, with `CSV_COLUMNS`; what was not measured stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for run in runs:
        for row in run.rows:
            line = {key: getattr(row, key) for key in ("data", "method", "k", "clips", "videos")} | row.costs
            line |= {"run": run.label, "benchmark": run.results.benchmark, "sources": row.source_count}
            writer.writerows(line | {"metric": name} | value._asdict() for name, value in row.metrics.items())
            if not row.metrics:
                writer.writerow(line)
    return out.getvalue()


def _labels(files: list[Path], bases: list[str]) -> list[str]:
    """The base's name, or where several runs share a base as much of the path as makes all labels different."""
    shared = {base for base, times in Counter(bases).items() if times > 1}
    paths = [f.resolve().parent if f.name == RESULTS_NAME else f.resolve().with_suffix("") for f in files]
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        labels = [
            "/".join(path.parts[-depth:]) if base in shared else base for path, base in zip(paths, bases, strict=True)
        ]
        if len(set(labels)) == len(labels):
            return labels
    return [str(file) for file in files]
