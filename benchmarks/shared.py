"""What the benchmarks share: errors in one sentence, and their results file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from clipselect.commands.common import stderr, write_stdout
from clipselect.errors import ClipselectError
from clipselect.evaluation import results
from clipselect.evaluation.provenance import environment, network_record
from clipselect.media.text import printable
from clipselect.report.write import render, write_report

__all__ = ["environment", "network_record", "run", "tell", "write_results"]


def run(main: Callable[[], None]) -> None:
    """Call `main`; a `ClipselectError` becomes one sentence on standard error and exit code 2."""
    try:
        main()
    except ClipselectError as e:
        stderr().print(Text.assemble(("Error: ", "bold red"), printable(e)))
        sys.exit(2)
    except typer.Exit as e:  # stopped by a signal
        sys.exit(e.exit_code)


def tell(text: str) -> None:
    stderr().print(Text(printable(text), style="yellow"))


def write_results(out: Path, document: dict[str, Any]) -> None:
    """OUT/results.json (clipselect/evaluation/results.py describes it), and OUT/results.md, which is also printed."""
    file = out / results.RESULTS_NAME
    results.write_results(file, results.Results.model_validate(document))
    write_stdout(render(write_report([file], markdown=out / "results.md"), "markdown"))
