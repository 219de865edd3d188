"""What a container says of its video stream, before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.codec import Capabilities

from clipselect.errors import VideoError
from clipselect.media.cores import usable_cores
from clipselect.media.text import is_text

PICTURE_CODECS = frozenset({"mjpeg", "png", "bmp", "webp"})
"""A stream of these beside a video is most likely its cover, whether the container says so or not."""
MAX_PIXELS = 8192 * 8192
"""Of a frame: a few hundred kilobytes of video can ask for any number, and a decoder holds a dozen frames."""
TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
"""Text that FFmpeg draws as a terminal would show it."""
IS_TEXT = "is text, not a video; give a video, or a list of paths (.txt, .csv) by its own name"
IMAGE_FORMATS = frozenset({"gif", "apng"})
"""What holds a single image as well as many; formats of nothing but images are known by their names."""
IMAGE_BRANDS = frozenset({"avif", "heic", "heix", "mif1"})
"""Of MP4's family of formats."""
LIMITS = {"max_pixels": str(MAX_PIXELS)}
"""Options of a decoder: beyond them it fails rather than take the memory."""
ANY_METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Metadata need not be UTF-8. PyAV 19 takes any."""
THREADS_PER_CORE, MAX_THREADS = 4, 16
"""Of a decoder that works on several frames at once. Its threads wait for the frames that theirs refer to: one thread
more than cores, which is FFmpeg's choice, leaves cores idle, most of all where frames in between are skipped."""
FEW_THREADS = frozenset({"vp9"})
"""Decoders that are no faster with more threads than FFmpeg chooses, and take a tenth more of the processor's time."""
MAX_PIXELS_IN_THREADS = 16 * 1920 * 1088
"""Every thread holds a frame; where they would hold more pixels than this, FFmpeg chooses."""
MAX_OVERSTATEMENT = 0.5
"""Seconds by which a header may overstate the file before a warning says that the file ends early."""


@contextmanager
def open_container(path: Path) -> Iterator[av.container.InputContainer]:
    """The file as a PyAV container; a VideoError if FFmpeg cannot open it."""
    try:
        # "file:" keeps FFmpeg from taking a name with a colon for a protocol
        container = av.open(f"file:{path}", options=LIMITS, **ANY_METADATA)
    except av.FFmpegError as e:
        refuse_text(path)
        reason = e.strerror or type(e).__name__
        raise VideoError(f"{path}: not a video that FFmpeg can open ({reason}); check the file or convert it") from e
    with container:
        yield container


def refuse_text(path: Path) -> None:
    """Raise a VideoError if a file that FFmpeg takes for no video is text."""
    if is_text(path):
        raise VideoError(f"{path}: {IS_TEXT}")


def refuse_no_video(container: av.container.InputContainer, frames: int, path: Path) -> None:
    """Raise a VideoError if the file is text or one image, which FFmpeg decodes as well.

    Args:
        frames: how many the file has.
    """
    name = container.format.name
    if name in TEXT_FORMATS:
        raise VideoError(f"{path}: {IS_TEXT}")
    brand = container.metadata.get("major_brand", "")
    if name == "webp_pipe" and _is_animated_webp(path):
        raise VideoError(f"{path}: is an animated WebP, which FFmpeg cannot decode; convert it to .mp4 or .gif")
    image = name == "image2" or name.endswith("_pipe") or name in IMAGE_FORMATS or brand in IMAGE_BRANDS
    if name == "ico" or (image and frames <= 1):  # an icon is one image in several sizes
        raise VideoError(f"{path}: is an image, not a video; give a video file, or a folder of images as its frames")


def _is_animated_webp(path: Path) -> bool:
    with path.open("rb") as file:
        return b"ANIM" in file.read(64)


@dataclass
class PacketIndex:
    """What the packets of a stream say.

    Attributes:
        pts: presentation time of every frame in ticks of the stream, in order; None where the container has none.
        sizes, is_key: bytes of every frame's packet, and whether it is a key frame, in the same order.
        gop: number of the group of pictures that its packet stands in; -1 before the first key frame.
        last_duration: ticks for which the last frame is shown; 0 if the container does not say.
        broken: a sentence if the file holds less than its header promises.
    """

    pts: list[int | None]
    sizes: list[int]
    is_key: list[bool]
    gop: list[int]
    last_duration: int
    broken: str | None


def read_index(container: av.container.InputContainer, stream: av.VideoStream) -> PacketIndex:
    """Read all packets of a container, without decoding them."""
    frames: list[tuple[int | None, int, bool, int]] = []
    last_pts: int | None = None
    count, gop, last_duration, file_end = 0, -1, 0, 0.0
    for packet in packets(container, *container.streams):
        if not packet.size:
            continue
        if packet.pts is not None and packet.time_base:
            file_end = max(file_end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index != stream.index:
            continue
        count += 1
        gop += packet.is_keyframe
        if not packet.is_discard:
            frames.append((packet.pts, packet.size, packet.is_keyframe, gop))
            if last_pts is None or packet.pts is None or packet.pts >= last_pts:
                last_pts, last_duration = packet.pts, packet.duration or 0
    if all(pts is not None for pts, *_ in frames):
        frames.sort(key=lambda frame: frame[0] or 0)  # packets come in decoding order
    promised = (container.duration or 0) / av.time_base
    broken = None
    if frames and stream.frames > count:
        broken = f"ends at {file_end:.2f} s with {count} of the {stream.frames} frames its header promises"
    elif frames and promised > file_end + MAX_OVERSTATEMENT:
        broken = f"ends at {file_end:.2f} s where its header promises {promised:.2f} s"
    times, sizes, is_key, gops = ([frame[i] for frame in frames] for i in range(4))
    return PacketIndex(times, sizes, is_key, gops, last_duration, broken)  # type: ignore[arg-type]


def packets(container: av.container.InputContainer, *streams: av.stream.Stream) -> Iterator["av.Packet[Any]"]:
    """Packets up to the end of what can be read: a container that breaks off ends there."""
    with suppress(av.FFmpegError):
        yield from container.demux(*streams)


def has_frame_threads(stream: av.VideoStream) -> bool:
    """Whether the threads of its decoder work on several frames at once, each on its own frame."""
    return bool(stream.codec_context.codec.capabilities & Capabilities.frame_threads)


def threads_for_all(stream: av.VideoStream) -> int:
    """The number of threads that decodes all frames of a stream fastest; 0 leaves the choice to FFmpeg."""
    if not has_frame_threads(stream) or stream.codec_context.name in FEW_THREADS:
        return 0
    cores = usable_cores()
    held = MAX_PIXELS_IN_THREADS // max(stream.width * stream.height, 1)
    threads = min(THREADS_PER_CORE * cores, MAX_THREADS, held)
    return threads if threads > cores + 1 else 0


def video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The first video stream that is no cover picture; a VideoError if there is none or it cannot be decoded here."""
    films = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not films:
        refuse_text(path)  # such as subtitles
        kind = "only sound" if container.streams.audio else "no video stream"
        raise VideoError(f"{path}: the file holds {kind}; give a file with pictures")
    stream = min(films, key=lambda s: s.codec_context is not None and s.codec_context.name in PICTURE_CODECS)
    if stream.codec_context is None:
        raise VideoError(f"{path}: FFmpeg here has no decoder for its video stream; convert it, say to H.264")
    size = f"{stream.width} x {stream.height}"
    if stream.width * stream.height > MAX_PIXELS:
        raise VideoError(f"{path}: its frames are {size}, over {MAX_PIXELS} pixels; scale it down")
    return stream
