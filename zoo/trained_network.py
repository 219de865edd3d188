"""What bases for clips and for images share: what they are known by, and what happens when the user's network fails."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, device

from clipselect.errors import NetworkError
from clipselect.scoring.device import pick_precision
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import Metadata

N = TypeVar("N", bound="TrainedNetwork")


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A trained network with its input.

    Attributes:
        name: as shown in results.
        metadata: what its weights file says; empty without one.
        precision: "32", or "bf16": convolutions and matrix products in bfloat16.
    """

    name: str
    input_spec: InputSpec
    metadata: Metadata
    device: device
    precision: str = "32"

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its outputs, as far as it is known: for caches of them."""
        about = {"name": self.name, "sha256": getattr(self, "sha256", None), "input_spec": asdict(self.input_spec)}
        return about if self.precision == "32" else about | {"precision": self.precision}

    def with_precision(self: N, precision: str | None) -> N:
        """The same computing in "32", "bf16", or "auto": bf16 where the hardware multiplies it fast; None for its own.

        Weights stay float32, and outputs are. On CPUs with AMX bf16 is several times faster for heavy networks; outputs
        differ by some thousandths.

        Raises:
            ArgumentError: no such precision.
        """
        if precision is None:
            return self
        return replace(self, precision=pick_precision(precision, self.device, "base_precision"))

    def rows(self, network: Callable[[Tensor], Tensor], elements: NDArray[np.uint8]) -> Tensor:
        """Rows [n, d] float32 that the network gives for elements [n, *input_spec.shape] uint8 RGB.

        Raises:
            NetworkError: it fails, or gives something else.
        """
        kind = "image" if self.input_spec.frames is None else "clip"
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
                rows = network(self.input_spec.normalise(elements, self.device))
        except Exception as e:  # whatever the user's network runs into
            reason = next(iter(str(e).splitlines()), "")
            raise NetworkError(f"base {self.name!r} fails on {kind}s ({type(e).__name__}: {reason}); fix it") from e
        if not isinstance(rows, Tensor) or rows.ndim != 2 or len(rows) != len(elements) or not rows.shape[1]:
            raise NetworkError(f"base {self.name!r} must give one row of numbers per {kind} [n, d]; wrap it so")
        return rows.float()
