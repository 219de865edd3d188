"""Real untrimmed video files out of trimmed clips, for everything that times or decodes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from clipselect.errors import VideoError
from clipselect.media.candidates import Clip
from clipselect.media.extract import encoder_name
from clipselect.media.files import whole_file
from clipselect.media.images import Image
from clipselect.media.pixels import orientation
from clipselect.media.sources import Source

WIDTH, HEIGHT, RATE = 320, 240, 25


def write_composition(clips: Sequence[tuple[Source, Clip]], clip_duration: Fraction, path: Path) -> None:
    """Decode clips and encode them one after the other: H.264 at 320 x 240 and 25 frames/s.

    Every clip lasts `clip_duration` seconds; the last frame of a shorter one stays. Every frame is squashed to
    320 x 240; squashed again for scoring, it is what the composed list of clips holds.
    """
    written, total = 0, round(len(clips) * clip_duration * RATE)
    with whole_file(path) as part, av.open(f"file:{part}", "w", format="mp4") as out:
        stream = out.add_stream(encoder_name(), rate=RATE, options={"crf": "20", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, (source, clip) in enumerate(clips):
            until = total if number == len(clips) - 1 else round((number + 1) * clip_duration * RATE)
            into = [Fraction(i, RATE) - number * clip_duration for i in range(written, until)]
            for frame in _frames(source, clip, into):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            written = until
        out.mux(stream.encode(None))


def _frames(source: Source, clip: Clip, into: Sequence[Fraction]) -> list[Image]:
    """The frames on screen so many seconds into a clip, [height, width, 3] each."""
    ticks = [float((clip.start + max(seconds, Fraction(0))) / source.timeline.time_base) for seconds in into]
    wanted = (np.searchsorted(source.timeline.pts, ticks, side="right") - 1).clip(clip.first, clip.last).tolist()
    pictures = [_squash(picture) for picture in source.pictures(wanted[0], wanted[-1])]
    if len(pictures) <= wanted[-1] - wanted[0]:
        raise VideoError(f"{source.path}: changed while it was read; try again")
    return [pictures[i - wanted[0]] for i in wanted]


def _squash(picture: av.VideoFrame) -> Image:
    turned = orientation(picture)
    stored = (HEIGHT, WIDTH) if turned.transpose else (WIDTH, HEIGHT)
    pixels: Any = picture.reformat(*stored, format="rgb24").to_ndarray()
    return np.ascontiguousarray(turned.apply(pixels))
