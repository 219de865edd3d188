"""The examples in the docstrings of the metrics are right."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["accuracy", "identification", "intervals", "retrieval", "templates", "verification"])
def test_the_examples_are_right(name: str) -> None:
    module = importlib.import_module(f"clipselect.evaluation.metrics.{name}")
    result = doctest.testmod(module)
    assert result.attempted and result.failed == 0
