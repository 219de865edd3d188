"""What the tests of the benchmarks share: videos and networks made once; the benchmarks' folder on the path."""

from collections.abc import Iterator

import pytest
import synthetic
import torch
from clip_tables import Networks
from clipselect.zoo.loading import load_base

from clipselect.scoring.scorer import load_scorer


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from threads, and wait for them when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> synthetic.Synthetic:
    """Six videos of two classes, four of background, and networks that have hardly been trained."""
    return synthetic.make(tmp_path_factory.mktemp("synthetic"), videos=6, steps=2)


@pytest.fixture(scope="module")
def networks(made: synthetic.Synthetic) -> Networks:
    return Networks(load_scorer(made.model, "cpu"), load_base(made.base, "cpu"))
