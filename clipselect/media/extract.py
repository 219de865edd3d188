"""Picked clips as video files."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Clip
from clipselect.media.files import whole_file
from clipselect.media.images import Image
from clipselect.media.scaling import Orientation, orientation, upright
from clipselect.media.sources import Source


def extract_clip(source: Source, clip: Clip, path: Path) -> None:
    """Encode exactly the clip's frames, upright, at full height and with square pixels, as H.264 in an .mp4 without
    sound.

    >>> from clipselect import open_source
    >>> source = open_source("video.mp4")
    >>> extract_clip(source, Clip(Fraction(1), Fraction(2), first=25, last=49), Path("second.mp4"))
    >>> len(open_source("second.mp4").timeline.pts)
    25

    Frames keep their distances in time; the first is shown at 0. An odd size is scaled to the even one below, which
    H.264 needs. The file appears whole or not at all.

    Raises:
        VideoError: fewer frames decode now than when the video was scored.
        ClipselectError: the file cannot be written.
    """
    timeline = source.timeline
    ticks = timeline.pts[clip.first : clip.last + 1] - timeline.pts[clip.first]
    written = 0
    with whole_file(path) as part, av.open(f"file:{part}", "w", format="mp4") as out:
        stream: av.VideoStream | None = None
        for frame, tick in zip(source.pictures(clip.first, clip.last), ticks.tolist(), strict=False):
            turned = orientation(frame) != Orientation()
            picture = av.VideoFrame.from_ndarray(upright(frame), "rgb24") if turned else frame
            if stream is None:
                rate = _rate(timeline.time_base, ticks)
                stream = _stream_for(out, picture.height, source.aspect, rate, timeline.time_base)
            picture = picture.reformat(width=stream.width, height=stream.height, format="yuv420p")
            picture.pts, picture.time_base = tick, timeline.time_base
            picture.pict_type = av.video.frame.PictureType.NONE
            out.mux(stream.encode(picture))
            written += 1
        if stream is None or written < clip.frames:
            raise VideoError(f"{source.path}: {written} of the {clip.frames} frames of a picked clip decode; try again")
        out.mux(stream.encode(None))


def clip_file_name(stem: str, rank: int, clip: Clip) -> str:
    """The name of an extracted clip; a very long stem is cut.

    >>> clip_file_name("dive", 1, Clip(Fraction(12), Fraction(13), first=300, last=324))
    'dive_rank01_12.00s-13.00s.mp4'
    """
    stem = stem.encode("utf-8", "surrogateescape")[:180].decode("utf-8", "ignore")
    return f"{stem}_rank{rank:02d}_{float(clip.start):.2f}s-{float(clip.end):.2f}s.mp4"


def write_frames(
    path: Path, frames: Iterable[Image], rate: int, width: int, height: int, options: dict[str, str] | None = None
) -> None:
    """Encode frames [height, width, 3] uint8 RGB with even sides as H.264 in an .mp4 without sound.

    The file appears whole or not at all.
    """
    with whole_file(path) as part, av.open(f"file:{part}", "w", format="mp4") as out:
        stream = out.add_stream(encoder_name(), rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(stream.encode(None))


def encoder_name() -> str:
    """The encoder of H.264 if FFmpeg has it, else that of MPEG-4."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


def _rate(time_base: Fraction, ticks: np.ndarray) -> Fraction:
    """Mean frames per second, which only guides the encoder's rate control."""
    span = int(ticks[-1]) * time_base
    return min(Fraction(240), ((len(ticks) - 1) / span).limit_denominator(1001)) if span else Fraction(25)


def _stream_for(
    out: av.container.OutputContainer, height: int, aspect: float, rate: Fraction, time_base: Fraction
) -> av.VideoStream:
    codec = encoder_name()
    options = {"crf": "18", "preset": "veryfast", "bf": "0"} if codec == "libx264" else {"q": "3"}
    stream = out.add_stream(codec, rate=max(rate, Fraction(1)), options=options)
    assert isinstance(stream, av.VideoStream)
    stream.height = max(2, height // 2 * 2)
    stream.width = max(2, round(height * aspect) // 2 * 2)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = time_base
    return stream
