"""The pixels of clips at any size and number of frames."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.videos import expected_levels, make_damaged_video, make_video, settle, write_display_matrix
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError, VideoError
from clipselect.media.candidate_clips import Clip, Timeline, frames_to_score
from clipselect.media.clip_tensors import clip_arrays
from clipselect.media.scaling import upright
from clipselect.media.sources import Source, open_source


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 frames with a key frame every 50."""
    return make_video(tmp_path_factory.mktemp("long") / "long.mp4", 400, options={"g": "50"})


class CountedSource:
    """A source that remembers which frames were decoded."""

    def __init__(self, source: Source) -> None:
        self.source, self.passes = source, list[tuple[int, int]]()

    def pictures(self, first: int, last: int) -> Any:
        self.passes.append((first, last))
        return self.source.pictures(first, last)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


def clip_of(source: Source, first: int, last: int) -> Clip:
    timeline = source.timeline
    end = timeline.end if last + 1 == len(timeline.pts) else int(timeline.pts[last + 1])
    return Clip(int(timeline.pts[first]) * timeline.time_base, end * timeline.time_base, first, last)


def levels(array: Any) -> list[int]:
    """The grey of every frame's top right corner, which shows its number."""
    return [int(frame[frame.shape[0] // 8, -frame.shape[1] // 8, 0]) for frame in array]


def assert_frames(array: Any, wanted: Any) -> None:
    expected = expected_levels(1000)
    assert np.abs(np.subtract(levels(array), [expected[i] for i in wanted])).max() <= 6


def test_all_frames_or_a_number_of_them_come_at_full_size(long_video: Path) -> None:
    source = open_source(long_video)
    clips = [clip_of(source, 0, 24), clip_of(source, 30, 39), clip_of(source, 390, 399)]
    arrays = [*clip_arrays(source, clips)]
    assert [array.shape for array in arrays] == [(25, 48, 64, 3), (10, 48, 64, 3), (10, 48, 64, 3)]
    for array, clip in zip(arrays, clips, strict=True):
        assert array.dtype == np.uint8 and array.flags.c_contiguous
        assert_frames(array, range(clip.first, clip.last + 1))
    [first] = source.pictures(390, 390)
    assert (arrays[2][0] == upright(first)).all()
    for array, clip in zip(clip_arrays(source, clips, 16), clips, strict=True):
        assert_frames(array, frames_to_score(source.timeline, clip, 16))


def test_near_clips_are_decoded_in_one_pass_and_far_ones_by_seeking(long_video: Path) -> None:
    counted = CountedSource(open_source(long_video))
    near, far = [clip_of(counted.source, i, i + 9) for i in (20, 60)], clip_of(counted.source, 380, 389)
    assert len([*clip_arrays(counted, [*near, far])]) == 3
    assert counted.passes == [(20, 69), (380, 389)]
    counted.passes.clear()
    assert len([*clip_arrays(counted, [far, *near])]) == 3  # the order of the caller
    assert counted.passes == [(380, 389), (20, 69)]
    unseekable = CountedSource(replace(open_source(long_video), seekable=False))  # type: ignore[type-var]
    assert len([*clip_arrays(unseekable, [*near, far])]) == 3
    assert unseekable.passes == [(20, 389)]


@given(st.lists(st.tuples(st.integers(0, 399), st.integers(1, 60)), max_size=6), st.none() | st.integers(1, 20))
def test_any_clips_in_any_order_hold_their_frames(
    long_video: Path, spans: list[tuple[int, int]], count: int | None
) -> None:
    source = open_source(long_video)
    clips = [clip_of(source, first, min(first + length, 400) - 1) for first, length in spans]
    arrays = [*clip_arrays(source, clips, count, size=8)]
    assert len(arrays) == len(clips)
    for array, clip in zip(arrays, clips, strict=True):
        wanted = range(clip.first, clip.last + 1) if count is None else frames_to_score(source.timeline, clip, count)
        assert array.shape == (len(wanted), 8, 8, 3)
        assert_frames(array, wanted)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"size": 32}, (32, 32)),
        ({"size": (20, 70)}, (20, 70)),
        ({"size": np.int64(32)}, (32, 32)),
        ({"short_side": 24}, (24, 32)),
        ({"short_side": 96}, (96, 128)),
        ({}, (48, 64)),
    ],
)
def test_sizes(video: Path, tmp_path: Path, size: dict[str, Any], expected: tuple[int, int]) -> None:
    source = open_source(make_video(tmp_path / "a.mp4"))
    [array] = clip_arrays(source, [clip_of(source, 3, 6)], **size)
    assert array.shape == (4, *expected, 3)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes((tmp_path / "a.mp4").read_bytes())
    write_display_matrix(turned, 0, 1, -1, 0)
    source = open_source(turned)
    [array] = clip_arrays(source, [clip_of(source, 3, 6)], **size)
    assert array.shape == (4, *(expected if "size" in size else expected[::-1]), 3)
    red = array[0, array.shape[1] // 8, -array.shape[2] // 8].astype(int)  # the top left quarter, turned clockwise
    assert red[0] > 150 and red[1] < 90


def test_the_short_side_is_of_the_picture_as_shown(tmp_path: Path) -> None:
    wide = open_source(make_video(tmp_path / "wide.mp4", pixel_aspect=Fraction(2)))  # 64 x 48, shown as 128 x 48
    [array] = clip_arrays(wide, [clip_of(wide, 0, 1)], short_side=24)
    assert array.shape == (2, 24, 64, 3)


def test_images_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    for i, side in enumerate((32, 48)):
        image = av.VideoFrame.from_ndarray(np.full((side, side, 3), 90, np.uint8), "rgb24").to_image()
        image.save(tmp_path / f"{i}.png")
    source = open_source(tmp_path)
    [array] = clip_arrays(source, [clip_of(source, 0, 1)])
    assert array.shape == (2, 32, 32, 3) and (array == 90).all()


def test_the_clips_of_a_damaged_video_are_those_that_were_scored(tmp_path: Path) -> None:
    path = make_damaged_video(tmp_path / "damaged.mp4")
    source = settle(open_source(path))
    count = len(source.timeline.pts)
    assert count < 100
    [every] = clip_arrays(source, [clip_of(source, 0, count - 1)], size=16)
    [last] = clip_arrays(source, [clip_of(source, count - 5, count - 1)], size=16)
    assert (every[-5:] == last).all()


def test_a_video_that_breaks_off_is_named(long_video: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    source = open_source(make_video(path, 200, options={"g": "20"}))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"a\.mkv.*changed"):
        _ = [*clip_arrays(source, [clip_of(source, 0, 10), clip_of(source, 180, 190)])]


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"num_frames": 0}, "num_frames"),
        ({"num_frames": 8.0}, "num_frames"),
        ({"num_frames": 10**9}, "num_frames"),
        ({"size": 0}, "size"),
        ({"size": (1, 2, 3)}, "size"),
        ({"size": (0, 5)}, "size"),
        ({"size": True}, "size"),
        ({"size": "112"}, "size"),
        ({"short_side": -1}, "short_side"),
        ({"short_side": 10**6}, "short_side"),
        ({"short_side": 5, "size": 5}, "short_side"),
    ],
)
def test_arguments_that_make_no_sense_are_named_at_once(video: Path, options: dict[str, Any], argument: str) -> None:
    source = open_source(video)
    with pytest.raises(ArgumentError) as caught:
        clip_arrays(source, [clip_of(source, 0, 5)], **options)
    assert caught.value.argument == argument


def test_no_clips_are_no_arrays(video: Path) -> None:
    assert [*clip_arrays(open_source(video), [])] == []


def test_frames_of_an_uneven_clock_are_those_on_screen(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "a.mkv", [0, 1, 2, 50, 51, 90], time_base=Fraction(1, 100)))
    assert isinstance(source.timeline, Timeline)
    [array] = clip_arrays(source, [Clip(Fraction(0), Fraction(1), 0, 5)], 4)
    assert_frames(array, [2, 2, 4, 4])
