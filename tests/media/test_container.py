"""Containers: which stream is the video, whether the file is whole, how many threads decode it."""

import socket
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from helpers.videos import assert_all_frames, make_sound, make_video, picture, settle

from clipselect.errors import VideoError
from clipselect.media import container
from clipselect.media.container import threads_for_all
from clipselect.media.sources import open_source


def test_an_intact_file_that_starts_late_is_not_called_truncated(tmp_path: Path) -> None:
    for name in ("late.mkv", "late.mp4", "late.ts"):
        assert open_source(make_video(tmp_path / name, range(250, 350))).warnings == ()


def test_a_truncated_mp4_says_how_many_frames_are_left(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "fast.mp4", 100, size=(128, 96), container_options={"movflags": "faststart"})
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.9)])
    assert "of the 100 frames" in open_source(tmp_path / "cut.mp4").warnings[0]


def with_cover(plain: Path, path: Path, *, first: bool) -> Path:
    """The only stream of a file, and a cover picture before or behind it."""
    with av.open(str(path), "w", format="mp4") as out, av.open(str(plain)) as original:
        stream = None if first else out.add_stream_from_template(original.streams[0])
        cover = out.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = stream or out.add_stream_from_template(original.streams[0])
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuvj420p")))
        for packet in original.demux():
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return path


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    song = with_cover(make_sound(tmp_path / "plain.m4a"), tmp_path / "song.m4a", first=False)
    with pytest.raises(VideoError, match="only sound"):
        open_source(song)
    assert_all_frames(open_source(with_cover(make_video(tmp_path / "a.mp4", 30), tmp_path / "b.mp4", first=True)), 30)


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
        settle(source)
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


@pytest.mark.parametrize(
    ("codec", "cores", "size", "threads"),
    [
        ("h264", 2, (1280, 720), 8),
        ("hevc", 1, (1280, 720), 4),
        ("h264", 12, (1280, 720), 16),
        ("h264", 15, (1280, 720), 0),  # FFmpeg itself takes 16
        ("h264", 2, (3840, 2160), 4),
        ("h264", 2, (8192, 4096), 0),  # every thread would hold a frame of 50 MB
        ("libdav1d", 2, (1280, 720), 0),  # has threads of another kind
        ("vp9", 2, (1280, 720), 0),  # more are no faster
    ],
)
def test_threads_of_a_decoder_by_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, codec: str, cores: int, size: tuple[int, int], threads: int
) -> None:
    monkeypatch.setattr("clipselect.media.container.usable_cores", lambda: cores)
    context = SimpleNamespace(codec=av.Codec(codec, "r"), name=codec)
    assert threads_for_all(SimpleNamespace(codec_context=context, width=size[0], height=size[1])) == threads
