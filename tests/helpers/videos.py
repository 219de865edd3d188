"""Videos that the tests make themselves, and what is seen of them."""

import os
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.media.read_again import settled
from clipselect.media.sources import Source

SHARED = Path(os.environ.get("CLIPSELECT_SHARED", Path(__file__).parents[2] / "shared")) / "data"


def picture(i: int, width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """[h, w, 3]: frame number i as a grey level, with a red top left quarter and a blue bottom half."""
    image = np.full((height, width, 3), 40 + (i * 13) % 160, dtype=np.uint8)
    image[: height // 2, : width // 2] = (230, 20, 20)
    image[height // 2 :, :, 2] = 220
    return image


def make_video(
    path: Path,
    ticks: Sequence[int] | int = 50,
    *,
    time_base: Fraction = Fraction(1, 25),
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    audio_seconds: float = 0,
    video_streams: int = 1,
    still: bool = False,
) -> Path:
    """Encode one frame per tick (or that many frames at 25 per second); the frame's number is in its grey level."""
    ticks = range(ticks) if isinstance(ticks, int) else ticks
    with av.open(str(path), "w", options=container_options or {}) as out:
        streams = []
        for _ in range(video_streams):
            stream = out.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = time_base
            if pixel_aspect:
                stream.codec_context.sample_aspect_ratio = pixel_aspect
            streams.append(stream)
        sound = out.add_stream("aac", rate=16_000, layout="mono") if audio_seconds else None
        for stream in streams:
            for i, tick in enumerate(ticks):
                frame = av.VideoFrame.from_ndarray(picture(0 if still else i, *size), format="rgb24")
                frame.pts, frame.time_base = tick, time_base
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 16_000
            for i in range(int(audio_seconds * 16_000 / 1024)):
                silence.pts = i * 1024
                out.mux(sound.encode(silence))
            out.mux(sound.encode(None))
    return path


def make_uneven_video(path: Path) -> Path:
    """150 frames at uneven times, so that sampling by time and by number differ; an .mkv."""
    ticks = np.cumsum(np.random.default_rng(0).integers(1, 90, 150)).tolist()
    return make_video(path, ticks, time_base=Fraction(1, 1000))


def write_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the display matrix of an .mp4 made by `make_video`: shown x = a x + c y, shown y = b x + d y."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def seconds(source: Source) -> list[float]:
    return [float(p * source.timeline.time_base) for p in source.timeline.pts]


def grey_levels(source: Source, size: int = 16) -> list[int]:
    """The grey of every frame's top right corner, which shows its number."""
    return [int(f[2, -2, 0]) for _, f in source.frames(np.arange(len(source.timeline.pts)), size)]


def expected_levels(count: int) -> list[int]:
    return [40 + (i * 13) % 160 for i in range(count)]


def assert_all_frames(source: Source, count: int) -> None:
    """The video has that many frames, in the order of `picture`."""
    assert len(source.timeline.pts) == count
    assert np.abs(np.subtract(grey_levels(source), expected_levels(count))).max() <= 6


def settle(source: Source) -> Source:
    """The video as it really decodes."""

    def read(source: Source) -> Iterator[Source]:
        for _ in source.frames(np.arange(len(source.timeline.pts)), 16):
            pass
        yield source

    [found] = settled(source, read)
    return found


def make_sound(path: Path) -> Path:
    """A file with nothing but sound."""
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for i in range(20):
            frame.pts = i * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def make_damaged_video(path: Path) -> Path:
    """An mp4 of 100 frames, of which some in the middle do not decode."""
    data = bytearray(make_video(path, 100, options={"g": "10"}, size=(128, 96)).read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 3
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    return path
