"""Frames that are decoded already, as a video."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, check_argument
from clipselect.media.candidate_clips import Seconds, Timeline, frame_rate
from clipselect.media.images import Image
from clipselect.media.packet_sizes import PacketSizes
from clipselect.media.scaling import Convert, squash


@dataclass(frozen=True, eq=False)
class FrameArray:
    """Frames in memory, [T, H, W, 3] uint8 RGB, upright and with square pixels. A `Source`.

    >>> frames = FrameArray.from_pixels(np.zeros((50, 48, 64, 3), np.uint8), fps=25)
    >>> float(frames.timeline.duration), frames.aspect
    (2.0, 1.3333333333333333)
    """

    pixels: NDArray[np.uint8]
    timeline: Timeline
    path: Path = Path("frames")
    warnings: tuple[str, ...] = ()
    start_time: Fraction = Fraction(0)
    seek_cost: float = 0

    @classmethod
    def from_pixels(cls, frames: Any, fps: Seconds | None) -> "FrameArray":
        """A view of a NumPy array or a torch tensor; one on a GPU is copied.

        Raises:
            ArgumentError: of `video` or `fps`: anything else, or another shape or dtype.
        """
        if hasattr(frames, "detach"):
            frames = frames.detach().cpu()
            frames = (frames.float() if frames.is_floating_point() else frames).numpy()  # NumPy lacks bfloat16
        if not isinstance(frames, np.ndarray):
            kind = type(frames).__name__
            raise ArgumentError("video", f"must be a path, or frames [T, H, W, 3] uint8 in one array, got {kind}")
        shape = f"[{', '.join(map(str, frames.shape))}]"
        remedy = ""
        for axis, name, order in ((1, "[T, 3, H, W]", "0, 2, 3, 1"), (0, "[3, T, H, W]", "1, 2, 3, 0")):
            if frames.ndim == 4 and frames.shape[axis] == 3 != frames.shape[3]:
                remedy = f", which looks like {name}; give tensor.permute({order}), or array.transpose({order})"
        fits = frames.ndim == 4 and frames.shape[3] == 3 and frames.size > 0
        check_argument(fits, "video", f"must be frames [T, H, W, 3], got {shape}{remedy}")
        remedy = "; multiply by 255 and round, if they lie in [0, 1]" if frames.dtype.kind == "f" else ""
        is_uint8 = frames.dtype == np.uint8
        check_argument(is_uint8, "video", f"must be frames of uint8 from 0 to 255, got {frames.dtype}{remedy}")
        check_argument(fps is not None, "fps", "must be given with frames in memory, which have no clock")
        rate = frame_rate(fps or 0)
        return cls(frames, Timeline(np.arange(len(frames)), len(frames), 1 / rate))

    @property
    def packets(self) -> PacketSizes:
        raise ArgumentError("source", "must be a file or a folder: frames in memory have no packets")

    @property
    def aspect(self) -> float:
        return self.pixels.shape[2] / self.pixels.shape[1]

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        return self.converted(wanted, partial(squash, size=size))

    def converted(self, wanted: NDArray[np.int64], convert: Convert) -> Iterator[tuple[int, Image]]:
        for i in wanted.tolist():
            [frame] = self.pictures(i, i)
            yield i, convert(frame)

    def pictures(self, first: int, last: int) -> Iterator[av.VideoFrame]:
        for i in range(first, last + 1):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(self.pixels[i]), "rgb24")
            frame.pts = i
            yield frame

    def with_timeline(self, timeline: Timeline) -> "FrameArray":
        return replace(self, timeline=timeline)
