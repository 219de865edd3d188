"""Stores of frames, videos and folders of images for their tests, and what lies on the disk."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from clipselect.media.sources import open_source
from clipselect.training import frame_cache
from clipselect.training.frame_cache import FrameCache
from helpers.training_data import damaged
from helpers.videos import make_video, picture

PLENTY, FAST = 10**9, Fraction(100)


def store(folder: Path, limit: int = PLENTY, rate: Fraction = FAST, size: int = 16) -> FrameCache:
    return FrameCache(folder, size, rate, limit, fps=25)


def files(folder: Path, suffix: str = ".npy") -> list[Path]:
    return sorted(folder.rglob(f"*{suffix}"))


def held(folder: Path) -> int:
    return sum(file.stat().st_size for file in files(folder))


def levels(clip: np.ndarray[Any, Any]) -> list[int]:
    """The grey of the top right corner, which tells a frame's number in the videos of `make_video`."""
    return [int(frame[2, -2, 0]) for frame in clip]


def images(folder: Path, count: int, broken: Iterable[int] = ()) -> Path:
    """A folder of frames, some of which cannot be read."""
    folder.mkdir()
    for i in range(count):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(folder / f"{i}.png")
    for i in broken:
        (folder / f"{i}.png").write_bytes(b"no image")
    return folder


KINDS = ("varies", "long", "headless", "hole", "cut", "images", "broken images")


@pytest.fixture(scope="module", params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A video of two or four seconds, a store that keeps it and one that has no room."""
    folder = tmp_path_factory.mktemp("store")
    ticks = [*range(0, 20), *range(20, 40, 4), 45, *range(46, 50)]
    made = {
        "varies": lambda: (make_video(folder / "v.mp4", ticks), FAST),
        "long": lambda: (make_video(folder / "v.mp4", 100, options={"g": "10"}), Fraction(8)),
        "headless": lambda: (damaged(folder / "v.mp4", 0, 0.15), Fraction(8)),
        "hole": lambda: (damaged(folder / "v.mp4", 0.3, 0.4), Fraction(8)),
        "cut": lambda: (damaged(folder / "v.mp4", 0.8, 1), Fraction(8)),
        "images": lambda: (images(folder / "v", 50), Fraction(8)),
        "broken images": lambda: (images(folder / "v", 50, [0, 1, 2, 3, *range(20, 30)]), Fraction(8)),
    }
    video, rate = made[request.param]()
    return str(video), store(folder / "kept", rate=rate), store(folder / "none", limit=0, rate=rate)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that stores open from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(frame_cache, "open_source", noted)
    return names
