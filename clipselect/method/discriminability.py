"""Discriminability of elements for a base network: equations 2, 3 and 4 of the paper.

An element is discriminable when its feature lies much closer to the centroid of its own class than to any other
class's. Everything here is a pure function over features that a base network has already computed; only
`CentroidAccumulator` keeps state, so that the centroids of millions of elements stream.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Metric = Literal["cosine", "euclidean"]
Contrast = Literal["ratio", "difference"]

EPS = 1e-2
"""Eq. 3's ratio explodes when its denominator nears 0; clamped at this, |D| stays within 1 / EPS = 100."""


class CentroidAccumulator:
    """Class centroids C_m, the mean feature of each class, over batches of any size in any order.

    Args:
        num_classes: number of classes M.
        dim: feature dimension d.

    >>> centroids = CentroidAccumulator(num_classes=2, dim=2)
    >>> centroids.update(torch.tensor([[1.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 1]))
    >>> centroids.update(torch.tensor([[3.0, 0.0]]), torch.tensor([0]))
    >>> centroids.compute()
    tensor([[2., 0.],
            [0., 4.]], dtype=torch.float64)
    """

    def __init__(self, num_classes: int, dim: int) -> None:
        self.sum = torch.zeros(num_classes, dim, dtype=torch.float64)
        self.count = torch.zeros(num_classes, dtype=torch.int64)

    def update(self, features: Tensor, labels: Tensor) -> None:
        """Add a batch: features [n, d], finite floats; labels [n], integers in [0, M)."""
        _check(features, labels, len(self.count))
        labels = labels.to(self.count)
        self.sum.index_add_(0, labels, features.to(self.sum))
        self.count += torch.bincount(labels, minlength=len(self.count))

    def compute(self) -> Tensor:
        """Centroids [M, d] float64; the row of a class without elements is NaN and never counts as a negative."""
        return self.sum / self.count.unsqueeze(1)


def class_centroids(features: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Centroids [M, d] float64 of features [n, d] with labels [n]; NaN rows for classes without elements.

    >>> class_centroids(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([0, 0]), num_classes=2)
    tensor([[2., 0.],
            [nan, nan]], dtype=torch.float64)
    """
    centroids = CentroidAccumulator(num_classes, features.shape[1])
    centroids.update(features, labels)
    return centroids.compute()


def similarity(features: Tensor, centroids: Tensor) -> Tensor:
    """Cosine similarity (eq. 2) of features [n, d] to centroids [M, d]: [n, M] in [-1, 1], 0 for zero and NaN rows.

    >>> similarity(torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.6, 0.8]]))
    tensor([[1.0000, 0.6000]])
    """
    return _unit(features) @ _unit(centroids.nan_to_num()).T


def discriminability(
    features: Tensor,
    labels: Tensor,
    centroids: Tensor,
    *,
    metric: Metric = "cosine",
    contrast: Contrast = "ratio",
    eps: float = EPS,
    chunk: int = 8192,
) -> Tensor:
    """Discriminability D_i of every element (eq. 2 and 3); higher is easier for the base.

    Cosine: similarity to the own centroid over the largest similarity to another one, the denominator clamped to at
    least `eps`, so an element near no other class scores high and one opposite to its own class scores below 0. A
    zero feature scores 0. Euclidean: distance to the nearest other centroid over the distance to the own one, the
    latter clamped to at least `eps` times the former; 1 when both are 0. With the contrast "difference", not the
    paper's, the two are subtracted instead of divided.

    Args:
        features: [n, d] finite floats.
        labels: [n] integers in [0, M), each of a class that has a centroid.
        centroids: [M, d] as `class_centroids` returns them, NaN rows for empty classes.
        chunk: rows of the [chunk, M] similarity matrix held in memory at a time.

    Returns:
        [n] float64; a ratio lies in [-1 / eps, 1 / eps].

    Raises:
        ValueError: fewer than two classes have a centroid, an element's own class has none, or an unknown metric or
            contrast.

    >>> centroids = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    >>> discriminability(torch.tensor([[1.0, 0.0], [0.8, 0.6]]), torch.tensor([0, 0]), centroids)
    tensor([1.6667, 0.8333], dtype=torch.float64)
    """
    _check(features, labels, len(centroids))
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {get_args(Metric)}, got {metric!r}")
    if contrast not in get_args(Contrast):
        raise ValueError(f"contrast must be one of {get_args(Contrast)}, got {contrast!r}")
    labels, centroids = labels.long().to(features.device), centroids.to(features.device, torch.float64)
    seen = ~centroids.isnan().any(dim=1)
    if int(seen.sum()) < 2:
        raise ValueError("eq. 3 needs at least two classes with elements: there is no negative class to compare with")
    if not bool(seen[labels].all()):
        raise ValueError("a label has no centroid: compute the centroids over a set that holds every class in labels")
    one_chunk = {"cosine": _cosine, "euclidean": _euclidean}[metric]
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    for i in range(0, len(features), chunk):
        part = slice(i, i + chunk)
        out[part] = one_chunk(features[part].double(), labels[part], centroids, seen, contrast, eps)
    return out


def _cosine(
    features: Tensor, labels: Tensor, centroids: Tensor, seen: Tensor, contrast: Contrast, eps: float
) -> Tensor:
    cosines, own = similarity(features, centroids), _own(labels, len(seen))
    positive, negative = cosines[own], cosines.masked_fill(own | ~seen, -torch.inf).amax(dim=1)
    return positive / negative.clamp_min(eps) if contrast == "ratio" else positive - negative


def _euclidean(
    features: Tensor, labels: Tensor, centroids: Tensor, seen: Tensor, contrast: Contrast, eps: float
) -> Tensor:
    scale = max(_largest(features), _largest(centroids[seen])) or 1.0  # the ratio has no unit: avoid overflow
    distance = torch.cdist(
        features / scale, centroids.nan_to_num() / scale, compute_mode="donot_use_mm_for_euclid_dist"
    )
    own = _own(labels, len(seen))
    positive, negative = distance[own], distance.masked_fill(own | ~seen, torch.inf).amin(dim=1)
    if contrast == "difference":
        return (negative - positive) * scale
    return torch.where(negative > 0, negative / positive.maximum(eps * negative), (positive == 0).double())


def _own(labels: Tensor, num_classes: int) -> Tensor:
    """[n, M] bool, true in the column of an element's own class."""
    return torch.nn.functional.one_hot(labels.long(), num_classes).bool()


