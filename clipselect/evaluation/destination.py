"""The folder that an evaluation writes to: what lies there already must not be lost."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.results import RESULTS_NAME, read_results
from clipselect.media.files import make_folder

SYNTHETIC = "synthetic"
"""The benchmark whose data and networks are made again every time."""


def make_destination(out: Path, data: Sequence[Path]) -> None:
    """Create the folder `out`.

    Raises:
        ArgumentError: it is or lies inside a folder of data.
        ClipselectError: it cannot be written to.
    """
    for folder in data:
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise ArgumentError("out", f"must lie outside the data, got {out} in {folder}; name another folder")
    make_folder(out)


def check_replaceable(out: Path, head: dict[str, Any]) -> None:
    """Refuse to replace OUT/results.json unless it is of the same evaluation, whose K may differ.

    Args:
        head: `benchmark`, `settings`, `base` and `model` of the results to be written.

    Raises:
        ArgumentError: the file is of another evaluation, or holds something else.
    """
    file = out / RESULTS_NAME
    if not file.exists():
        return
    remedy = "name another folder, or move that file away"
    try:
        old = read_results(file)
    except ClipselectError as e:
        raise ArgumentError("out", f"holds {file}, which is not a results file of this version; {remedy}") from e
    if old.benchmark == head["benchmark"] == SYNTHETIC:
        return
    before, now = _identity(old.record()), _identity(head)
    differing = [key for key in now if before.get(key) != now[key]]
    if differing:
        raise ArgumentError("out", f"holds {file} of another evaluation ({', '.join(differing)} differ); {remedy}")


def _identity(head: dict[str, Any]) -> dict[str, Any]:
    """What makes an evaluation another one, as JSON holds it."""
    known = ("name", "sha256", "precision")
    networks = {key: [head[key].get(name) for name in known] for key in ("base", "model") if head.get(key)}
    settings = {key: value for key, value in (head.get("settings") or {}).items() if key not in ("k", "classes")}
    found: dict[str, Any] = json.loads(json.dumps({"benchmark": head["benchmark"]} | networks | settings))
    return found
