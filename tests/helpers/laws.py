"""Elements drawn by hypothesis, for the laws of the method."""

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from clipselect.method.discriminability import (
    discriminability,
)

BIG = float(torch.finfo(torch.float32).max)


float32 = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1e-45, -1e-45, 1e-38, 0.1, 1.0, BIG, -BIG]
)


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def one(feature: tuple[float, ...], label: int, centroids: Tensor, **options: Any) -> float:
    return float(discriminability(rows(feature), torch.tensor([label]), centroids, **options))


@st.composite
def elements(draw: st.DrawFn, values: st.SearchStrategy[float] = float32) -> tuple[Tensor, Tensor, int]:
    """Features [n, d] and labels [n] with at least two classes seen, and the number of classes."""
    dim, count, classes = draw(st.integers(1, 3)), draw(st.integers(2, 8)), draw(st.integers(2, 4))
    labels = [0, 1, *draw(st.lists(st.integers(0, classes - 1), min_size=count - 2, max_size=count - 2))]
    features = draw(st.lists(st.lists(values, min_size=dim, max_size=dim), min_size=count, max_size=count))
    return torch.tensor(features, dtype=torch.float32), torch.tensor(labels), classes


small_integers = st.integers(-8, 8).map(float)  # their sums are exact in any order
metrics = st.sampled_from(["cosine", "euclidean"])
contrasts = st.sampled_from(["ratio", "difference"])
