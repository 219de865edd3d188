"""What every way of choosing and weighing the frames of a group makes of them: the rows of the tables for sets.

A group's feature is the weighted mean of the features of its chosen frames (eq. 8). Pure functions over arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.evaluation.methods import METHODS, Candidates, methods_at
from clipselect.evaluation.metrics import pool_by_media
from clipselect.method.aggregation import aggregate


@dataclass(frozen=True)
class Method:
    """One method of `clipselect.evaluation.methods` for frames, at one K.

    Attributes:
        name: as in results.
        k: how many are kept; None for a method without.
    """

    name: str
    k: int | None = None

    @property
    def reads_scores(self) -> bool:
        """Whether the DDNet must see all frames first."""
        return METHODS[self.name].needs == "ddnet"


def methods(ks: Sequence[int]) -> list[Method]:
    """All that are compared, with every K."""
    return [Method(method.name, k) for method, k in methods_at("frame", ks)]


def chosen(
    method: Method, scores: NDArray[np.floating], *, threshold: float, seed: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places [k] of the frames of a group that a method keeps, and their weights [k].

    Args:
        scores: [n] of the DDNet; n >= 1.
        threshold: of eq. 7, for "ddl_threshold".
        seed: for "random"; it includes the number of the group.
    """
    if method.name not in METHODS:
        raise ValueError(f"unknown method {method.name!r}; see clipselect.evaluation.methods")
    n = len(scores)
    k = n if method.k is None else min(method.k, n)
    return METHODS[method.name].keep(Candidates(scores, k, seed=seed, threshold=threshold))


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
        kept, weight = chosen(method, scores[rows], threshold=threshold, seed=(seed, number))
        if media is None:
            out[number] = aggregate(torch.from_numpy(features[rows[kept]]), weight).numpy()
        else:
            out[number] = pool_by_media(features[rows[kept]], media[rows[kept]], weight)
        counts[number] = len(kept)
    return out, counts
