"""Checks of the arguments that the samplers share; an `ArgumentError` names the one that makes no sense."""

from collections.abc import Collection
from typing import Literal, TypeVar

from clipselect.errors import ArgumentError

T = TypeVar("T")

OnMissing = Literal["score", "raise"]
"""What to do with a video or image that an index lacks."""


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
