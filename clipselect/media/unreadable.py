"""Files that cannot be read: reported through one callback and left out, so that one bad file never stops a batch."""

from collections.abc import Callable
from typing import Any

import av

from clipselect.errors import ClipselectError, ImageError, VideoError

OnError = Callable[[str, ClipselectError], Any]
"""Called with the path of a file that is left out and why."""

UNREADABLE = (VideoError, ImageError, av.FFmpegError, OSError, MemoryError, RuntimeError, ValueError)
"""What a file that cannot be read may raise; a `NetworkError` is none of these, since every file would raise it."""


def ignore_error(path: str, error: ClipselectError) -> None:
    """The `OnError` callback that does nothing."""


class LeftOut:
    """An `OnError` callback that counts files, each once, and passes the first error of each on to another callback."""

    def __init__(self, on_error: OnError) -> None:
        self.on_error = on_error
        self.paths: set[str] = set()

    def __call__(self, path: str, error: ClipselectError) -> None:
        if path not in self.paths:
            self.paths.add(path)
            self.on_error(path, error)


def as_clipselect_error(path: str, error: BaseException) -> ClipselectError:
    """What was raised about an unreadable file, as an error whose sentence names the file and the remedy.

    >>> as_clipselect_error("a.mp4", MemoryError())
    VideoError('a.mp4: cannot be read (MemoryError); convert it, say to H.264')
    """
    if isinstance(error, ClipselectError):
        return error
    return VideoError(f"{path}: cannot be read ({str(error) or type(error).__name__}); convert it, say to H.264")
