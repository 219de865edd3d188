"""The examples in the docstrings of every module run as they are printed."""

import doctest
import importlib
import pkgutil
import shutil
from pathlib import Path

import clipselect.zoo
import cv2
import numpy as np
import pytest

import clipselect
from clipselect.commands.output.demo_video import ACTION, demo_scenes
from clipselect.media.extract import write_frames

MODULES = [
    module.name
    for package in (clipselect, clipselect.zoo)  # in a checkout, zoo lies beside the package
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo's scuffle, then half a second of two figures who stand about."""
    scenes = [*demo_scenes(np.arange(ACTION[0], ACTION[0] + 2, 1 / 25)), *demo_scenes(np.arange(0, 0.52, 1 / 25))]
    path = tmp_path_factory.mktemp("doctests") / "video.mp4"
    write_frames(path, (cv2.resize(scene, (128, 96), interpolation=cv2.INTER_AREA) for scene in scenes), 25, 128, 96)
    return path


@pytest.mark.parametrize("name", ["clipselect", *sorted({*MODULES} - {"clipselect.__main__"})])
def test_the_examples_of_a_module_run(name: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may read `video.mp4`, two and a half seconds long, and write to the current folder."""
    shutil.copy(video, tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
