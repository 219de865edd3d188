"""One feature for every group by every method: the weighted mean of the features of the frames it keeps (eq. 8)."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.evaluation.methods import Candidates, Method
from clipselect.evaluation.metrics.templates import pool_by_media
from clipselect.method.aggregation import aggregate


def group_features(
    features: NDArray[np.float32],
    scores: NDArray[np.floating],
    groups: Sequence[NDArray[np.int64]],
    method: Method,
    k: int | None = None,
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
        k: how many frames are kept of groups that have more; None for a method without a K.
        threshold: of eq. 7, for the methods that have one.
        seed: of random choices, which differ from group to group.
        media: [n] the medium of every frame: the frames that are kept are then pooled within their media first, see
            `clipselect.evaluation.metrics.pool_by_media`. Without, the weights decide among all frames of a group.

    Returns:
        [g, d] float32 and [g] int64.

    >>> from clipselect.evaluation.methods import METHODS
    >>> features, scores = np.eye(3, dtype=np.float32), np.array([0.1, 0.9, 0.5])
    >>> group_features(features, scores, [np.arange(3)], METHODS["ddl_average"], 2)
    (array([[0. , 0.5, 0.5]], dtype=float32), array([2]))
    """
    out, counts = np.empty((len(groups), features.shape[1]), np.float32), np.empty(len(groups), np.int64)
    for number, rows in enumerate(groups):
        size = len(rows) if k is None else min(k, len(rows))
        kept, weight = method.keep(Candidates(scores[rows], size, seed=(seed, number), threshold=threshold))
        if media is None:
            out[number] = aggregate(torch.from_numpy(features[rows[kept]]), weight).numpy()
        else:
            out[number] = pool_by_media(features[rows[kept]], media[rows[kept]], weight)
        counts[number] = len(kept)
    return out, counts
