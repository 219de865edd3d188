"""Frames for scoring in about two thirds of the decoder's time.

Frames that no other frame needs are skipped, and edges between blocks are not smoothed. The nearest decoded frame
stands in for a skipped one, so clips keep their exact windows and their scores are estimates. H.264, H.265 and MPEG-4
gain; AV1 gains some; a VP9 decoder skips nothing and gains nothing.
"""

from collections.abc import Iterable, Iterator
from functools import cache, partial

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.media.images import Image
from clipselect.media.scaling import squash_fast

MAX_SKIPPED_FRAMES = 8
"""Frames in a row that a fast pass may lack. Beyond that motion is lost, or the file is damaged."""


class TooFewDecoded(Exception):
    """The video must be read exactly: a fast pass skips too many frames in a row."""


def skip_unneeded(stream: av.VideoStream) -> None:
    """Set up a stream that is about to be decoded fast: frames that no other frame needs are skipped, and edges between
    blocks are not smoothed."""
    stream.codec_context.options = {**stream.codec_context.options, "skip_loop_filter": "all"}
    stream.codec_context.skip_frame = "NONREF"


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
    last_index, last_pixels = -1, None
    for frame in decoded:
        index = int(np.searchsorted(pts, frame.pts or 0))
        promised = index < len(pts) and pts[index] == frame.pts
        if not promised or not 0 < index - last_index <= MAX_SKIPPED_FRAMES + 1:
            raise TooFewDecoded
        pixels = cache(partial(squash_fast, frame, size))  # converted when they are first asked for, and once
        while target is not None and target <= index:
            nearest = pixels
            if last_pixels is not None and 2 * pts[target] < pts[index] + pts[last_index]:
                nearest = last_pixels
            yield target, nearest()
            target = next(targets, None)
        last_index, last_pixels = index, pixels
    if last_pixels is None or len(pts) - 1 - last_index > MAX_SKIPPED_FRAMES:
        raise TooFewDecoded
    while target is not None:
        yield target, last_pixels()
        target = next(targets, None)
