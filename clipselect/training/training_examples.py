"""What the examples of every training share: drawn from a seed and their number, and drawn again if unreadable."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from torch import Tensor

from clipselect.errors import ClipselectWarning
from clipselect.media.unreadable import UNREADABLE, as_clipselect_error
from clipselect.training.loop import Example

MAX_ATTEMPTS = 10
"""Examples drawn in a row before a training stops because they cannot be read: a lost disk stops it, a lost file
never."""


@dataclass(frozen=True)
class Sample:
    """What an example is made of.

    Attributes:
        path: the file that its pixels are in.
        target: [] or [...], as the loss wants it.
        read: gives the pixels, a network's input.
    """

    path: str
    target: Tensor
    read: Callable[[], Tensor]


Draw = Callable[[np.random.Generator], Sample]
"""Draws a sample, which reads with the same generator."""


def readable_example(draw: Draw, sample_index: tuple[int, int, int], first: Draw | None = None) -> Example:
    """The example with an index: the pixels and the target of the first sample drawn for it that can be read.

    A file that could be read when the training began may be lost by now. Then another sample is drawn instead, with a
    `ClipselectWarning`; the same one in every run.

    Args:
        sample_index: seed, step and number within the batch.
        first: draws the first sample in place of `draw`.

    Raises:
        VideoError, ImageError: `MAX_ATTEMPTS` samples in a row cannot be read.
    """
    for attempt in range(MAX_ATTEMPTS):
        sample = (draw if attempt or first is None else first)(np.random.default_rng([*sample_index, attempt]))
        try:
            return sample.read(), sample.target
        except UNREADABLE as e:
            error = as_clipselect_error(sample.path, e)
            warnings.warn(f"{error}; another example is drawn", ClipselectWarning, stacklevel=2)
    raise type(error)(f"{MAX_ATTEMPTS} training examples in a row cannot be read; the last: {error}")


def rounded(number: float) -> Fraction:
    """A number, such as seconds, to four digits: a fraction that stays short in later arithmetic."""
    return Fraction(float(number)).limit_denominator(10_000)
