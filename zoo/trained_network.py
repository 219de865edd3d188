"""What bases for clips and for images share: what they are known by, and what happens when the user's network fails."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, device

from clipselect.errors import NetworkError
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import Metadata


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A trained network with its input.

    Attributes:
        name: as shown in results.
        metadata: what its weights file says; empty without one.
    """

    name: str
    input_spec: InputSpec
    metadata: Metadata
    device: device

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its outputs, as far as it is known: for caches of them."""
        return {"name": self.name, "sha256": getattr(self, "sha256", None), "input_spec": asdict(self.input_spec)}

    def rows(self, network: Callable[[Tensor], Tensor], elements: NDArray[np.uint8]) -> Tensor:
        """Rows [n, d] float32 that the network gives for elements [n, *input_spec.shape] uint8 RGB.

        Raises:
            NetworkError: it fails, or gives something else.
        """
        kind = "image" if self.input_spec.frames is None else "clip"
        try:
            rows = network(self.input_spec.normalise(elements, self.device))
        except Exception as e:  # whatever the user's network runs into
            reason = next(iter(str(e).splitlines()), "")
            raise NetworkError(f"base {self.name!r} fails on {kind}s ({type(e).__name__}: {reason}); fix it") from e
        if not isinstance(rows, Tensor) or rows.ndim != 2 or len(rows) != len(elements) or not rows.shape[1]:
            raise NetworkError(f"base {self.name!r} must give one row of numbers per {kind} [n, d]; wrap it so")
        return rows.float()
