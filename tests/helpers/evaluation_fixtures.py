"""What the tests of evaluations share: videos and networks made once, and the names of the videos that are opened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clipselect.zoo.loading import load_base

from clipselect.evaluation import table_cache
from clipselect.evaluation.clip_tables import Networks
from clipselect.evaluation.evaluate import evaluate
from clipselect.evaluation.results import read_results
from clipselect.evaluation.synthetic import SyntheticData, make_synthetic
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer

Bench = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticData:
    """Six videos of two classes, four of background, and networks that have hardly been trained."""
    return make_synthetic(tmp_path_factory.mktemp("synthetic"), videos=6, steps=2)


@pytest.fixture(scope="session")
def networks(made: SyntheticData) -> Networks:
    return Networks(load_scorer(str(made.model), "cpu"), load_base(str(made.base), "cpu"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that are opened for the tables from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> object:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(table_cache, "open_source", noted)
    return names


@pytest.fixture
def bench(made: SyntheticData, tmp_path: Path) -> Bench:
    """`evaluate` with these networks; returns its results file."""

    def call(**options: Any) -> dict[str, Any]:
        own = {"data": made.data, "base": made.base, "model": made.model, "device": "cpu", "timed": 0}
        (tmp_path / "out/results.json").unlink(missing_ok=True)  # the cache is kept
        results = evaluate(out=tmp_path / "out", **own | {"k": [1, 3]} | options)
        assert read_results(tmp_path / "out").record() == results.record()
        return results.record()

    return call
