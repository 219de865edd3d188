"""What several tests of trainings share."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from helpers.frame_caches import FAST, cache, images
from helpers.identity_pictures import data_set
from helpers.small_training import Begin, State, Training
from helpers.training_data import damaged, film
from helpers.videos import make_video

from clipselect.media.sources import open_source
from clipselect.training import frame_cache


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    return lambda name: Training(tmp_path / name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> State:
    """The weights of a run that was left alone."""
    return Training(tmp_path_factory.mktemp("whole") / "run")()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of "a", two of "b" and two of neither."""
    folder = tmp_path_factory.mktemp("films")
    for i, kind in enumerate("aabbnn"):
        film(folder / f"{kind}{i % 2}.mp4", kind, i)
    (folder / "no.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six identities to train on, and an image that cannot be read."""
    folder = data_set(tmp_path_factory.mktemp("faces") / "people", identities=6, each=5)
    (folder / "train" / "p1" / "bad.png").write_bytes(b"no picture")
    return folder


KINDS = ("varies", "long", "headless", "hole", "cut", "images", "broken images")


@pytest.fixture(scope="module", params=KINDS)
def caches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A video of two or four seconds, a cache that has room for it and one that has none."""
    folder = tmp_path_factory.mktemp("cache")
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
    return str(video), cache(folder / "kept", rate=rate), cache(folder / "none", limit=0, rate=rate)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that caches open from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(frame_cache, "open_source", noted)
    return names
