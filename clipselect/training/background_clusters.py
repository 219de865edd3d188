"""Centroids of background that nobody labelled: clusters of the clips that the base calls background."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from clipselect.media.optional import require
from clipselect.training.elements import Elements
from clipselect.training.feature_store import FeatureStore

CLUSTERS = 4
"""One mean of streets and stadiums is like neither. But with six or more, actions that the base overlooks may get a
cluster of their own, which is then the hardest negative of their class."""
MIN_CLIPS_PER_CLUSTER = 25
MAX_CLIPS = 20_000
"""That the clusters are found on; evenly taken of more."""


def with_background_clusters(centroids: Tensor, store: FeatureStore, seed: int = 0) -> Tensor:
    """The centroids of the classes, then those of clusters of background.

    Args:
        centroids: [m, d] float64, by `clipselect.training.d_scores.centroids_from`, those of the classes first.
        seed: of the clusters.

    Returns:
        [classes + clusters, d] float64; `centroids` as they are if too few clips are background.
    """
    classes = len(store.data.classes)
    features = _background_features(store)
    count = min(CLUSTERS, len(features) // MIN_CLIPS_PER_CLUSTER)
    if count < 2:
        return centroids
    require("scipy", "distilling")
    from scipy.cluster.vq import kmeans2  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an empty cluster, which is left out below
        cluster = kmeans2(normalize(features).numpy(), count, minit="++", seed=seed)[1]
    means = [features[cluster == i].mean(dim=0) for i in np.unique(cluster)]
    return torch.cat([centroids[:classes], torch.stack(means)])


def _background_features(store: FeatureStore) -> Tensor:
    """[n, d] float64 of at most `MAX_CLIPS` clips that the base calls background."""

    def rows_of_background(elements: Elements) -> NDArray[np.int64]:
        return np.flatnonzero(store.data.centroid_rows(elements) >= len(store.data.classes))

    total = sum(len(rows_of_background(elements)) for elements in store)
    step, seen, taken = max(1, -(-total // MAX_CLIPS)), 0, [torch.empty(0)]
    for elements in store:
        rows = rows_of_background(elements)
        taken.append(torch.from_numpy(elements.features[rows[-seen % step :: step]]))
        seen += len(rows)
    return torch.cat(taken).double()
