"""Checks of the arguments that the samplers share; an `ArgumentError` names the one that makes no sense."""

import math
from collections.abc import Collection
from numbers import Real
from typing import Literal, TypeVar

import numpy as np
import torch

from clipselect.errors import ArgumentError

T = TypeVar("T")

OnMissing = Literal["score", "raise"]
"""What to do with a video or image that an index lacks."""


def whole_number(value: int, argument: str, least: int) -> int:
    """An integer of at least `least`.

    >>> whole_number(np.int64(5), "k", least=1)
    5
    >>> whole_number(0, "k", least=1)
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: k must be a whole number of at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(argument, f"must be a whole number of at least {least}, got {value!r}")
    return int(value)


def one_of(value: T, argument: str, choices: Collection[T]) -> T:
    """One of the choices.

    >>> one_of("scores", "on_missing", ["score", "raise"])
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: on_missing must be 'score' or 'raise', got 'scores'
    """
    if value not in choices:
        *most, last = (repr(choice) for choice in choices)
        raise ArgumentError(argument, f"must be {', '.join(most)} or {last}, got {value!r}")
    return value


def check_limits(
    *, k: int | None = None, share: float | None = None, threshold: float | None = None, min_gap: float | None = None
) -> None:
    """The limits of a selection, see `clipselect.top_k` and `clipselect.above`; None sets no limit.

    Args:
        share: of the elements, in (0, 1].

    >>> check_limits(k=5, threshold=0.15)
    >>> check_limits(threshold=1.5)
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: threshold must lie in [0, 1], got 1.5
    """
    if k is not None:
        whole_number(k, "k", least=1)
    if share is not None and not (isinstance(share, Real) and 0 < share <= 1):
        raise ArgumentError("share", f"must lie in (0, 1], got {share!r}")
    if threshold is not None and not (isinstance(threshold, Real) and 0 <= threshold <= 1):
        raise ArgumentError("threshold", f"must lie in [0, 1], got {threshold!r}")
    if min_gap is not None and not (isinstance(min_gap, Real) and 0 <= min_gap < math.inf):
        raise ArgumentError("min_gap", f"must be at least 0 seconds, got {min_gap!r}")


def known_device(device: str) -> str:
    """A name that torch knows, or "auto"; whether the device is there is not asked.

    >>> known_device("cuda:3")
    'cuda:3'
    """
    try:
        if device != "auto":
            torch.device(device)
    except (RuntimeError, TypeError) as e:
        raise ArgumentError("device", f"must be 'cpu', 'cuda', 'cuda:1', ... or 'auto', got {device!r}") from e
    return device
