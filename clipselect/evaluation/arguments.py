"""Checks of arguments that several evaluations share."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

from clipselect.errors import ArgumentError
from clipselect.media.optional import require

T = TypeVar("T", bound=Hashable)


def check_libraries(*more: str) -> None:
    """A MissingLibraryError now rather than after hours of work; `more` are libraries besides those of all."""
    for name in ("scipy", "sklearn", *more):
        require(name, "evaluation")


def check_numbers(argument: str, values: Sequence[int], minimum: int) -> None:
    """An ArgumentError unless these are whole numbers, one or several, all different and none below the minimum.

    >>> check_numbers("k", [0, 3], 1)
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: k must be at least 1, got 0
    """
    if not isinstance(values, Sequence) or not all(type(value) is int for value in values):
        raise ArgumentError(argument, f"must be a list of whole numbers, got {values!r}")
    if not values:
        raise ArgumentError(argument, "needs at least one number")
    if min(values) < minimum:
        raise ArgumentError(argument, f"must be at least {minimum}, got {min(values)}")
    check_differ(argument, values)


def check_differ(argument: str, values: Sequence[Hashable]) -> None:
    """An ArgumentError unless these are all different.

    >>> check_differ("blur", ["7", "11", "7"])
    Traceback (most recent call last):
    clipselect.errors.ArgumentError: blur names 7 twice; name each once
    """
    if (value := first_repeated(values)) is not None:
        raise ArgumentError(argument, f"names {value} twice; name each once")


def first_repeated(values: Sequence[T]) -> T | None:
    """The first value that stands there more than once."""
    return next((value for value, times in Counter(values).items() if times > 1), None)


def check_fraction(argument: str, value: float) -> None:
    """An ArgumentError unless the value lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise ArgumentError(argument, f"must lie in [0, 1], got {value:g}")
