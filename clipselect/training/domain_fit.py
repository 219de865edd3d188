"""The training domain of a DDNet: a mixture of Gaussians fitted to its features of training clips."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from clipselect.media.optional import require
from clipselect.scoring.training_domain import Features, TrainingDomain

MAX_GAUSSIANS, MIN_CLIPS_PER_GAUSSIAN = 24, 40
SHRINKAGE = 0.1
"""Of every covariance towards the identity: a Gaussian has about as many clips as dimensions."""


def fit_training_domain(clips: ArrayLike, known: Sequence[Features], seed: int = 0) -> TrainingDomain | None:
    """The domain of training clips; None where there are too few to say anything.

    >>> rng = np.random.default_rng(0)
    >>> videos = [rng.normal(size=(5, 3)).astype(np.float32) for _ in range(200)]
    >>> domain = fit_training_domain(np.concatenate(videos[:100]), known=videos[100:])
    >>> domain.share_nearer(videos[150]) < 0.99, domain.share_nearer(videos[150] + 10)
    (True, 1.0)

    Args:
        clips: [n, d] features of training clips.
        known: features [m, d] of the clips of videos from the same sources, one entry per video, if possible of
            videos that were not trained on.
        seed: of the clusters that the Gaussians are fitted to.
    """
    require("scipy", "distilling")
    from scipy.cluster.vq import kmeans2  # slow to import

    found = np.asarray(clips, dtype=np.float64)
    count = min(MAX_GAUSSIANS, len(found) // MIN_CLIPS_PER_GAUSSIAN)
    if count == 0 or not known:
        return None
    mean, scale = found.mean(axis=0), found.std(axis=0) + 1e-6
    scaled = (found - mean) / scale
    directions = scaled / (np.linalg.norm(scaled, axis=1, keepdims=True) + 1e-9)  # brightness alone makes no cluster
    labels = kmeans2(directions, count, minit="++", seed=seed)[1]
    groups = [group for label in range(count) if len(group := scaled[labels == label]) >= 2]
    identity = np.eye(found.shape[1])
    factors = [
        np.linalg.cholesky(np.linalg.inv((1 - SHRINKAGE) * np.cov(group.T) + SHRINKAGE * identity)) for group in groups
    ]
    domain = TrainingDomain(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        centres=np.array([group.mean(axis=0) for group in groups], np.float32),
        factors=np.array(factors, np.float32),
        distances=np.zeros(1, np.float32),
    )
    distances = [domain.clip_distances(features).mean() for features in known]
    return replace(domain, distances=np.percentile(distances, np.arange(101)).astype(np.float32))
