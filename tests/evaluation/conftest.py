"""Fixtures of the tests of evaluations."""

import pytest
from helpers.evaluation_fixtures import bench, made, networks, opened

__all__ = ["bench", "made", "networks", "opened"]


@pytest.fixture(scope="module", autouse=True)
def single_threaded(one_thread: None) -> None:
    """Networks this small gain nothing from threads."""
