"""Presentation times that always increase, whatever a container says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.decoder import Clock, monotonic


@pytest.mark.parametrize(
    ("pts", "expected"),
    [
        ([10, 20, 30], [0, 10, 20]),  # counted from the first frame
        ([10, 20, None, 40], [0, 10, 20, 30]),  # a missing time follows by a step
        ([None, None, None], [0, 10, 20]),
        ([10, 20, 20, 40], [0, 10, 11, 30]),  # twice the same time
        ([10, 20, 15, 40], [0, 10, 11, 30]),  # a small step back
        ([0, 1000, 900, 1010], [0, 1000, 1001, 1010]),  # a step back of exactly a second is still small
        ([0, 1000, 899, 909], [0, 1000, 1010, 1020]),  # more than a second: a new start, the clock runs on
        ([0, 1000, 0, 10, 500, 0, 40], [0, 1000, 1010, 1020, 1510, 1520, 1560]),  # two joins
        ([0, 1000, 0, None, 20], [0, 1000, 1010, 1020, 1030]),
        ([-20, -10, 0], [0, 10, 20]),  # an edit list
        ([5], [0]),
        ([], []),
    ],
)
def test_clean_times_by_hand(pts: list[int | None], expected: list[int]) -> None:
    out = monotonic(pts, step=10, second=100)
    assert out.tolist() == expected
    assert out.dtype == np.int64


@given(st.lists(st.none() | st.integers(-5000, 5000), min_size=1, max_size=30), st.integers(1, 50))
def test_clean_times_start_at_zero_and_strictly_increase(pts: list[int | None], step: int) -> None:
    out = monotonic(pts, step, second=1000)
    assert out[0] == 0
    assert len(out) == len(pts)
    assert (np.diff(out) > 0).all()


@given(st.lists(st.integers(1, 500), max_size=30), st.integers(-100, 100))
def test_increasing_times_are_kept_but_for_their_origin(steps: list[int], origin: int) -> None:
    pts = np.cumsum([origin, *steps])
    assert monotonic(pts.tolist(), step=10, second=100).tolist() == (pts - origin).tolist()


@given(st.lists(st.none() | st.integers(-5000, 5000), min_size=1, max_size=30))
def test_frames_one_by_one_get_the_same_times(pts: list[int | None]) -> None:
    clock = Clock(step=10, second=1000)
    one_by_one = np.array([clock.tick(p) for p in pts])
    assert (one_by_one - one_by_one[0]).tolist() == monotonic(pts, step=10, second=1000).tolist()
