"""Generated videos for timing: panning textures with grain, moving blocks and cuts, at usual bit rates.

Only a few seconds are encoded; longer videos repeat their packets, which costs a decoder as much as new ones.
"""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 30
ENCODED_SECONDS, CUT_SECONDS = 10, 2.5
HEIGHTS = {"240p": 240, "360p": 360, "720p": 720, "1080p": 1080}
GOPS = (30, 250)
ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264": ("libx264", ".mp4", {"preset": "veryfast", "crf": "20"}),
    "hevc": ("libx265", ".mp4", {"preset": "superfast", "crf": "22", "x265-params": "log-level=none"}),
    "vp9": ("libvpx-vp9", ".mkv", {"deadline": "good", "cpu-used": "5", "crf": "30", "b": "0", "row-mt": "1"}),
    "av1": ("libsvtav1", ".mkv", {"preset": "12", "crf": "32"}),
    "mpeg4": ("mpeg4", ".mp4", {"bf": "2", "flags": "+qscale", "global_quality": str(10 * 118)}),
}
"""Name -> encoder, container, options."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Made:
    """What a video is: `codec` one of `ENCODERS`, `size` of `HEIGHTS`, `gop` frames from key frame to key frame."""

    codec: str = "h264"
    size: str = "720p"
    gop: int = 250
    seconds: int = 60

    def __str__(self) -> str:
        return f"{self.codec} {self.size} gop {self.gop} {self.seconds} s"


def encoders() -> list[str]:
    """The names of `ENCODERS` that this FFmpeg can make."""
    return [name for name, (encoder, _, _) in ENCODERS.items() if encoder in av.codecs_available]


def make(folder: Path, made: Made) -> Path:
    """The video in this folder, encoded if it is not yet there."""
    suffix = ENCODERS[made.codec][1]
    path = folder / f"{str(made).replace(' ', '_')}{suffix}"
    if not path.exists():
        seconds = min(made.seconds, ENCODED_SECONDS)
        source = folder / f"{str(Made(made.codec, made.size, made.gop, seconds)).replace(' ', '_')}{suffix}"
        if not source.exists():
            _encode(source, made, seconds)
        if source != path:
            _repeat(source, path, made.seconds)
    return path


def _encode(path: Path, made: Made, seconds: int) -> None:
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    encoder, _, options = ENCODERS[made.codec]
    height = HEIGHTS[made.size]
    width = height * 16 // 9 // 2 * 2
    scenes = [_Scene(width, height, seed) for seed in range(int(-(-seconds // CUT_SECONDS)))]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=RATE, options={**options, "g": str(made.gop)})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(seconds * RATE):
            planes = scenes[int(i / RATE / CUT_SECONDS)].frame(i)
            frame = av.VideoFrame.from_ndarray(
                np.concatenate([p.ravel() for p in planes]).reshape(-1, width), "yuv420p"
            )
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _repeat(source: Path, path: Path, seconds: int) -> None:
    """Mux the packets of `source` again and again."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        old = given.streams.video[0]
        new = out.add_stream_from_template(old, opaque=True)
        packets = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in given.demux(old) if p.size]
        base = old.time_base
        frames = len(packets)
        length = round(Fraction(frames, RATE) / base)
        for i in range(seconds * RATE // frames):
            for data, pts, dts, duration, key in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = new, base
                packet.pts = None if pts is None else pts + i * length
                packet.dts = None if dts is None else dts + i * length
                packet.duration, packet.is_keyframe = duration, key
                out.mux(packet)


class _Scene:
    """A texture that pans, with grain and six blocks that move over it."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.random = random = np.random.default_rng(seed)
        self.width, self.height = width, height
        self.texture = _texture(random, width * 3 // 2, height * 3 // 2)
        self.colours = [_texture(random, width, height) // 2 + 64 for _ in range(2)]
        self.grain = random.normal(0, 2.5, (height + 64, width + 64)).round().astype(np.int16)
        self.speed = random.uniform(-3, 3, 2)
        self.blocks = random.uniform(0, 1, (6, 4))

    def frame(self, i: int) -> tuple[Plane, Plane, Plane]:
        x, y = (
            int(abs((side // 4 + i * v) % (side // 2)))
            for side, v in zip((self.width, self.height), self.speed, strict=True)
        )
        luma = self.texture[y : y + self.height, x : x + self.width].astype(np.int16)
        side = self.height // 5
        for bx, by, vx, vy in self.blocks:
            left = int((bx + i * (vx - 0.5) / 60) % 1 * (self.width - side))
            top = int((by + i * (vy - 0.5) / 60) % 1 * (self.height - side))
            luma[top : top + side, left : left + side] = self.texture[:side, :side] // 2 + 90
        dx, dy = self.random.integers(0, 64, 2)
        luma += self.grain[dy : dy + self.height, dx : dx + self.width]
        u, v = (c[y // 2 : y // 2 + self.height // 2, x // 2 : x // 2 + self.width // 2].copy() for c in self.colours)
        return luma.clip(16, 235).astype(np.uint8), u, v


def _texture(random: np.random.Generator, width: int, height: int) -> Plane:
    """Noise at several scales."""
    total = np.zeros((height, width), np.float32)
    for cells, strength in ((4, 60), (16, 30), (64, 14), (256, 6)):
        coarse = random.normal(0, strength, (max(2, cells * height // width), cells)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (total + 126).clip(16, 235).astype(np.uint8)
