"""Caches of frames, videos and folders of images for their tests, and what lies on the disk."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from clipselect.training.frame_cache import FrameCache
from helpers.videos import picture

PLENTY, FAST = 10**9, Fraction(100)


def cache(folder: Path, limit: int = PLENTY, rate: Fraction = FAST, size: int = 16) -> FrameCache:
    return FrameCache(folder, size, rate, limit, fps=25)


def files(folder: Path, suffix: str = ".npy") -> list[Path]:
    return sorted(folder.rglob(f"*{suffix}"))


def held(folder: Path) -> int:
    return sum(file.stat().st_size for file in files(folder))


def levels(clip: np.ndarray[Any, Any]) -> list[int]:
    """The grey of the top right corner, which says a frame's number in the videos of `make_video`."""
    return [int(frame[2, -2, 0]) for frame in clip]


def images(folder: Path, count: int, broken: Iterable[int] = ()) -> Path:
    """A folder of frames, some of which cannot be read."""
    folder.mkdir()
    for i in range(count):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(folder / f"{i}.png")
    for i in broken:
        (folder / f"{i}.png").write_bytes(b"no image")
    return folder
