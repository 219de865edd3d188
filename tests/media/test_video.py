"""Video files: the right frames at the right times, in one pass."""

import gc
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import assert_all_frames, expected_levels, grey_levels, make_uneven_video, make_video, seconds

from clipselect.media.candidate_clips import candidate_clips
from clipselect.media.scaling import squash
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("plain.mp4", {}),
        ("b_frames.mp4", {"options": {"bf": "3", "g": "12"}}),
        ("no_duration.mkv", {"container_options": {"live": "1"}}),
        ("matroska.mkv", {}),
        ("broadcast.ts", {}),
        ("raw.h264", {}),
        ("ten_bit.mp4", {"pix_fmt": "yuv420p10le"}),
        ("odd.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p", "size": (65, 49)}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("sound.mp4", {"audio_seconds": 4}),
        ("two_streams.mp4", {"video_streams": 2}),
        ("tall pixels.mp4", {"pixel_aspect": Fraction(2, 1)}),
        ("mit Leerzeichen, größer 視頻.mp4", {}),
        ("100%_#1?.mp4", {}),
    ],
)
def test_every_frame_at_its_time(tmp_path: Path, name: str, settings: dict) -> None:
    source = open_source(make_video(tmp_path / name, 50, **settings))
    assert_all_frames(source, 50)
    assert seconds(source) == pytest.approx([i / 25 for i in range(50)], abs=0.002)
    assert float(source.timeline.duration) == pytest.approx(2.0, abs=0.002)
    assert source.warnings == ()


def test_variable_frame_rate_keeps_every_frames_time(tmp_path: Path) -> None:
    ticks = [0, 10, 20, 500, 510, 1500, 2990]
    source = open_source(make_video(tmp_path / "vfr.mkv", ticks, time_base=Fraction(1, 1000)))
    assert seconds(source) == pytest.approx([t / 1000 for t in ticks])
    assert_all_frames(source, len(ticks))


def test_start_time_is_reported_and_times_count_from_the_first_frame(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "late.mkv", range(75, 125)))
    assert float(source.start_time) == pytest.approx(3.0)
    assert seconds(source)[0] == 0
    assert float(source.timeline.duration) == pytest.approx(2.0, abs=0.002)


def test_lying_header_duration_is_not_believed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "liar.mp4", 50)
    data = bytearray(path.read_bytes())
    at = data.index(b"mvhd") + 4 + 16
    data[at : at + 4] = (3_600_000).to_bytes(4, "big")
    for box, offset in ((b"tkhd", 20), (b"mdhd", 16)):
        where = data.index(box) + 4 + offset
        data[where : where + 4] = (3_600_000).to_bytes(4, "big")
    path.write_bytes(data)
    source = open_source(path)
    assert float(source.timeline.duration) == pytest.approx(2.0, abs=0.05)
    assert_all_frames(source, 50)


def test_audio_longer_than_video_adds_no_candidates(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "sound.mp4", 50, audio_seconds=6))
    assert [float(c.end) for c in candidate_clips(source.timeline, 1)] == [1, 2]


def test_pixel_aspect_is_part_of_the_aspect(tmp_path: Path) -> None:
    assert open_source(make_video(tmp_path / "a.mp4", 2, pixel_aspect=Fraction(2))).aspect == pytest.approx(128 / 48)


def test_one_frame_and_identical_frames(tmp_path: Path) -> None:
    one = open_source(make_video(tmp_path / "one.mp4", 1))
    assert len(candidate_clips(one.timeline, 1)) == 1
    assert_all_frames(one, 1)
    still = open_source(make_video(tmp_path / "still.mp4", 50, still=True))
    assert len(set(grey_levels(still))) == 1


def test_only_wanted_frames_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(make_video(tmp_path / "a.mp4", 50))
    converted = []
    monkeypatch.setattr(
        "clipselect.media.video.squash", lambda frame, size: converted.append(frame.pts) or squash(frame, size)
    )
    assert [i for i, _ in source.frames(np.array([3, 17, 49]), 16)] == [3, 17, 49]
    assert len(converted) == 3


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv"])
def test_seeking_gives_the_same_frames_as_decoding_from_the_start(tmp_path: Path, name: str) -> None:
    source = open_source(make_video(tmp_path / name, 120, options={"g": "25", "bf": "2"}))
    for first, last in ((0, 5), (30, 54), (60, 60), (119, 119), (80, 119)):
        levels = [int(squash(f, 16)[2, -2, 0]) for f in source.pictures(first, last)]
        assert np.abs(np.subtract(levels, expected_levels(120)[first : last + 1])).max() <= 6
        assert len(levels) == last - first + 1


def test_a_seek_that_breaks_off_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(make_video(tmp_path / "a.mp4", 60, options={"g": "20"}))
    assert isinstance(source, VideoFile)
    whole = VideoFile.decode

    def broken(self: VideoFile, seek_to: int | None = None, **how: bool) -> Iterator[av.VideoFrame]:
        for frame in whole(self, seek_to, **how):
            if seek_to is not None and frame.pts >= self.timeline.pts[27]:
                raise av.error.InvalidDataError(1, "cannot go on")
            yield frame

    monkeypatch.setattr(VideoFile, "decode", broken)
    levels = [int(squash(f, 16)[2, -2, 0]) for f in source.pictures(25, 34)]
    assert np.abs(np.subtract(levels, expected_levels(60)[25:35])).max() <= 6


def test_frames_are_let_go_of_as_soon_as_they_are_seen(tmp_path: Path) -> None:
    """Without waiting for Python's search for circles: the frames of an hour would wait as well."""
    source = open_source(make_uneven_video(tmp_path / "uneven.mkv"))
    assert isinstance(source, VideoFile)

    def alive() -> int:
        return sum(isinstance(o, av.VideoFrame) for o in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()  # by other tests of the process
        for read in (source.frames, partial(source.frames, fast=True)):
            for _ in read(np.arange(len(source.timeline.pts)), 16):
                pass
            assert alive() < before + 5
    finally:
        gc.enable()
