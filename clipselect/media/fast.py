"""Frames for scoring in about two thirds of the decoder's time: those that no other frame needs are not decoded, and
edges between blocks not smoothed. A frame that was not decoded is replaced by the nearest one that was, so clips keep
their exact windows, and their scores are estimates.

H.264, H.265 and MPEG-4 gain; of AV1 some; a VP9 decoder leaves nothing out and gains nothing.
"""

import threading
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from clipselect.media.orientation import orientation
from clipselect.media.video import Frame, Source, VideoFile

MOST_LEFT_OUT = 8
"""Frames in a row that a fast pass may lack: motion is lost beyond, and a damaged file is to be read as it is."""


class TooFewDecoded(Exception):
    """A fast pass does not suit this video; it must be read exactly."""


def fast_frames(source: Source, wanted: NDArray[np.int64], size: int) -> Iterator[tuple[int, Frame]]:
    """As `Source.frames`, but wanted frames that were not decoded are replaced by the nearest in time.

    A folder of frames, a file read by decord, and one whose own clock is not clean are read exactly.

    Raises:
        TooFewDecoded: in mid-pass; start over with `Source.frames`.
    """
    if type(source) is not VideoFile or not source.seekable:
        yield from source.frames(wanted, size)
        return
    pts = source.timeline.pts
    targets = iter(wanted.tolist())
    target = next(targets, None)
    last, last_index = None, -1
    last_small: Frame | None = None  # `last` as converted, once it was
    for frame in source.decode(fast=True, whole=True):
        index = int(np.searchsorted(pts, frame.pts or 0))
        promised = index < len(pts) and pts[index] == frame.pts
        if not promised or not 0 < index - last_index <= MOST_LEFT_OUT + 1:
            raise TooFewDecoded
        small: Frame | None = None
        while target is not None and target <= index:
            if last is not None and 2 * pts[target] < pts[index] + pts[last_index]:
                last_small = _squash(last, size) if last_small is None else last_small
                yield target, last_small
            else:
                small = _squash(frame, size) if small is None else small
                yield target, small
            target = next(targets, None)
        last, last_index, last_small = frame, index, small
    if last is None or len(pts) - 1 - last_index > MOST_LEFT_OUT:
        raise TooFewDecoded
    while target is not None:
        last_small = _squash(last, size) if last_small is None else last_small
        yield target, last_small
        target = next(targets, None)


def _squash(frame: av.VideoFrame, size: int) -> Frame:
    """As `video.squash` to within a grey level or two, in less time: scaled before it becomes RGB."""
    scalers: tuple[VideoReformatter, VideoReformatter] | None = getattr(_kept, "scalers", None)
    if scalers is None:
        scalers = _kept.scalers = (VideoReformatter(), VideoReformatter())
    small = scalers[0].reformat(frame, size, size, "yuv420p", interpolation="AREA", threads=1)
    out: Any = scalers[1].reformat(small, size, size, "rgb24", threads=1).to_ndarray()
    return orientation(frame).apply(out)


_kept = threading.local()
