"""The examples in the docstrings of every module run as they are printed."""

import doctest
import importlib
import pkgutil
import shutil
from pathlib import Path

import pytest

import clipselect

MODULES = sorted(module.name for module in pkgutil.walk_packages(clipselect.__path__, "clipselect."))


@pytest.mark.parametrize("name", ["clipselect", *(name for name in MODULES if not name.endswith("__main__"))])
def test_the_examples_of_a_module_run(name: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may read `video.mp4`, two and a half seconds long, and write to the current folder."""
    shutil.copy(video, tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
