"""Where a training runs: device, precision and processes, through Lightning Fabric."""

import logging
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import torch

from clipselect.errors import ClipselectError
from clipselect.scoring.device import pick_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""One process may have many more videos to read than another that waits for it."""
PRECISIONS = ("auto", "32", "bf16")


@dataclass(frozen=True)
class Runtime:
    """One of the processes of a run.

    Attributes:
        fabric: launched.
        precision: "32" or "bf16".
    """

    fabric: "Fabric"
    precision: str

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
        return self.fabric.global_rank == 0

    def broadcast(self, value: T | None) -> T:
        """The first process's value, in every process."""
        return cast(T, self.fabric.broadcast(value))

    def log(self, values: dict[str, float], step: int) -> None:
        self.fabric.log_dict(values, step)


def launch(device: str, precision: str, log_folder: Path) -> Runtime:
    """Join the processes that `torchrun` started, or run as the only one.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...
        precision: "32", "bf16", or "auto" for bf16 where the hardware multiplies it fast.

    Raises:
        ClipselectError: absent device, one device for several processes, or unknown precision.
    """
    from lightning_fabric import Fabric  # slow to import
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger
    from lightning_fabric.strategies.ddp import DDPStrategy

    if precision not in PRECISIONS:
        raise ClipselectError(f"--precision must be one of {', '.join(PRECISIONS)}, got {precision}")
    by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ  # other launchers' variables would make one process wait for ever
    processes, local = (int(os.environ[n]) if by_torchrun else 1 for n in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if processes > 1 and device.startswith("cuda:"):
        raise ClipselectError(
            f"--device {device} is for one process; with torchrun give cuda, and every process has its own"
        )
    where = pick_device(device)
    chosen = ("bf16" if _has_fast_bf16(where) else "32") if precision == "auto" else precision
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=where.type,
        devices=[where.index or 0] if processes == 1 and where.type == "cuda" else local,
        num_nodes=processes // local,
        strategy=DDPStrategy(timeout=PATIENCE) if processes > 1 else "auto",
        precision="bf16-mixed" if chosen == "bf16" else "32-true",
        loggers=TensorBoardLogger(log_folder.parent, name=log_folder.name, version=""),
    )
    fabric.launch()
    return Runtime(fabric, chosen)


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        features = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features
