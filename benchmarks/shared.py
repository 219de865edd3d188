"""What the benchmarks share: their results file, errors in one sentence, the machine they ran on."""

import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import typer
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder
from rich.text import Text

from clipselect.commands.common import stderr, write_stdout
from clipselect.errors import ClipselectError
from clipselect.evaluation import results
from clipselect.media.cores import usable_cores
from clipselect.media.files import write_whole
from clipselect.media.text import printable
from clipselect.report.markdown import as_markdown
from clipselect.report.report import read_runs
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer


def run(main: Callable[[], None]) -> None:
    """Call `main`; a `ClipselectError` becomes one sentence on standard error and exit code 2."""
    try:
        main()
    except ClipselectError as e:
        stderr().print(Text.assemble(("Error: ", "bold red"), printable(e)))
        sys.exit(2)
    except typer.Exit as e:  # stopped by a signal
        sys.exit(e.exit_code)


def environment(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on and with; `commit` of clipselect where it runs from a git checkout."""
    about = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "av": av.__version__,
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "date": date.today().isoformat(),
    }
    commit = _commit()
    return about | ({"commit": commit} if commit else {})


def network_record(network: Base | Scorer) -> dict[str, Any]:
    """The entry `base` or `model`: name, fingerprint, G multiply-adds per clip where they can be counted, what it looks
    at, and of a DDNet the base that it was distilled for."""
    input_spec, metadata = network.input_spec, network.metadata
    gflops = multiply_adds(network.net, input_spec, network.device) / 1e9
    record = {
        "name": network.name,
        "sha256": network.sha256 if isinstance(network, Base) else metadata["sha256"],
        **({"gflops": gflops} if gflops else {}),
        "size": input_spec.size,
        "frames": input_spec.frames,
    }
    return record | {key: metadata[key] for key in ("base", "base_sha256") if metadata.get(key)}


def frame_network_record(network: Embedder | Scorer) -> dict[str, Any]:
    """`network_record` of a network for single frames."""
    metadata, input_spec = network.metadata, network.input_spec
    if isinstance(network, Embedder):
        sha256, gflops = network.sha256, network.gflops
    else:
        sha256 = metadata["sha256"]
        gflops = multiply_adds(network.net, input_spec, network.device) / 1e9
    record = {"name": network.name, "sha256": sha256, **({"gflops": gflops} if gflops else {})}
    record |= {"size": f"{input_spec.height} x {input_spec.width}"}
    return record | {key: metadata[key] for key in ("base", "base_sha256") if metadata.get(key)}


def tell(text: str) -> None:
    stderr().print(Text(printable(text), style="yellow"))


def write_results(out: Path, document: dict[str, Any]) -> None:
    """OUT/results.json (clipselect/evaluation/results.py describes it), and OUT/results.md, which is also printed."""
    file = out / results.RESULTS_NAME
    results.write_results(file, results.Results.model_validate(document))
    tables = as_markdown(read_runs([file]))
    write_whole(out / "results.md", tables)
    write_stdout(tables)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit of the checkout, "+" after it where files differ; empty where there is none."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--abbrev=12",
        "--dirty=+",
        "--exclude=*",
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
