"""Where a training runs: device, precision and processes, through Lightning Fabric."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import torch

from clipselect.errors import ArgumentError, check_argument
from clipselect.media.optional import require
from clipselect.scoring.device import pick_device
from clipselect.training.scalar_log import ScalarLog

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")

MAX_WAIT = timedelta(days=7)
"""Of one process for another, which may have many more videos to read."""
PRECISIONS = ("auto", "32", "bf16")


@dataclass(frozen=True)
class Runtime:
    """One of the processes of a run.

    Attributes:
        fabric: launched.
        precision: "32" or "bf16".
        log: for the first process to write.
    """

    fabric: "Fabric"
    precision: str
    log: ScalarLog

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def rank(self) -> int:
        return self.fabric.global_rank

    @property
    def world_size(self) -> int:
        return self.fabric.world_size

    @property
    def is_global_zero(self) -> bool:
        return self.rank == 0

    def from_first(self, compute: Callable[[], T]) -> T:
        """What the first process computes, in every process: the others might read the same and not agree."""
        return cast(T, self.fabric.broadcast(compute() if self.is_global_zero else None))


def launch(device: str, precision: str, log_folder: Path) -> Runtime:
    """Join the processes that `torchrun` started, or run as the only one.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...
        precision: "32", "bf16", or "auto" for bf16 where the hardware multiplies it fast.

    Raises:
        MissingLibraryError: a library of the extra "train" is missing.
        ClipselectError: absent device, one device for several processes, or unknown precision.
    """
    for name in ("lightning_fabric", "tensorboardX", "scipy", "sklearn"):  # the last two measure what was trained
        require(name, "training")
    from lightning_fabric import Fabric  # slow to import
    from lightning_fabric.strategies.ddp import DDPStrategy

    check_argument(precision in PRECISIONS, "precision", f"must be one of {', '.join(PRECISIONS)}, got {precision}")
    processes, local = (int(os.environ[n]) if _by_torchrun() else 1 for n in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if processes > 1 and device.startswith("cuda:"):
        raise ArgumentError(
            "device", f"{device} is for one process; with torchrun give cuda, and every process has its own"
        )
    where = pick_device(device)
    chosen = ("bf16" if _has_fast_bf16(where) else "32") if precision == "auto" else precision
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=where.type,
        devices=[where.index or 0] if processes == 1 and where.type == "cuda" else local,
        num_nodes=processes // local,
        strategy=DDPStrategy(timeout=MAX_WAIT) if processes > 1 else "auto",
        precision="bf16-mixed" if chosen == "bf16" else "32-true",
    )
    fabric.launch()
    return Runtime(fabric, chosen, ScalarLog(log_folder))


def is_first_process() -> bool:
    """Whether this process is the only one or the first of a run: the one that reports. Known before `launch`."""
    return not _by_torchrun() or os.environ["RANK"] == "0"


def _by_torchrun() -> bool:
    """Variables of other launchers do not count: they would make one process wait for others for ever."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        features = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features
