"""A tiny DDNet for clips, and a folder of videos to sample from."""

import shutil
from pathlib import Path

import av
import pytest
from helpers.sampling import VIDEO_FRAMES, tiny_ddnet
from helpers.videos import make_video, picture

from clipselect import select
from clipselect.samplers.picks import Picks


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    for name, frames in VIDEO_FRAMES.items():
        make_video(root / name, frames)
    (root / "frames").mkdir()
    for i in range(90):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(root / "frames" / f"{i}.png")
    return root


@pytest.fixture
def videos(made: Path, tmp_path: Path) -> Path:
    """Three files and a folder of frames, of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "videos"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds at 25 frames per second, 128 x 96."""
    return make_video(tmp_path_factory.mktemp("long") / "long.mp4", 200, size=(128, 96))


@pytest.fixture(scope="module")
def picks(long: Path) -> Picks:
    """The best three of its eight clips."""
    return select(long, k=3, device="cpu")
