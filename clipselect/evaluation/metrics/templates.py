"""From the elements of a template to its one feature, as IJB-A, -B and -C have it: first by medium. Pure."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pool_by_media(features: ArrayLike, media: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The unit-length feature of one template.

    Within every medium (a still image, or the frames of one video) the elements are averaged, by eq. 8 if they have
    weights; the media are then averaged evenly, however many elements each has; the result is L2-normalised. Weights
    thus decide among the elements of a medium and never between media: a still weighs as much as a video whatever its
    weight. Where all weights of a medium are 0, its elements count the same.

    Args:
        features: [n, d] finite floats, averaged as they come: normalise them first where that is wanted.
        media: [n] which medium each element is of, numbers or names.
        weights: [n] finite floats >= 0, such as `clipselect.method.aggregation.weights` gives; all equal by default.

    Returns:
        [d] float64 of length 1.

    Raises:
        ValueError: shapes that do not fit, no element, numbers that are not finite, a negative weight, or features that
            cancel out.

    >>> pool_by_media([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], ["video", "video", "photo"]).round(3)
    array([0.707, 0.707])
    """
    rows, of = np.asarray(features, dtype=np.float64), np.asarray(media)
    w = np.ones(len(of)) if weights is None else np.asarray(weights, dtype=np.float64)
    if rows.ndim != 2 or not rows.size or of.shape != rows.shape[:1] or w.shape != of.shape:
        raise ValueError(
            "expected features [n, d] with a medium and a weight for each of at least one element, got "
            f"{[*rows.shape]}, {[*of.shape]} and {[*w.shape]}"
        )
    if not np.isfinite(rows).all() or not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("features must be finite, weights finite and at least 0")
    names, medium = np.unique(of, return_inverse=True)
    most = np.zeros(len(names))
    np.maximum.at(most, medium, w)
    w = np.where(most[medium] > 0, w / np.where(most > 0, most, 1)[medium], 1.0)
    pooled = np.zeros((len(names), rows.shape[1]))
    np.add.at(pooled, medium, rows * w[:, None])
    mean = (pooled / np.bincount(medium, w)[:, None]).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length <= 1e-12 * np.abs(rows).max():
        raise ValueError("the features of the template cancel out or are 0, so that it has no direction")
    return mean / length
