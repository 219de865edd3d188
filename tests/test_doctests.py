"""The examples in the docstrings of every module run as they are printed."""

import doctest
import importlib
import pkgutil
import shutil
from pathlib import Path

import clipselect.zoo
import pytest

import clipselect

MODULES = [
    module.name
    for package in (clipselect, clipselect.zoo)  # in a checkout, zoo lies beside the package
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", ["clipselect", *sorted({*MODULES} - {"clipselect.__main__"})])
def test_the_examples_of_a_module_run(name: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may read `video.mp4`, two and a half seconds long, and write to the current folder."""
    shutil.copy(video, tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
