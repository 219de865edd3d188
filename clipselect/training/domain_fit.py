"""The training domain of a DDNet: clusters of the directions of its features of training clips."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from clipselect.media.optional import require
from clipselect.scoring.training_domain import Features, TrainingDomain, directions

MIN_CLIPS = 200
"""Twice the features of a DDNet: fewer clips do not say how features vary."""
MAX_CENTRES, MIN_CLIPS_PER_CENTRE = 512, 8
SHRINKAGE = 0.01
"""Of the covariance towards the identity, so that directions in which hardly anything varies do not decide."""


def fit_training_domain(clips: ArrayLike, known: Sequence[Features], seed: int = 0) -> TrainingDomain | None:
    """The domain of training clips; None where there are too few to say anything.

    >>> rng = np.random.default_rng(0)
    >>> videos = [rng.normal(8 * np.eye(6)[i % 2], size=(5, 6)).astype(np.float32) for i in range(200)]  # of 2 places
    >>> domain = fit_training_domain(np.concatenate(videos[:100]), known=videos[100:])
    >>> domain.share_nearer(videos[150]) < 0.99, domain.share_nearer(-videos[150])
    (True, 1.0)

    Args:
        clips: [n, d] features of training clips.
        known: features [m, d] of the clips of videos from the same sources, one entry per video, if possible of
            videos that were not trained on.
        seed: of the clusters.
    """
    require("scipy", "distilling")
    from scipy.cluster.vq import kmeans2  # slow to import

    found = np.asarray(clips, dtype=np.float64)
    if len(found) < MIN_CLIPS or not known:
        return None
    mean, scale = found.mean(axis=0), found.std(axis=0) + 1e-6
    scaled = (found - mean) / scale
    covariance = (1 - SHRINKAGE) * np.cov(scaled.T) + SHRINKAGE * np.eye(found.shape[1])
    variances, axes = np.linalg.eigh(covariance)
    whitening = axes / np.sqrt(variances) / scale[:, None]
    pointing = directions((found - mean) @ whitening)
    count = min(MAX_CENTRES, len(found) // MIN_CLIPS_PER_CENTRE)
    domain = TrainingDomain(
        mean=mean.astype(np.float32),
        whitening=whitening.astype(np.float32),
        centres=kmeans2(pointing, count, minit="++", seed=seed)[0].astype(np.float32),
        distances=np.zeros(1, np.float32),
    )
    distances = [domain.clip_distances(features).mean() for features in known]
    return replace(domain, distances=np.percentile(distances, np.arange(101)).astype(np.float32))
