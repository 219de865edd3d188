"""Fixtures of the tests of evaluations."""

import pytest
from helpers.evaluation_fixtures import made, networks, opened

__all__ = ["made", "networks", "opened"]


@pytest.fixture(scope="module", autouse=True)
def single_threaded(one_thread: None) -> None:
    """Networks this small gain nothing from threads."""
