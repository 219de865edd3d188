"""Faces of videos that the tests make: numbers, times and crops, damaged files, tracks from elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from helpers.training_data import damaged
from helpers.videos import make_video
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, VideoError
from clipselect.faces.detection import Detections, Face
from clipselect.faces.video_faces import faces_of_tracks, faces_of_video
from clipselect.media.progress import Progress


def test_faces_of_a_video_are_tracked_with_their_frames_and_times(tmp_path: Path) -> None:
    video = make_video(tmp_path / "two.mp4", 10)

    def detect(frame: NDArray[np.uint8]) -> Detections:
        assert frame.shape == (48, 64, 3)
        return Detections((Face((2.0, 2.0, 20.0, 20.0), 1.0), Face((40.0, 20.0, 22.0, 22.0), 0.9)), too_small=1)

    found = faces_of_video(video, detect, every=2, shortest=3)
    assert (found.frames, found.too_small) == (5, 5)
    assert [len(track.crops) for track in found.tracks] == [5, 5]
    assert [origin.frame for origin in found.tracks[0].origins] == [0, 2, 4, 6, 8]
    assert [origin.time for origin in found.tracks[0].origins] == pytest.approx([0, 0.08, 0.16, 0.24, 0.32])
    assert not found.tracks[0].by_landmarks
    # the first face lies in the red quarter of the picture, the second in its blue half
    assert found.tracks[0].crops[0].mean((0, 1)).argmax() == 0
    assert found.tracks[1].crops[0].mean((0, 1)).argmax() == 2


def test_faces_of_known_tracks_are_those_that_the_detector_would_have_found(tmp_path: Path) -> None:
    video = make_video(tmp_path / "two.mp4", 6)
    one, other = Face((2.0, 2.0, 20.0, 20.0), 1.0), Face((40.0, 20.0, 22.0, 22.0), 0.9)
    detected = faces_of_video(video, lambda _: Detections((one, other))).tracks
    known = faces_of_tracks(video, [dict.fromkeys(range(6), one), {4: other, 1: other}])
    assert known[0].origins == detected[0].origins
    np.testing.assert_array_equal(known[0].crops, detected[0].crops)
    assert [origin.frame for origin in known[1].origins] == [1, 4]
    np.testing.assert_array_equal(known[1].crops, [detected[1].crops[1], detected[1].crops[4]])
    with pytest.raises(VideoError, match=r"two.mp4: frame 6, which a track names, is not there"):
        faces_of_tracks(video, [{6: one}])


def test_frames_that_do_not_decode_leave_a_gap_in_numbers_and_times(tmp_path: Path) -> None:
    broken = damaged(tmp_path / "broken.mp4", 0.3, 0.4)
    corner = Face((80.0, 8.0, 30.0, 30.0), 1.0)  # whose grey level is the number of the frame
    found = faces_of_video(broken, lambda _: Detections((corner,)))
    (sentence,) = found.warnings
    assert sentence.startswith("broken at 1.") and sentence.endswith("frames decode, and only those were looked at")
    crops = {origin.frame: crop for track in found.tracks for origin, crop in zip(track.origins, track.crops)}  # noqa: B905
    assert 50 < len(crops) == found.frames < 100 and max(crops) == 99
    undamaged = [n for n in crops if n < 20 or n > 60]
    assert len(undamaged) > 40
    for number in undamaged:
        assert crops[number][:, :, 1].mean() == pytest.approx(40 + (number * 13) % 160, abs=4)
    assert all(o.time == pytest.approx(o.frame / 25) for track in found.tracks for o in track.origins if o.frame)
    (again,) = faces_of_tracks(broken, [{99: corner}])
    np.testing.assert_array_equal(again.crops[0], crops[99])


def test_progress_counts_frames_and_options_out_of_range_are_named(tmp_path: Path) -> None:
    video, shown = make_video(tmp_path / "v.mp4", 6), list[Progress]()
    faces_of_video(video, lambda _: Detections(()), every=2, progress=shown.append)
    assert [(one.done, one.total) for one in shown] == [(0, 6), (2, 6), (4, 6), (6, 6)]
    for option in ("every", "shortest"):
        with pytest.raises(ArgumentError, match=option):
            faces_of_video(video, lambda _: Detections(()), **{option: 0})
