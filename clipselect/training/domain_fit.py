"""The training domain of a DDNet: clusters of the directions of its features of training clips."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from clipselect.media.optional import require
from clipselect.method.selection import uniform
from clipselect.scoring.training_domain import Features, TrainingDomain
from clipselect.scoring.unit_rows import unit_rows

MIN_CLIPS = 200
"""Twice the features of a DDNet: fewer clips do not say how features vary."""
MAX_CLIPS = 8000
"""Evenly taken of more: the time of the clusters grows with their number."""
MAX_CENTRES, MIN_CLIPS_PER_CENTRE = 512, 8
MIN_SCALE = 1e-3
"""Of a feature, by the median of all: one that hardly varies in training must not decide."""
MIN_KNOWN_VIDEOS = 50
"""Whose distances say what is usual."""
SHRINKAGE = 0.01
"""Of the covariance towards the identity, so that directions in which hardly anything varies do not decide."""


def training_domain(seen: Sequence[Features], held_out: Sequence[Features], seed: int = 0) -> TrainingDomain | None:
    """The domain of training videos, with the distances of videos that it was not fitted to.

    Held-out videos say what is usual. Where these are few, every second training video says it with them: those that
    the clusters are fitted to lie too near.

    Args:
        seen, held_out: features [n, d] of the clips of each video.

    Returns:
        None where there are too few videos to say anything.
    """
    fitted, known = [*seen], [*held_out]
    if len(known) < MIN_KNOWN_VIDEOS:
        fitted, known = fitted[::2], [*fitted[1::2], *known]
    if not fitted or len(known) < MIN_KNOWN_VIDEOS:
        return None
    return fit_training_domain(np.concatenate(fitted), known, seed)


def fit_training_domain(clips: ArrayLike, known: Sequence[Features], seed: int = 0) -> TrainingDomain | None:
    """The domain of training clips; None where there are too few to say anything.

    >>> rng = np.random.default_rng(0)
    >>> videos = [rng.normal(8 * np.eye(6)[i % 2], size=(5, 6)).astype(np.float32) for i in range(200)]  # of 2 places
    >>> domain = fit_training_domain(np.concatenate(videos[:100]), known=videos[100:])
    >>> domain.fraction_nearer(videos[150]) < 0.99, domain.fraction_nearer(-videos[150])
    (True, 1.0)

    Args:
        clips: [n, d] features of training clips.
        known: features [m, d] of the clips of other videos from the same sources, one entry per video.
        seed: of the clusters.
    """
    require("scipy", "distilling")
    from scipy.cluster.vq import kmeans2  # slow to import

    found = np.asarray(clips, dtype=np.float64)
    if len(found) < MIN_CLIPS or not known:
        return None
    found = found[uniform(len(found), min(MAX_CLIPS, len(found)))]
    mean, scale = found.mean(axis=0), found.std(axis=0)
    scale = np.maximum(scale, MIN_SCALE * np.median(scale)) + 1e-6
    scaled = (found - mean) / scale
    covariance = (1 - SHRINKAGE) * np.cov(scaled.T) + SHRINKAGE * np.eye(found.shape[1])
    variances, axes = np.linalg.eigh(covariance)
    whitening = axes / np.sqrt(variances) / scale[:, None]
    pointing = unit_rows((found - mean) @ whitening)
    count = min(MAX_CENTRES, len(found) // MIN_CLIPS_PER_CENTRE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an empty cluster: its centre stays where it began
        centres = kmeans2(pointing, count, minit="++", seed=seed)[0]
    domain = TrainingDomain(
        mean=mean.astype(np.float32),
        whitening=whitening.astype(np.float32),
        centres=centres.astype(np.float32),
        distances=np.zeros(1, np.float32),
    )
    distances = [domain.clip_distances(features).mean() for features in known]
    return replace(domain, distances=np.percentile(distances, np.arange(101)).astype(np.float32))
