"""How long work reports its progress: one callback, the same for every function that takes a while."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far one stage of the work is.

    Attributes:
        stage: what is being done, such as "features of the base"; a stage ends when another begins.
        done, total: videos, images, steps or percent; 0 <= done <= total.
        note: what else is worth showing, such as "loss 0.1234".
    """

    stage: str
    done: int
    total: int
    note: str = ""


ProgressCallback = Callable[[Progress], Any]
"""Called with how far the work is."""


def no_progress(progress: Progress) -> None:
    """The callback that shows nothing."""


def tracked(items: Iterable[T], stage: str, total: int, progress: ProgressCallback) -> Iterator[T]:
    """The same items; each counts as done when the next one is asked for.

    >>> for name in tracked(["a", "b"], "reading", 2, progress=print):
    ...     pass
    Progress(stage='reading', done=0, total=2, note='')
    Progress(stage='reading', done=1, total=2, note='')
    Progress(stage='reading', done=2, total=2, note='')
    """
    progress(Progress(stage, 0, total))
    for done, item in enumerate(items, start=1):
        yield item
        progress(Progress(stage, done, total))
