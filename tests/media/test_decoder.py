"""Decoding: every frame once, and the same frames with any number of threads."""

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import grey_levels, make_video, settle

from clipselect.media.decoder import Decoder
from clipselect.media.pixels import squash
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
