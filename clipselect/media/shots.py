"""Where the shots of a video begin, by PySceneDetect."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clipselect.media.optional import require
from clipselect.media.read_again import settled
from clipselect.media.sources import Source

SIDE = 128
"""Pixels to which frames are squashed; cuts change the colours of a whole picture."""
RATE = 25.0
"""The detector counts frames; the rate that it must be given makes no difference."""


def shot_starts(source: Source) -> NDArray[np.float64]:
    """[n] seconds from the first frame at which shots begin, rising, the first at 0; n >= 1.

    By PySceneDetect's adaptive detector as it comes: hard cuts, at least 15 frames apart. Every frame is decoded.

    Raises:
        MissingLibraryError: PySceneDetect is missing.
        VideoError: not one frame decodes, or the video changed while it was read.

    >>> from clipselect import open_source
    >>> shot_starts(open_source("video.mp4")).tolist()
    [0.0]
    """
    require("scenedetect", "finding shots")
    from scenedetect import AdaptiveDetector, FrameTimecode

    def read(now: Source) -> Iterator[NDArray[np.float64]]:
        detector, cuts = AdaptiveDetector(), [0]
        for number, image in now.frames(np.arange(len(now.timeline.pts)), SIDE):
            found = detector.process_frame(FrameTimecode(number, RATE), np.ascontiguousarray(image[..., ::-1]))
            cuts += [cut.frame_num for cut in found]
        yield now.timeline.pts[cuts].astype(np.float64) * float(now.timeline.time_base)

    [starts] = settled(source, read)
    return starts