def _unit(rows: Tensor) -> Tensor:
    """Rows scaled to length 1; zero rows stay zero. Dividing by the largest entry first avoids overflow."""
    rows = rows / rows.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    return torch.nn.functional.normalize(rows, dim=1)


def _largest(rows: Tensor) -> float:
    return float(rows.abs().max()) if rows.numel() else 0.0


def _check(features: Tensor, labels: Tensor, num_classes: int) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(f"expected features [n, d] and labels [n], got {[*features.shape]} and {[*labels.shape]}")
    if not bool(features.isfinite().all()):
        raise ValueError("features hold NaN or infinity: check the base network's output")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(f"labels must lie in [0, {num_classes})")


@dataclass(frozen=True)
class Normalisation:
    """What turns a discriminability into a D-score (eq. 4); statistics of a whole training set, kept with the weights.

    Attributes:
        mu, sigma: mean and population standard deviation after clipping.
        low, high: outliers are clipped to these before eq. 4.
    """

    mu: float
    sigma: float
    low: float
    high: float


def normalisation(discriminabilities: Tensor, outliers: float = 0.01) -> Normalisation:
    """Statistics of eq. 4 over the discriminabilities [n] of a whole training set.

    Args:
        outliers: share clipped at either end, in [0, 0.5), so that a few exploding ratios do not set sigma.

    >>> normalisation(torch.tensor([1.0, 2.0, 3.0, 4.0]), outliers=0)
    Normalisation(mu=2.5, sigma=1.118033988749895, low=1.0, high=4.0)
    """
    values = discriminabilities.double().cpu().numpy()
    if not len(values):
        raise ValueError("eq. 4 needs at least one element")
    low, high = np.quantile(values, [outliers, 1 - outliers])
    if low == high:  # the mean of equal numbers is rounded: their spread would not be exactly 0
        return Normalisation(float(low), 0.0, float(low), float(high))
    clipped = np.clip(values, low, high)
    return Normalisation(float(clipped.mean()), float(clipped.std()), float(low), float(high))


def d_scores(discriminabilities: Tensor, norm: Normalisation) -> Tensor:
    """D-scores (eq. 4): sigmoid((D - mu) / sigma), [n] in (0, 1); 0.5 for all when every element is the same.

    >>> d_scores(torch.tensor([1.0, 2.0, 9.0]), Normalisation(mu=2.0, sigma=1.0, low=0.0, high=4.0))
    tensor([0.2689, 0.5000, 0.8808], dtype=torch.float64)
    """
    centred = discriminabilities.double().clamp(norm.low, norm.high) - norm.mu
    return torch.sigmoid(centred / norm.sigma) if norm.sigma > 0 else torch.full_like(centred, 0.5)
