"""Containers promise frames that their data do not hold, and only a whole pass over a file finds that out.

`settled` is the one place that then reads the file again; everything above it sees videos as they really decode.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clipselect.errors import VideoError


class WithPath(Protocol):
    """A `Source`, of which no more than the path is needed here."""

    @property
    def path(self) -> Path: ...


S = TypeVar("S", bound=WithPath)
T = TypeVar("T")

MAX_PASSES = 4
"""A file that decodes otherwise than its container promised decodes the same way the second time. That may be found out
only by a pass that leaves out no frame, and this after a fast one."""


class ReadAgain(Exception):
    """A pass over a video decoded other frames than its timeline promises, or may have; what it has yielded is void.

    Attributes:
        source: what is to be read instead: the video as it really decodes, or the same one without short cuts.
    """

    def __init__(self, source: Any) -> None:
        super().__init__("the decoded frames differ from the container's index")
        self.source = source


def settled(source: S, read: Callable[[S], Iterator[T]]) -> Iterator[T]:
    """What `read` yields for the video as it really decodes.

    A file that decodes otherwise than its container promised is read again from the start: `read` is called again, with
    the frames that the file really holds, and what it yielded before is void. So `read` must either mark where a pass
    begins, as `clipselect.media.clip_decoding.clip_batches` does, or yield nothing before its pass is over.

    Why not find out first: that costs a whole pass, and nearly all files are as their containers say. Those are read
    once. Why a generator: an hour of video must not be in memory.

    Raises:
        VideoError: the video decodes differently every time.
    """
    for _ in range(MAX_PASSES):
        try:
            yield from read(source)
            return
        except ReadAgain as again:
            source = again.source
    raise VideoError(f"{source.path}: decodes differently every time; convert it, say to H.264")
