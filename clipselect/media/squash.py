"""The one way that frames of videos reach a network: the whole frame, upright as a player shows it, *squashed* (scaled)
to a square.

Nothing is cropped away, since an action at the edge of a wide frame must be able to win, and non-square pixels need no
special case. Images are squashed by `clipselect.media.images.squash_image`.
"""

import threading
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from clipselect.media.images import Image
from clipselect.media.orientation import orientation


class _Scalers(threading.local):
    """Scalers of one thread. They have no threads of their own: to free those hangs a forked process."""

    def __init__(self) -> None:
        self.exact, self.smaller, self.to_rgb = VideoReformatter(), VideoReformatter(), VideoReformatter()


_scalers = _Scalers()


def squash(frame: av.VideoFrame, size: int) -> Image:
    """[size, size, 3] uint8 RGB of the whole frame, upright; the aspect ratio is given up."""
    small: Any = _scalers.exact.reformat(frame, size, size, "rgb24", interpolation="BILINEAR", threads=1)
    return orientation(frame).apply(small.to_ndarray())


def squash_fast(frame: av.VideoFrame, size: int) -> Image:
    """As `squash` to within a grey level or two, in less time: scaled before it becomes RGB."""
    small = _scalers.smaller.reformat(frame, size, size, "yuv420p", interpolation="AREA", threads=1)
    rgb: Any = _scalers.to_rgb.reformat(small, size, size, "rgb24", threads=1)
    return orientation(frame).apply(rgb.to_ndarray())
