"""What the examples of both trainings share: drawn from a seed and their place, read, and augmented."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from torch import Tensor

from clipselect.errors import ClipselectWarning, VideoError
from clipselect.training.augment import augment
from clipselect.training.features import UNREADABLE, unreadable
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import Example

ATTEMPTS = 10
"""Clips drawn in a row before a training stops since they cannot be read: a lost disk stops it, a lost file never."""


@dataclass(frozen=True)
class Draw:
    """A clip to train on: a window of a video in seconds, which `FrameCache.clip` moves into the video, and its target.

    Attributes:
        target: [] or [...], as the loss wants it.
    """

    path: str
    start: Fraction
    length: Fraction
    target: Tensor


def example_of(
    draw: Callable[[np.random.Generator], Draw], store: FrameCache, frames: int, size: int, place: tuple[int, int, int]
) -> Example:
    """The example at a place: [3, frames, size, size] in [0, 1] and its target.

    Instead of a clip that cannot be read, though it could when the training began, another one is drawn, with a
    `ClipselectWarning`; the same one in every run.

    Args:
        place: seed, step and number within the batch.

    Raises:
        VideoError: `ATTEMPTS` clips in a row cannot be read.
    """
    why = ""
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([*place, attempt])
        drawn = draw(rng)
        try:
            clip = store.clip(drawn.path, drawn.start, drawn.length, frames)
        except UNREADABLE as e:
            why = unreadable(drawn.path, e, lambda path, error: None)
            warnings.warn(f"{why}; another clip is drawn", ClipselectWarning, stacklevel=2)
            continue
        return augment(clip, size, rng), drawn.target
    raise VideoError(f"{ATTEMPTS} training clips in a row cannot be read; the last: {why}")


def rounded(number: float) -> Fraction:
    """A number, say of seconds, to four digits: a fraction that stays short when it is reckoned with."""
    return Fraction(float(number)).limit_denominator(10_000)
