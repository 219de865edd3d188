"""Which share of the training elements a score exceeds, and thresholds given as percentiles."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.scoring.percentiles import percentiles, quantiles_of, score_quantiles, threshold_score

SCORES = np.random.default_rng(0).beta(2, 5, 5000)
QUANTILES = score_quantiles(SCORES)


def scorer(**more: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{"name": "net", "metadata": {"score_quantiles": QUANTILES}, "in_unit_interval": True} | more
    )


def test_a_percentile_is_the_share_of_the_training_elements_that_a_score_exceeds() -> None:
    quantiles = quantiles_of({"score_quantiles": QUANTILES})
    assert quantiles is not None
    for score in (0.05, 0.2, 0.4, 0.7):
        assert percentiles([score], quantiles)[0] == pytest.approx(100 * (score > SCORES).mean(), abs=0.5)


def test_the_lowest_and_the_highest_scores_exceed_none_and_all() -> None:
    found = percentiles([-1, SCORES.min() - 1e-3, SCORES.max() + 1e-3, 2], np.array(QUANTILES))
    assert found.tolist() == [0, 0, 100, 100]


def test_an_equal_score_is_not_exceeded() -> None:
    quantiles = np.array(score_quantiles([0.2] * 50 + [0.6] * 50))
    assert percentiles([0.2, 0.4, 0.6, 0.7], quantiles) == pytest.approx([0, 50, 50, 100], abs=1)


@given(st.lists(st.floats(0, 1), min_size=1), st.lists(st.floats(-1, 2), min_size=2))
def test_percentiles_rise_with_the_score(training: list[float], scores: list[float]) -> None:
    found = percentiles(sorted(scores), np.array(score_quantiles(training)))
    assert (np.diff(found) >= 0).all() and (found >= 0).all() and (found <= 100).all()


@given(st.integers(0, 100))
def test_a_threshold_keeps_what_exceeds_that_share(percent: int) -> None:
    threshold = threshold_score(f"p{percent}", scorer())
    assert threshold is not None
    assert (threshold < SCORES).mean() == pytest.approx(1 - percent / 100, abs=0.005)


def test_a_number_is_a_score_and_none_is_none() -> None:
    assert threshold_score(0.25, scorer()) == 0.25 and threshold_score(None, scorer()) is None


@pytest.mark.parametrize("threshold", ["30", "p101", "p-1", "pnan", "p", "q30", "", 1.5, -0.1, float("nan"), [0.5]])
def test_what_is_neither_is_refused(threshold: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^threshold must .*p0 to p100"):
        threshold_score(threshold, scorer())


def test_weights_of_the_first_version_have_no_percentiles() -> None:
    with pytest.raises(ArgumentError, match=r"p30.*net.*give a number.*add_percentiles"):
        threshold_score("p30", scorer(metadata={}))


@pytest.mark.parametrize("quantiles", [[0.1, 0.2], "text", [0.5, 0.4] + [0.9] * 99, [float("nan")] * 101])
def test_damaged_quantiles_are_refused(quantiles: Any) -> None:
    with pytest.raises(ValueError):
        quantiles_of({"score_quantiles": quantiles})


def test_no_scores_have_no_quantiles() -> None:
    assert score_quantiles([]) is None
