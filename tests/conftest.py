"""Videos that the tests make themselves, and the command line within the test's process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait slow a busy machine ten times

import hypothesis
import pytest
import torch
from helpers.command_line import Run
from helpers.videos import SHARED, make_video

from clipselect.index import bulk
from clipselect.media.sources import open_source

torch.set_num_threads(2)

hypothesis.settings.register_profile("clipselect", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.load_profile("clipselect")


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half seconds at 25 frames per second, 128 x 96."""
    return make_video(tmp_path_factory.mktemp("video") / "plain.mp4", 63, size=(128, 96))


@pytest.fixture
def shared() -> Path:
    """The real data, for tests that skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the data under {SHARED}")
    return SHARED


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder called `data`, which is the current one."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Networks as small as those of the tests only wait for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(capfd, monkeypatch)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that this process reads from here on for an index."""
    names: list[str] = []

    def noted(path: Path, **how: Any) -> Any:
        names.append(path.name)
        return open_source(path, **how)

    monkeypatch.setattr(bulk, "open_source", noted)
    return names
