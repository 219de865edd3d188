"""What every way of choosing and weighing the frames of a group makes of them: the rows of the tables for sets.

A group's feature is the weighted mean of the features of its chosen frames (eq. 8). Pure functions over arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.evaluation.metrics import pool_by_media
from clipselect.method.aggregation import Rescale, aggregate, weights
from clipselect.method.selection import above, ranking, top_k, uniform


@dataclass(frozen=True)
class Method:
    """One way of choosing frames.

    Attributes:
        name: as in results: "average", "top1", "random", "even", "first", "ddl" and variants, "ddl_threshold",
            "ddl_half" and "even_half" (half of the frames, rounded up).
        k: how many are kept; None for a method without.
    """

    name: str
    k: int | None = None

    @property
    def reads_scores(self) -> bool:
        """Whether the DDNet must see all frames first."""
        return self.name.startswith("ddl") or self.name == "top1"


RESCALES: dict[str, Rescale | None] = {"no_rescale": None, "literal": "kept"}


def methods(ks: Sequence[int]) -> list[Method]:
    """All that are compared: averages and weighted means of all frames, of those above the threshold, of the better
    half, and of K."""
    whole = ["average", "top1", "ddl_all", "ddl_all_no_rescale"]
    threshold = ["ddl_threshold", "ddl_threshold_no_rescale", "ddl_threshold_literal"]
    half = ["ddl_half", "ddl_half_average", "even_half"]
    counted = ["ddl", "ddl_average", "ddl_no_rescale", "ddl_literal", "even", "first", "random"]
    return [Method(name) for name in (*whole, *threshold, *half)] + [Method(name, k) for k in ks for name in counted]


def chosen(
    method: Method, scores: NDArray[np.floating], *, threshold: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places [k] of the frames of a group that a method keeps, and their weights [k].

    Args:
        scores: [n] of the DDNet.
        threshold: of eq. 7, for "ddl_threshold".
        rng: for "random".
    """
    n = len(scores)
    name, _, variant = method.name.partition("_")
    k = (n + 1) // 2 if variant.startswith("half") else n if method.k is None else min(method.k, n)
    if method.name == "average":
        kept = np.arange(n)
    elif method.name == "top1":
        kept = ranking(scores)[:1]
    elif name == "even":
        kept = uniform(n, k)
    elif name == "first":
        kept = np.arange(k)
    elif name == "random":
        kept = np.sort(rng.choice(n, k, replace=False))
    elif variant.startswith("threshold"):
        kept = above(scores, threshold).ordered
    elif name == "ddl":
        kept = top_k(scores, k).ordered
    else:
        raise ValueError(f"unknown method {method.name!r}; see clipselect.evaluation.sets.methods")
    if name != "ddl" or variant.endswith("average"):
        return kept, np.ones(len(kept))
    rescale = next((r for ending, r in RESCALES.items() if variant.endswith(ending)), "candidates")
    return kept, weights(scores, kept, rescale)


def group_features(
    features: NDArray[np.float32],
    scores: NDArray[np.floating],
    groups: Sequence[NDArray[np.int64]],
    method: Method,
    *,
    threshold: float = 0.15,
    seed: int = 0,
    media: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The feature of every group by a method, and how many frames the base had to embed for it.

    Args:
        features: [n, d] of all frames, each perhaps scaled to length 1 beforehand.
        scores: [n] of all frames.
        groups: [g] rows of the frames of each group; never empty.
        media: [n] what medium every frame is of: the frames that are kept are then pooled within their media first, see
            `clipselect.evaluation.metrics.pool_by_media`. Without, the weights decide among all of a group.

    Returns:
        [g, d] and [g].
    """
    out, counts = np.empty((len(groups), features.shape[1]), np.float32), np.empty(len(groups), np.int64)
    for number, rows in enumerate(groups):
        rng = np.random.default_rng([seed, number])
        kept, weight = chosen(method, scores[rows], threshold=threshold, rng=rng)
        if media is None:
            out[number] = aggregate(torch.from_numpy(features[rows[kept]]), weight).numpy()
        else:
            out[number] = pool_by_media(features[rows[kept]], media[rows[kept]], weight)
        counts[number] = len(kept)
    return out, counts
