"""Frames for scoring in about two thirds of the decoder's time.

Frames that no other frame needs are skipped, and edges between blocks are not smoothed. The nearest decoded frame
stands in for a skipped one, so clips keep their exact windows and their scores are estimates. H.264, H.265 and MPEG-4
gain; AV1 gains some; a VP9 decoder skips nothing and gains nothing.
"""

from collections.abc import Iterable, Iterator

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.media.images import Image
from clipselect.media.pixels import squash_fast

MAX_SKIPPED_FRAMES = 8
"""Frames in a row that a fast pass may lack. Beyond that motion is lost, or the file is damaged."""


class TooFewDecoded(Exception):
    """The video must be read exactly: a fast pass skips too many frames in a row."""


def fast_frames(
    decoded: Iterable[av.VideoFrame], pts: NDArray[np.int64], wanted: NDArray[np.int64], size: int
) -> Iterator[tuple[int, Image]]:
    """(index, [size, size, 3] uint8 RGB) for every wanted index; where it was skipped, of the nearest frame in time.

    Args:
        decoded: the frames that a fast pass decodes, with their ticks as `pts`.
        pts: [n] ticks of all frames of the video.
        wanted: increasing indices of frames.

    Raises:
        TooFewDecoded: in the middle of the pass; what it has yielded is void.
    """
    targets = iter(wanted.tolist())
    target = next(targets, None)
    last, last_index = None, -1
    last_small: Image | None = None  # `last` as converted, once it was
    for frame in decoded:
        index = int(np.searchsorted(pts, frame.pts or 0))
        promised = index < len(pts) and pts[index] == frame.pts
        if not promised or not 0 < index - last_index <= MAX_SKIPPED_FRAMES + 1:
            raise TooFewDecoded
        small: Image | None = None
        while target is not None and target <= index:
            if last is not None and 2 * pts[target] < pts[index] + pts[last_index]:
                last_small = squash_fast(last, size) if last_small is None else last_small
                yield target, last_small
            else:
                small = squash_fast(frame, size) if small is None else small
                yield target, small
            target = next(targets, None)
        last, last_index, last_small = frame, index, small
    if last is None or len(pts) - 1 - last_index > MAX_SKIPPED_FRAMES:
        raise TooFewDecoded
    while target is not None:
        last_small = squash_fast(last, size) if last_small is None else last_small
        yield target, last_small
        target = next(targets, None)
