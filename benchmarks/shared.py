"""What the benchmarks share: their results file, errors in one sentence, the machine they ran on."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
import typer
from rich.text import Text

from clipselect import __version__
from clipselect.checkpoint import fingerprint
from clipselect.classify import multiply_adds
from clipselect.commands.common import stderr, write_stdout
from clipselect.display import shown
from clipselect.errors import ClipselectError
from clipselect.files import write_whole
from clipselect.report import read_runs
from clipselect.report_tables import as_markdown
from clipselect.scorer import ClipScorer
from clipselect.zoo.base import Base

CONVENTION = "one multiply-add is one"


def run(main: Callable[[], None]) -> None:
    """Call `main`; a `ClipselectError` becomes one sentence on standard error and exit code 2."""
    try:
        main()
    except ClipselectError as e:
        stderr().print(Text.assemble(("Error: ", "bold red"), shown(e)))
        sys.exit(2)
    except typer.Exit as e:  # stopped by a signal
        sys.exit(e.exit_code)


def environment(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": len(cores),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "date": date.today().isoformat(),
    }


def network_record(network: Base | ClipScorer) -> dict[str, Any]:
    """The entry `base` or `model`: name, fingerprint, G multiply-adds per clip and what it looks at."""
    geometry = network.geometry
    return {
        "name": network.name,
        "sha256": network_fingerprint(network),
        "gflops": multiply_adds(network.net, geometry.size, geometry.frames) / 1e9,
        "size": geometry.size,
        "frames": geometry.frames,
    }


def network_fingerprint(network: Base | ClipScorer) -> str:
    """SHA-256 that changes with the weights: the file's own, or computed where it has none."""
    return str(network.metadata.get("sha256") or fingerprint(network.net.state_dict(), {}))


def write_results(out: Path, document: dict[str, Any]) -> None:
    """OUT/results.json by the schema of clipselect/report.py, and OUT/results.md, which is also printed."""
    head = {"version": 1, "clipselect": __version__, "gflops_convention": CONVENTION}
    results = out / "results.json"
    write_whole(results, json.dumps(head | document, indent=1, allow_nan=False) + "\n")
    tables = as_markdown(read_runs([results]))
    write_whole(out / "results.md", tables)
    write_stdout(tables)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
