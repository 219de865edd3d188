"""Pictures of clips and frames, small enough for a page."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np

from clipselect.errors import ClipselectError
from clipselect.media.candidate_clips import Clip, frames_to_score
from clipselect.media.images import Image
from clipselect.media.scaling import scaled
from clipselect.media.sources import Source
from clipselect.media.video import VideoFile

MAX_FORWARD = 150
"""Frames that are decoded rather than sought past: about half a key frame interval of usual encoders."""


def clip_thumbnails(source: Source, clips: Sequence[Clip], sides: Sequence[int]) -> dict[int, bytes]:
    """JPEG bytes of the middle frame of every clip, by the clip's place; without those that no longer decode.

    Only what is needed is decoded: the file is sought, and read on where the next clip is near.

    Args:
        clips: in time order.
        sides: of every clip, the longer side of its picture in pixels.
    """
    middles = [int(frames_to_score(source.timeline, clip, 1)[0]) for clip in clips]
    made: dict[int, bytes] = {}
    aspect: float | None = None
    for run in _neighbours(middles, whole=isinstance(source, VideoFile) and not source.seekable):
        wanted = {middles[i]: i for i in run}
        try:
            aspect = source.aspect if aspect is None else aspect
            for number, frame in enumerate(source.pictures(min(wanted), max(wanted)), start=min(wanted)):
                if number in wanted:
                    for i in (i for i in run if middles[i] == number):
                        made[i] = jpeg(scaled(frame, *fitting(aspect, sides[i])))
        except (ClipselectError, av.FFmpegError, OSError, ValueError):
            continue  # the file has changed since or is damaged there; its scores still stand
    return made


def jpeg(picture: Image, quality: int = 5) -> bytes:
    """[h, w, 3] uint8 RGB as JPEG bytes.

    Args:
        quality: 2 is the best, 31 the smallest.
    """
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.qmin = encoder.qmax = quality
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def data_uri(jpeg_bytes: bytes) -> str:
    """The address of a picture that the page itself holds."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes).decode()


def thumbnail_uri(picture: Image) -> str:
    """[h, w, 3] uint8 RGB as the `src` of an `<img>`."""
    return data_uri(jpeg(picture))


def fitting(aspect: float, side: int) -> tuple[int, int]:
    """Width and height, both even, of a picture of that aspect ratio whose longer side has so many pixels.

    >>> fitting(16 / 9, 320), fitting(9 / 16, 320)
    ((320, 180), (180, 320))
    """
    width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    return max(round(width / 2) * 2, 2), max(round(height / 2) * 2, 2)


def _neighbours(numbers: Iterable[int], whole: bool) -> Iterator[list[int]]:
    """Places of increasing numbers, cut where the next one is far; not at all if `whole`."""
    run: list[int] = []
    before = 0
    for i, number in enumerate(numbers):
        if run and number - before > MAX_FORWARD and not whole:
            yield run
            run = []
        run.append(i)
        before = number
    if run:
        yield run
