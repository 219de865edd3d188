"""Frames of training videos are the same from the disk as from the video."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.frame_caches import PLENTY, cache, files, held, images, levels
from helpers.training_data import damaged, film
from helpers.videos import make_video, picture
from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.geometry import Geometry
from clipselect.media.video import VideoFile
from clipselect.training import frame_cache
from clipselect.training.frame_cache import HEADER_BYTES, FrameCache


@given(st.fractions(-1, 5, max_denominator=50), st.fractions("1/50", 3, max_denominator=50), st.integers(1, 6))
def test_a_clip_is_the_same_with_and_without_room_on_the_disk(
    caches: tuple[str, FrameCache, FrameCache], start: Fraction, length: Fraction, frames: int
) -> None:
    video, kept, none = caches
    frame_cache._opened.cache_clear()
    clip = kept.clip(video, start, length, frames)
    assert clip.shape == (frames, 16, 16, 3) and clip.dtype == np.uint8
    assert np.array_equal(clip, none.clip(video, start, length, frames))
    assert kept.duration(video) == none.duration(video) and held(none.folder) == 0 < held(kept.folder)


def test_a_clip_holds_what_is_on_screen_in_the_middle_of_equal_parts(tmp_path: Path) -> None:
    video = str(make_video(tmp_path / "v.mp4", 50))
    # [0.4, 0.8) in two parts: 0.5 and 0.7 s, where frames 12 and 17 of 25 a second are shown
    clip = cache(tmp_path / "s").clip(video, Fraction("0.4"), Fraction("0.4"), 2)
    assert levels(clip) == pytest.approx([40 + 12 * 13 % 160, 40 + 17 * 13 % 160], abs=4)


def test_a_window_beyond_an_end_is_moved_and_one_that_is_too_long_is_cut(tmp_path: Path) -> None:
    video, frames = str(make_video(tmp_path / "v.mp4", 50)), cache(tmp_path / "s")
    one = Fraction(1)
    assert np.array_equal(frames.clip(video, Fraction(-5), one, 4), frames.clip(video, Fraction(0), one, 4))
    assert np.array_equal(frames.clip(video, Fraction(9), one, 4), frames.clip(video, one, one, 4))
    assert np.array_equal(frames.clip(video, one, Fraction(9), 4), frames.clip(video, Fraction(0), Fraction(2), 4))


@pytest.mark.parametrize(
    ("geometry", "shape"),
    [(Geometry(99), (16, 32)), (Geometry(64, crops=3), (16, 32)), (Geometry((128, 171)), (16, 21))],
)
def test_what_is_cropped_later_is_cached_whole_and_apart(
    tmp_path: Path, geometry: Geometry, shape: tuple[int, int]
) -> None:
    video, window = str(make_video(tmp_path / "v.mp4", 50, size=(96, 48))), (Fraction(0), Fraction(1), 4)
    squashed = cache(tmp_path / "s").clip(video, *window)
    kept = replace(cache(tmp_path / "s"), geometry=geometry)
    assert squashed.shape == (4, 16, 16, 3) and kept.clip(video, *window).shape == (4, *shape, 3)
    assert sorted(np.load(file).shape[1:3] for file in files(tmp_path / "s")) == sorted([(16, 16), shape])
    none = replace(cache(tmp_path / "n", limit=0), geometry=geometry)
    for start in (Fraction(0), Fraction(1)):  # decoded from end to end, and then by seeking
        assert np.array_equal(kept.clip(video, start, *window[1:]), none.clip(video, start, *window[1:]))
    sizes = sum(np.load(file).nbytes + HEADER_BYTES for file in files(tmp_path / "s"))
    assert held(tmp_path / "s") == sizes
    assert not kept.ledger.reserve("more", PLENTY - sizes + 1, PLENTY)  # all of them count


def test_a_kept_video_is_not_opened_again(tmp_path: Path, opened: list[str]) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    first = cache(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4)
    again = cache(tmp_path / "s")
    assert np.array_equal(again.clip(video, Fraction(0), Fraction(1), 4), first)
    assert again.duration(video) == Fraction(12, 25) and opened == ["v.mp4"]


def test_a_video_without_room_is_opened_once_for_a_clip(tmp_path: Path, opened: list[str]) -> None:
    cache(tmp_path / "s", limit=0).clip(str(film(tmp_path / "v.mp4", "a", 0)), Fraction(0), Fraction(1), 4)
    assert opened == ["v.mp4"]


def test_the_containers_of_videos_without_room_are_not_read_for_every_clip(tmp_path: Path, opened: list[str]) -> None:
    videos = [str(film(tmp_path / f"{i}.mp4", "a", i)) for i in range(3)]
    frames = cache(tmp_path / "s", limit=0)
    for _ in range(3):
        for video in videos:
            frames.clip(video, Fraction(0), Fraction(1), 4)
    assert opened == ["0.mp4", "1.mp4", "2.mp4"]
    film(tmp_path / "1.mp4", "b", 7, 20)
    assert frames.duration(videos[1]) == Fraction(20, 25) and opened[3:] == ["1.mp4"]


def test_a_video_without_room_is_decoded_from_end_to_end_once_for_all_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    whole = VideoFile.converted
    monkeypatch.setattr(VideoFile, "converted", lambda self, *how: passes.append(1) or whole(self, *how))
    video = str(damaged(tmp_path / "hole.mp4", 0.3, 0.4))
    for _ in range(3):
        frame_cache._opened.cache_clear()  # as in another process
        cache(tmp_path / "s", limit=0).clip(video, Fraction(1), Fraction(1), 4)
    assert len(passes) == 3  # one that leaves frames out, one that differs from the index, one as it is


def test_a_video_that_found_no_room_is_kept_once_there_is_some(tmp_path: Path) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    before = cache(tmp_path / "s", limit=0).clip(video, Fraction(0), Fraction(1), 4)
    assert not files(tmp_path / "s")
    assert np.array_equal(cache(tmp_path / "s").clip(video, Fraction(0), Fraction(1), 4), before)
    assert len(files(tmp_path / "s")) == 1


def test_a_changed_video_is_read_again(tmp_path: Path, opened: list[str]) -> None:
    video = str(film(tmp_path / "v.mp4", "a", 0))
    frames = cache(tmp_path / "s")
    before = frames.clip(video, Fraction(0), Fraction(1), 4)
    film(tmp_path / "v.mp4", "b", 1)
    os.utime(video, ns=(1, 1))
    after = frames.clip(video, Fraction(0), Fraction(1), 4)
    assert not np.array_equal(before, after) and len(opened) == 2


def test_a_changed_image_of_a_folder_of_frames_is_read_again(tmp_path: Path) -> None:
    images(tmp_path / "v", 5)
    frames = cache(tmp_path / "s")
    assert frames.duration(str(tmp_path / "v")) == Fraction(5, 25)
    before = frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1)
    av.VideoFrame.from_ndarray(picture(9), format="rgb24").to_image().save(tmp_path / "v" / "2.png")
    os.utime(tmp_path / "v" / "2.png", ns=(10**18 * 4, 10**18 * 4))
    assert not np.array_equal(frames.clip(str(tmp_path / "v"), Fraction(0), Fraction(1), 1), before)
