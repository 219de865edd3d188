"""What the benchmarks of speed share: a results file and its tables."""

from pathlib import Path
from typing import Any

from clipselect.commands.common import write_stdout
from clipselect.evaluation import results
from clipselect.report.write import render, write_report


def write_results(out: Path, document: dict[str, Any]) -> None:
    """OUT/results.json (clipselect/evaluation/results.py describes it), and OUT/results.md, which is also printed."""
    file = out / results.RESULTS_NAME
    results.write_results(file, results.Results.model_validate(document))
    write_stdout(render(write_report([file], markdown=out / "results.md"), "markdown"))
