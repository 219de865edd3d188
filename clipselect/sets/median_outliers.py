"""Frames of a set that lie unusually far from its median feature."""

import numpy as np
from numpy.typing import NDArray

MAX_DEVIATIONS = 3.0
"""Standard deviations, as the median of the deviations estimates them, from which on a frame is an outlier."""
MEDIAN_TO_STANDARD_DEVIATION = 1.4826
"""Of a normal distribution."""
ROUNDING = 1e-6


def without_outliers(features: NDArray[np.floating]) -> NDArray[np.int64]:
    """The places, rising, of the frames of a set that are no outliers; never fewer than half of them.

    The distance of a frame is 1 - cosine to the median feature of the set, number by number. An outlier's lies above
    the median distance by more than 3 x 1.4826 times the median of the distances' absolute deviations.

    Args:
        features: [n, d], each of length 1; n >= 1.

    >>> angles = np.radians([0, 10, 90, 5])
    >>> without_outliers(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    array([0, 1, 3])
    """
    rows = features.astype(np.float64)
    middle = np.median(rows, axis=0)
    distances = 1 - rows @ middle / max(float(np.linalg.norm(middle)), ROUNDING)
    median = np.median(distances)
    deviation = MEDIAN_TO_STANDARD_DEVIATION * np.median(np.abs(distances - median))
    return np.flatnonzero(distances <= median + MAX_DEVIATIONS * deviation + ROUNDING)
