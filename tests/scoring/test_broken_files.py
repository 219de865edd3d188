"""Files that are cut, damaged, or no videos at all."""

import socket
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.videos import expected_levels, grey_levels, make_video, picture, seconds, settle

from clipselect.errors import VideoError
from clipselect.media import container
from clipselect.media.sources import open_source
from clipselect.media.squash import squash
from clipselect.media.video import ReadAgain, VideoFile


def test_an_intact_file_that_starts_late_is_not_called_truncated(tmp_path: Path) -> None:
    for name in ("late.mkv", "late.mp4", "late.ts"):
        assert open_source(make_video(tmp_path / name, range(250, 350))).warnings == ()


def test_a_truncated_mp4_says_how_many_frames_are_left(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "fast.mp4", 100, size=(128, 96), container_options={"movflags": "faststart"})
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.9)])
    assert "of the 100 frames" in open_source(tmp_path / "cut.mp4").warnings[0]


def truncated(tmp_path: Path, keep: float) -> Path:
    path = make_video(tmp_path / "cut.mkv", 100, options={"g": "10"}, size=(128, 96))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    return path


def test_truncated_file_gives_what_decodes_and_says_where_it_broke(tmp_path: Path) -> None:
    source = settle(open_source(truncated(tmp_path, 0.6)))
    frames = grey_levels(source)
    assert 30 < len(frames) < 90
    assert len(frames) == len(source.timeline.pts)
    assert len(source.warnings) == 1 and " s" in source.warnings[0]


def test_damage_in_the_middle_loses_only_that(tmp_path: Path) -> None:
    path = make_video(tmp_path / "hole.mp4", 100, options={"g": "10"}, size=(128, 96))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 3
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    source = settle(open_source(path))
    assert 60 < len(source.timeline.pts) < 100
    assert "broken at" in source.warnings[0]
    assert len(grey_levels(source)) == len(source.timeline.pts)


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


def test_a_lost_beginning_moves_the_start_time(tmp_path: Path) -> None:
    """A broadcast cut within a group of pictures: times count from the first frame that decodes."""
    whole = make_video(tmp_path / "whole.ts", 100, options={"g": "25", "bf": "0"}, size=(128, 96))
    first = float(open_source(whole).start_time)
    data = whole.read_bytes()
    (tmp_path / "cut.ts").write_bytes(data[len(data) // 188 // 8 * 188 :])
    promised = open_source(tmp_path / "cut.ts")
    source = settle(promised)
    levels = grey_levels(source)
    assert source.start_time > promised.start_time and "broken at 0.00 s" in source.warnings[0]
    assert seconds(source)[0] == 0 and 0 < len(levels) < 100
    lost = round((float(source.start_time) - first) * 25)
    assert abs(levels[0] - expected_levels(100)[lost]) <= 6


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "nothing.mp4", "no such file"),
        (lambda p: p, "folder without frames"),
        (lambda p: _write(p / "text.mp4", b"hello " * 1000), "not a video"),
        (lambda p: _write(p / "empty.mp4", b""), "not a video"),
        (lambda p: make_sound(p / "song.m4a"), "only sound"),
    ],
)
def test_what_cannot_be_scored_says_why_in_one_sentence(tmp_path: Path, make, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(VideoError, match=says) as caught:
        open_source(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_decodable_frame_is_an_error(tmp_path: Path) -> None:
    path = make_video(tmp_path / "noise.mp4", 20, size=(128, 96))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4 if data.find(b"moov") > start else len(data)
    data[start:end] = bytes(np.random.default_rng(0).integers(0, 256, end - start, dtype=np.uint8))
    path.write_bytes(data)
    with pytest.raises(VideoError, match="not one frame"):
        list(open_source(path).frames(np.arange(20), 16))


def test_a_changed_file_is_noticed_after_the_pass(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 50)
    source = VideoFile.open(path)
    make_video(path, 40)
    with pytest.raises(ReadAgain) as raised:
        list(source.frames(np.arange(50), 16))
    assert len(raised.value.source.timeline.pts) == 40


def test_sound_with_a_cover_picture_is_only_sound(tmp_path: Path) -> None:
    plain = make_sound(tmp_path / "plain.m4a")
    with av.open(str(tmp_path / "song.m4a"), "w", format="mp4") as out, av.open(str(plain)) as original:
        sound = out.add_stream_from_template(original.streams.audio[0])
        cover = out.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuvj420p")))
        for packet in original.demux():
            if packet.size:
                packet.stream = sound
                out.mux(packet)
    with pytest.raises(VideoError, match="only sound"):
        open_source(tmp_path / "song.m4a")


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def make_sound(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for i in range(20):
            frame.pts = i * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_frames_beyond_all_measure_are_refused_before_they_take_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "wide.mp4", 3, size=(128, 96))
    monkeypatch.setattr(container, "MAX_PIXELS", 100 * 100)
    with pytest.raises(VideoError, match=r"wide\.mp4: its frames are 128 x 96, over 10000 pixels; scale it down"):
        open_source(path)
    monkeypatch.undo()
    source = open_source(path)
    monkeypatch.setitem(container.LIMITS, "max_pixels", "10000")  # as for a size that changes on the way
    with pytest.raises(VideoError, match="not one frame"):
        list(source.frames(np.arange(3), 16))
    folder = tmp_path / "frames"
    folder.mkdir()
    av.VideoFrame.from_ndarray(picture(0, 256, 192), format="rgb24").to_image().save(folder / "0.png")
    with pytest.raises(VideoError, match="not one of its 1 images can be read"):
        open_source(folder)


PLAYLISTS = {
    "list.mp4": "ffconcat version 1.0\nfile {url}\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_file_leads_nobody_into_the_network(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        path = tmp_path / name
        path.write_text(PLAYLISTS[name].format(url=f"http://127.0.0.1:{server.getsockname()[1]}/v.ts"))
        with pytest.raises(VideoError, match="not a video"):
            open_source(path)
        with pytest.raises(TimeoutError):
            server.accept()
