"""Directions of features."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=np.floating)


def unit_rows(rows: NDArray[F], least: float = 0.0) -> NDArray[F]:
    """Rows [n, d] scaled to length 1, in their dtype; rows of zeros stay, and rows below a `least` length stay short.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    least = max(least, float(np.finfo(rows.dtype).tiny))
    unit: NDArray[F] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), least)
    return unit
