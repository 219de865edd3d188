"""Decoding: every frame once, at times that always increase, and the same frames with any number of threads."""

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import grey_levels, make_video, settle
from hypothesis import given
from hypothesis import strategies as st

from clipselect.media.decoder import Clock, Decoder, monotonic
from clipselect.media.scaling import squash
from clipselect.media.video import VideoFile


@pytest.mark.parametrize(("name", "seekable"), [("late_damage.mkv", True), ("late_damage.h264", False)])
@pytest.mark.parametrize(("from_the_end", "key_frames_every"), [(2, 20), (4, 20), (12, 20), (4, 57)])
def test_damage_near_the_end_loses_the_same_frames_with_any_number_of_threads(
    tmp_path: Path, name: str, seekable: bool, from_the_end: int, key_frames_every: int
) -> None:
    """PyAV gives up what threads still hold after an error at the end."""
    path = make_video(tmp_path / name, 60, options={"bf": "2", "g": str(key_frames_every)}, size=(128, 96))
    with av.open(str(path)) as video:
        packet = [bytes(packet) for packet in video.demux(video=0) if packet.size][-from_the_end]
    path.write_bytes(path.read_bytes().replace(packet, packet[:5] + bytes(len(packet) - 5)))
    seen = []
    for threads in (1, 3, 8, 16):
        source = VideoFile.open(path, threads)
        assert source.seekable is seekable
        source = settle(source)
        levels = grey_levels(source)
        last = len(levels) - 1
        pictures = [int(squash(frame, 16)[2, -2, 0]) for frame in source.pictures(last - 5, last)]
        seen.append((source.timeline.pts.tolist(), levels, pictures))
    assert 60 - from_the_end <= len(seen[0][0]) < (60 if seekable else 61)  # raw H.264 is cut where zeros end
    assert seen == [seen[0]] * 4


def test_damaged_av1_has_the_same_frames_with_any_number_of_threads(tmp_path: Path) -> None:
    """dav1d's threads drop frames after every error."""
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("no encoder")
    path = make_video(tmp_path / "a.mkv", 120, codec="libsvtav1", options={"preset": "12", "g": "30"}, size=(128, 96))
    with av.open(str(path)) as video:
        packets = [bytes(packet) for packet in video.demux(video=0) if packet.size]
    data = path.read_bytes()
    for packet in [packet for packet in packets[10:110] if len(packet) > 20][::12]:
        data = data.replace(packet, packet[: len(packet) // 4] + b"\xff" * (len(packet) - len(packet) // 4))
    path.write_bytes(data)
    seen = []
    for threads in (1, 2, 4, 8):
        source = settle(VideoFile.open(path, threads))
        seen.append((source.timeline.pts.tolist(), grey_levels(source), source.warnings))
    assert 60 < len(seen[0][0]) < 120
    assert seen == [seen[0]] * 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.h264", "a.avi", "a.mpg"])
def test_a_sound_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    codec = {".avi": "mpeg4", ".mpg": "mpeg2video"}.get(Path(name).suffix, "libx264")
    path, passes, frames = make_video(tmp_path / name, 60, codec=codec, options={"bf": "2"}), [], Decoder.frames
    monkeypatch.setattr(Decoder, "frames", lambda self, *how, **more: passes.append(how) or frames(self, *how, **more))
    source = VideoFile.open(path)
    assert len([*source.decode(whole=True)]) == 60
    assert len(passes) == 1


def test_whole_passes_alone_get_more_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = make_video(tmp_path / "a.mp4", 30), list[str]()
    monkeypatch.setattr("clipselect.media.decoder.threads_for_all", lambda stream: asked.append(stream.type) or 4)
    source = VideoFile.open(path)
    list(source.pictures(0, 2))
    list(source.pictures(3, 5))
    list(VideoFile.open(path, threads=1).frames(np.arange(30), 16))
    assert asked == []
    list(source.frames(np.arange(30), 16))
    list(source.frames(np.arange(30), 16, fast=True))
    assert len(asked) == 2


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
def test_clean_times_start_at_zero_strictly_increase_and_are_the_same_one_by_one(
    pts: list[int | None], step: int
) -> None:
    out, clock = monotonic(pts, step, second=1000), Clock(step, second=1000)
    assert out[0] == 0 and len(out) == len(pts) and (np.diff(out) > 0).all()
    one_by_one = np.array([clock.tick(p) for p in pts])
    assert (one_by_one - one_by_one[0]).tolist() == out.tolist()


@given(st.lists(st.integers(1, 500), max_size=30), st.integers(-100, 100))
def test_increasing_times_are_kept_but_for_their_origin(steps: list[int], origin: int) -> None:
    pts = np.cumsum([origin, *steps])
    assert monotonic(pts.tolist(), step=10, second=100).tolist() == (pts - origin).tolist()
