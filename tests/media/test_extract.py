"""Extracted clips hold exactly their frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import expected_levels, grey_levels, make_video, seconds, settle, write_display_matrix

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import Clip, candidate_clips
from clipselect.media.extract import clip_file_name, extract_clip
from clipselect.media.sources import open_source


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.h264"])
def test_the_frames_of_every_clip_and_no_other(tmp_path: Path, name: str) -> None:
    source = open_source(make_video(tmp_path / name, 60, options={"g": "25", "bf": "2"}))
    for clip in candidate_clips(source.timeline, 1, 0.7):
        extract_clip(source, clip, tmp_path / "clip.mp4")
        found = settle(open_source(tmp_path / "clip.mp4"))
        assert np.abs(np.subtract(grey_levels(found), expected_levels(60)[clip.first : clip.last + 1])).max() <= 6


def test_frames_keep_their_distances_in_time(tmp_path: Path) -> None:
    ticks = [0, 100, 130, 500, 540, 900, 1000]
    source = open_source(make_video(tmp_path / "uneven.mkv", ticks, time_base=Fraction(1, 1000)))
    extract_clip(source, Clip(Fraction(1, 10), Fraction(1), 1, 5), tmp_path / "clip.mp4")
    found = seconds(open_source(tmp_path / "clip.mp4"))
    assert found == pytest.approx([0, 0.03, 0.4, 0.44, 0.8], abs=0.002)


def test_a_turned_picture_is_extracted_upright_and_an_odd_size_even(tmp_path: Path) -> None:
    path = make_video(tmp_path / "phone.mp4", 10, size=(64, 46))
    write_display_matrix(path, 0, 1, -1, 0)
    source = open_source(path)
    extract_clip(source, candidate_clips(source.timeline, 1)[0], tmp_path / "clip.mp4")
    frame = next(open_source(tmp_path / "clip.mp4").pictures(0, 0))
    assert (frame.width, frame.height) == (46, 64)


def test_a_video_that_lost_frames_since_leaves_no_file(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 50)
    source = open_source(path)
    make_video(path, 30)
    with pytest.raises(VideoError, match=r"a\.mp4: 5 of the 25 frames"):
        extract_clip(source, candidate_clips(source.timeline, 1)[1], tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_a_very_long_name_is_cut() -> None:
    name = clip_file_name("é" * 300, 3, Clip(Fraction(0), Fraction(1, 3), 0, 7))
    assert len(name.encode()) < 255 and name.endswith("é_rank03_0.00s-0.33s.mp4")
