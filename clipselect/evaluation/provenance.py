"""What figures were measured with: the machine, the libraries and the two networks, as a results file records them."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from clipselect.media.cores import usable_cores
from clipselect.media.geometry import SQUASH
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder

REPOSITORY = Path(__file__).parents[2]
GIT_SECONDS = 10.0
SHA256_SHOWN = 12
"""Characters of a fingerprint that a sentence shows."""


def environment(device: torch.device) -> dict[str, Any]:
    """The entry `environment`; `commit` of clipselect only where it runs from a git checkout."""
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


def network_record(network: Base | Embedder | Scorer) -> dict[str, Any]:
    """The entry `base` or `model`: name, fingerprint, G multiply-adds per element where they can be counted, the input,
    and of a DDNet the base that it was distilled for."""
    spec, metadata = network.input_spec, network.metadata
    if isinstance(network, Embedder):
        gflops = network.gflops
    else:
        gflops = multiply_adds(network.net, spec, network.device) / 1e9
    record = {
        "name": network.name,
        "sha256": metadata["sha256"] if isinstance(network, Scorer) else network.sha256,
        **({"gflops": gflops} if gflops else {}),
        **({"size": f"{spec.height} x {spec.width}"} if spec.frames is None else {"size": spec.size}),
        **({} if spec.frames is None else {"frames": spec.frames}),
        **({} if spec.geometry == SQUASH else {"geometry": str(spec.geometry)}),
        **({"precision": network.precision} if isinstance(network, Base) and network.precision != "32" else {}),
    }
    return record | {key: metadata[key] for key in ("base", "base_sha256") if metadata.get(key)}


def other_base(made_for: Mapping[str, Any], name: str, sha256: str | None) -> str | None:
    """Which other base a DDNet was distilled for, in words; None where it is this one, or not known.

    Args:
        made_for: `base` and `base_sha256` of the DDNet.
        name, sha256: of the base that it is used with.

    >>> other_base({"base": "slow", "base_sha256": "aa"}, "fast", "bb")
    'the base slow, not for fast'
    >>> other_base({"base": "slow", "base_sha256": "aa"}, "slow", "bb")
    'other weights of the same name, slow (sha256 aa, not bb)'
    """
    own = made_for.get("base_sha256")
    if not own or not sha256 or own == sha256:
        return None
    if made_for.get("base") == name:
        return f"other weights of the same name, {name} (sha256 {own[:SHA256_SHOWN]}, not {sha256[:SHA256_SHOWN]})"
    return f"the base {made_for.get('base')}, not for {name}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit of the checkout, "+" after it where files differ; empty where there is none."""
    if not (REPOSITORY / ".git").exists():  # else the checkout would be one that clipselect is only installed in
        return ""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_SECONDS).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
