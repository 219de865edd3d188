"""One axis for scores everywhere: small differences look small, and do not vanish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.pages.axis import score_axis

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(SCORES)
def test_the_axis_holds_all_scores_and_is_never_short(scores: list[float]) -> None:
    axis = score_axis(scores)
    assert 0 <= axis.low <= min(scores) + 1e-6 and max(scores) - 1e-6 <= axis.high <= 1
    assert axis.high - axis.low >= 0.25 - 1e-9
    heights = [axis.height(score) for score in sorted(scores)]
    assert heights == sorted(heights) and heights[0] >= 0 and heights[-1] <= 1


@pytest.mark.parametrize(("spread", "least", "most"), [(0.0, 0, 0), (0.018, 0.02, 0.1), (0.1, 0.3, 0.5), (0.3, 0.7, 1)])
def test_a_spread_looks_as_large_as_it_is(spread: float, least: float, most: float) -> None:
    axis = score_axis([0.51, 0.51 + spread])
    assert least <= axis.height(0.51 + spread) - axis.height(0.51) <= most


def test_one_candidate_is_in_the_middle() -> None:
    assert 0.3 < score_axis([0.52]).height(0.52) < 0.7
