"""The largest cluster of a set's features, after which the others may be left out: the idea of ClusterFace."""

import numpy as np
from numpy.typing import NDArray

from clipselect.media.optional import require

MAX_TO_MEAN = 1.25
"""Clusters are joined up to a distance of so many times the mean distance of the set's frames: relative, as features of
different bases lie differently far apart."""


def largest_cluster(features: NDArray[np.floating]) -> NDArray[np.int64]:
    """The places, rising, of the frames in the largest cluster of a set.

    Hierarchical clustering with average linkage by cosine distance. Of equally large clusters it is the densest.

    Args:
        features: [n, d], each of length 1; n >= 1.

    Raises:
        MissingLibraryError: scikit-learn is missing.

    >>> angles = np.radians([0, 10, 90, 5])
    >>> largest_cluster(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    array([0, 1, 3])
    """
    n = len(features)
    if n < 3:
        return np.arange(n)
    rows = features.astype(np.float64)
    distances = np.clip(1 - rows @ rows.T, 0, 2)
    np.fill_diagonal(distances, 0)
    limit = MAX_TO_MEAN * distances.sum() / (n * (n - 1))
    if limit <= 0:
        return np.arange(n)
    require("sklearn", "clustering")
    from sklearn.cluster import AgglomerativeClustering  # slow to import

    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=limit
    )
    labels = clustering.fit_predict(distances)
    clusters = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return max(clusters, key=lambda own: (len(own), -distances[np.ix_(own, own)].sum()))
