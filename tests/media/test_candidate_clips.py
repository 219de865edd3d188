"""Candidate clips in exact time: every frame where it belongs, none lost, none counted twice by rounding."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ClipselectError
from clipselect.media.candidate_clips import Clip, Seconds, Timeline, candidate_clips, exact_seconds, frames_to_score

HOUR = 3600


def steady(count: int, ticks: int, time_base: Fraction) -> Timeline:
    """`count` frames of `ticks` each."""
    return Timeline(np.arange(count, dtype=np.int64) * ticks, count * ticks, time_base)


def irregular(*pts: int, end: int, base: Fraction = Fraction(1, 10)) -> Timeline:
    return Timeline(np.array(pts, dtype=np.int64), end, base)


PAL = Fraction(1, 12800)  # as in an mp4: 25 frames of 512 ticks a second
NTSC = Fraction(1, 30000)  # 30000/1001 frames a second, 1001 ticks each

timelines = st.builds(
    lambda steps, tail, base: Timeline(np.cumsum([0, *steps]), sum(steps) + tail, base),
    st.lists(st.integers(1, 30) | st.integers(200, 2000), max_size=40),
    st.integers(1, 30) | st.just(900),
    st.sampled_from([Fraction(1, 25), NTSC * 100, Fraction(1, 90), Fraction(7, 3)]),
)
durations = st.sampled_from([0.1, 1, 1.001, 2.5, Fraction(1, 3), Fraction(1001, 1000), 7, 1000])


# --- the grid --------------------------------------------------------------------------------------------------------


def test_windows_by_hand_with_a_back_padded_last_one() -> None:
    # 63 frames at 25 fps are 2.52 s: [0, 1), [1, 2), and, since frames 50 to 62 remain, [1.52, 2.52): frames 38 to 62
    clips = candidate_clips(steady(63, 512, PAL), 1)
    assert clips == [
        Clip(Fraction(0), Fraction(1), 0, 24),
        Clip(Fraction(1), Fraction(2), 25, 49),
        Clip(Fraction(38, 25), Fraction(63, 25), 38, 62),
    ]
    assert [c.frames for c in clips] == [25, 25, 25]


def test_windows_that_fit_need_no_padding() -> None:
    assert [c.start for c in candidate_clips(steady(75, 512, PAL), 1)] == [0, 1, 2]


def test_overlapping_windows_start_every_stride() -> None:
    clips = candidate_clips(steady(75, 512, PAL), 1, 0.4)  # 0.0, 0.4, ..., 2.0 fits to the very end
    assert [c.start for c in clips] == [Fraction(2 * i, 5) for i in range(6)]
    assert all(c.end - c.start == 1 for c in clips)


def test_a_stride_longer_than_a_clip_leaves_seconds_out_but_reaches_the_end() -> None:
    clips = candidate_clips(steady(250, 512, PAL), 1, 4)
    assert [(float(c.start), float(c.end)) for c in clips] == [(0, 1), (4, 5), (8, 9), (9, 10)]


@pytest.mark.parametrize("duration", [1, 0.4, 5])
def test_a_video_no_longer_than_a_clip_is_one_candidate_with_all_its_frames(duration: Seconds) -> None:
    timeline = steady(10, 512, PAL)  # 0.4 s
    assert candidate_clips(timeline, duration) == [Clip(Fraction(0), Fraction(2, 5), 0, 9)]
    assert candidate_clips(timeline, duration, 0.1) == [Clip(Fraction(0), Fraction(2, 5), 0, 9)]


def test_one_frame_is_one_candidate() -> None:
    assert candidate_clips(steady(1, 512, PAL), 1) == [Clip(Fraction(0), Fraction(1, 25), 0, 0)]


@pytest.mark.parametrize("base", [PAL, Fraction(1, 25), Fraction(1, 90000), Fraction(1, 1000)])
def test_a_second_at_25_fps_holds_25_frames_and_never_26(base: Fraction) -> None:
    clips = candidate_clips(steady(25 * HOUR, int(Fraction(1, 25) / base), base), 1)
    assert {c.frames for c in clips} == {25}
    assert [c.first for c in clips] == list(range(0, 25 * HOUR, 25))


@pytest.mark.parametrize("stride", [0.04, 0.1, 0.2, 0.7])
def test_a_second_at_25_fps_holds_25_frames_at_any_start_on_a_frame_or_off_it(stride: float) -> None:
    assert {c.frames for c in candidate_clips(steady(25 * 60, 512, PAL), 1, stride)} == {25}


def test_an_hour_of_ntsc_does_not_drift() -> None:
    timeline = steady(30 * HOUR, 1001, NTSC)
    clips = candidate_clips(timeline, 1)
    assert [c.start for c in clips[:-1]] == list(range(len(clips) - 1))
    assert {c.frames for c in clips} == {29, 30}  # a second is 29.97 frames
    # frame i is shown at i * 1001 / 30000: the first one in [s, s + 1) is ceil(30000 s / 1001)
    assert [c.first for c in clips[:-1]] == [-(-30000 * s // 1001) for s in range(len(clips) - 1)]


@pytest.mark.parametrize("duration", [1.001, Fraction(1001, 1000)])
def test_thirty_ntsc_frames_are_thirty_in_every_window_of_an_hour(duration: Seconds) -> None:
    clips = candidate_clips(steady(30 * HOUR, 1001, NTSC), duration)
    assert len(clips) == HOUR
    assert {c.frames for c in clips} == {30}
    assert clips[-1].start == (HOUR - 1) * Fraction(1001, 1000)


def test_times_are_exact_fractions() -> None:
    clips = candidate_clips(steady(3000, 1001, NTSC), 0.3, 0.1)
    assert all(type(c.start) is Fraction and type(c.end) is Fraction for c in clips)
    assert clips[7].start == Fraction(7, 10)
    assert clips[7].end == 1


def test_a_window_without_a_frame_is_left_out() -> None:
    # frames at 0, 0.5 and 5 s: nothing new is shown from 1 to 5 s
    clips = candidate_clips(irregular(0, 5, 50, end=60), 1)
    assert [(float(c.start), c.first, c.last) for c in clips] == [(0, 0, 1), (5, 2, 2)]


def test_a_still_at_the_end_adds_no_empty_window() -> None:
    clips = candidate_clips(irregular(0, 5, end=95), 1)
    assert [(float(c.start), c.first, c.last) for c in clips] == [(0, 0, 1)]


@given(timelines, durations, durations | st.none())
def test_every_candidate_lies_in_the_video_and_holds_exactly_the_frames_of_its_window(
    timeline: Timeline, duration: Seconds, stride: Seconds | None
) -> None:
    clips = candidate_clips(timeline, duration, stride)
    times = [int(p) * timeline.time_base for p in timeline.pts]
    assert clips
    for clip in clips:
        assert 0 <= clip.start < clip.end <= timeline.duration
        inside = [i for i, t in enumerate(times) if clip.start <= t < clip.end]
        assert inside == list(range(clip.first, clip.last + 1))
        assert clip.frames == len(inside) >= 1
    assert all(a.start < b.start for a, b in pairwise(clips))
    assert len({c.end - c.start for c in clips}) == 1


@given(timelines, durations, durations | st.none())
def test_the_candidates_cover_every_frame_unless_the_stride_is_longer_than_a_clip(
    timeline: Timeline, duration: Seconds, stride: Seconds | None
) -> None:
    stride = duration if stride is None else min(stride, duration)
    clips = candidate_clips(timeline, duration, stride)
    assert {i for c in clips for i in range(c.first, c.last + 1)} == set(range(len(timeline.pts)))


# --- bad values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, -1, 0.0, -0.5, Fraction(-1, 3), math.nan, math.inf, -math.inf])
def test_a_duration_or_stride_that_is_not_a_positive_number_is_an_error_that_names_it(bad: Seconds) -> None:
    timeline = steady(100, 512, PAL)
    with pytest.raises(ClipselectError, match="clip_duration must be a positive"):
        candidate_clips(timeline, bad)
    with pytest.raises(ClipselectError, match="stride must be a positive"):
        candidate_clips(timeline, 1, bad)


@pytest.mark.parametrize("stride", [1e-9, 5e-324, Fraction(1, 10**9)])
def test_too_small_a_stride_is_an_error_that_names_it(stride: Seconds) -> None:
    with pytest.raises(ClipselectError, match=r"stride of .* larger stride"):
        candidate_clips(steady(100, 512, PAL), 1, stride)


def test_a_float_is_the_decimal_that_was_written() -> None:
    assert exact_seconds(0.1, "x") == Fraction(1, 10)
    assert exact_seconds(np.float64(0.1), "x") == Fraction(1, 10)
    assert exact_seconds(1e-3, "x") == Fraction(1, 1000)
    assert exact_seconds(3, "x") == 3
    assert exact_seconds(Fraction(1001, 30000), "x") == Fraction(1001, 30000)


# --- frames to score -------------------------------------------------------------------------------------------------


def test_frames_to_score_by_hand() -> None:
    timeline = steady(16, 1, Fraction(1, 8))  # 8 fps, 2 s
    # [0, 1) in 4 parts has its middles at 1/8, 3/8, 5/8, 7/8 s: frames 1, 3, 5, 7; in 1 part at 1/2 s: frame 4
    clip = candidate_clips(timeline, 1)[0]
    assert frames_to_score(timeline, clip, 4).tolist() == [1, 3, 5, 7]
    assert frames_to_score(timeline, clip, 1).tolist() == [4]
    assert frames_to_score(timeline, candidate_clips(timeline, 1)[1], 4).tolist() == [9, 11, 13, 15]


def test_a_clip_with_few_frames_repeats_them() -> None:
    timeline = steady(2, 1, Fraction(1, 2))
    assert frames_to_score(timeline, candidate_clips(timeline, 1)[0], 8).tolist() == [0] * 4 + [1] * 4


def test_a_long_still_is_looked_at_for_as_long_as_it_is_shown() -> None:
    # frame 0 for 0.1 s, frame 1 for 0.1 s, frame 2 for 0.8 s; the middles are 0.125, 0.375, 0.625 and 0.875 s
    timeline = irregular(0, 1, 2, end=10)
    assert frames_to_score(timeline, candidate_clips(timeline, 1)[0], 4).tolist() == [1, 2, 2, 2]


def test_a_frame_of_the_window_before_is_not_looked_at() -> None:
    # in [1, 2) frame 0 is on screen until frame 1 comes at 1.8 s: only frame 1 belongs to the clip
    timeline = irregular(0, 18, end=20)
    clip = candidate_clips(timeline, 1)[1]
    assert (clip.first, clip.last) == (1, 1)
    assert frames_to_score(timeline, clip, 4).tolist() == [1, 1, 1, 1]


@given(timelines, durations, durations, st.integers(1, 9))
def test_the_frame_on_screen_in_the_middle_of_every_part_is_scored(
    timeline: Timeline, duration: Seconds, stride: Seconds, count: int
) -> None:
    times = [int(p) * timeline.time_base for p in timeline.pts]
    for clip in candidate_clips(timeline, duration, stride)[:20]:
        part = (clip.end - clip.start) / count
        expected = []
        for i in range(count):
            middle = clip.start + part * i + part / 2
            shown = max(j for j, t in enumerate(times) if t <= middle)
            expected.append(min(max(shown, clip.first), clip.last))
        frames = frames_to_score(timeline, clip, count).tolist()
        assert frames == expected
        assert frames == sorted(frames)
        assert clip.first <= frames[0] <= frames[-1] <= clip.last


# --- timelines -------------------------------------------------------------------------------------------------------


def test_duration_and_first_frame_of_a_timeline() -> None:
    timeline = irregular(0, 5, 50, end=60)
    assert timeline.duration == 6
    at = [Fraction(0), Fraction(1, 2), Fraction(51, 100), Fraction(5), Fraction(501, 100), Fraction(6), Fraction(99)]
    assert [timeline.first_at_or_after(t) for t in at] == [0, 1, 2, 2, 3, 3, 3]
