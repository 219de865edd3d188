"""Reading: every kind of file gives the right frames at the right times, upright, in one pass."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from helpers.videos import expected_levels, grey_levels, make_video, picture, seconds, write_display_matrix

from clipselect.media.candidates import candidate_clips
from clipselect.media.container import threads_for_all
from clipselect.media.decoder import Decoder
from clipselect.media.sources import Source, open_source
from clipselect.media.squash import squash
from clipselect.media.video import VideoFile


def assert_all_frames(source: Source, count: int) -> None:
    assert len(source.timeline.pts) == count
    assert np.abs(np.subtract(grey_levels(source), expected_levels(count))).max() <= 6


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


TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT = range(4)


@pytest.mark.parametrize(
    ("matrix", "red_corner", "blue_corner"),
    [
        ((1, 0, 0, 1), TOP_LEFT, BOTTOM_RIGHT),
        ((0, 1, -1, 0), TOP_RIGHT, BOTTOM_LEFT),  # a phone's quarter turn, clockwise
        ((-1, 0, 0, -1), BOTTOM_RIGHT, TOP_RIGHT),
        ((0, -1, 1, 0), BOTTOM_LEFT, BOTTOM_RIGHT),
        ((-1, 0, 0, 1), TOP_RIGHT, BOTTOM_LEFT),  # mirrored, as by a front camera
        ((1, 0, 0, -1), BOTTOM_LEFT, TOP_RIGHT),
        ((0, 1, 1, 0), TOP_LEFT, BOTTOM_RIGHT),
        ((0, -1, -1, 0), BOTTOM_RIGHT, BOTTOM_LEFT),
    ],
)
def test_the_display_matrix_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], red_corner: int, blue_corner: int
) -> None:
    path = make_video(tmp_path / "phone.mp4", 3)
    write_display_matrix(path, *matrix)
    source = open_source(path)
    frame = next(f for _, f in source.frames(np.array([0]), 16)).astype(int)
    corners = [frame[y, x] for y in (1, -2) for x in (1, -2)]
    assert int(np.argmax([c[0] - c[2] for c in corners])) == red_corner
    assert corners[blue_corner][2] > 150 > corners[blue_corner][0]
    assert source.aspect == pytest.approx(48 / 64 if matrix[0] == 0 else 64 / 48)


def test_the_geometry_is_a_squash_of_the_whole_frame(tmp_path: Path) -> None:
    """Nothing is cropped: the quarter and the half of the test picture stay a quarter and a half of the square."""
    wide = open_source(make_video(tmp_path / "wide.mp4", 2, size=(256, 48), options={"crf": "5"}))
    frame = next(f for _, f in wide.frames(np.array([0]), 32)).astype(int)
    assert frame.shape == (32, 32, 3)
    assert (frame[2:14, 2:14, 0] > 180).all() and (frame[2:14, 18:30, 0] < 100).all()
    assert (frame[18:30, :, 2] > 180).all()


def test_pixel_aspect_is_part_of_the_aspect(tmp_path: Path) -> None:
    assert open_source(make_video(tmp_path / "a.mp4", 2, pixel_aspect=Fraction(2))).aspect == pytest.approx(128 / 48)


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    plain = make_video(tmp_path / "plain.mp4", 30)
    with av.open(str(path), "w") as out, av.open(str(plain)) as original:
        cover = out.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        video = out.add_stream_from_template(original.streams.video[0])
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuvj420p")))
        for packet in original.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
    assert_all_frames(open_source(path), 30)


def test_one_frame_and_identical_frames(tmp_path: Path) -> None:
    one = open_source(make_video(tmp_path / "one.mp4", 1))
    assert len(candidate_clips(one.timeline, 1)) == 1
    assert_all_frames(one, 1)
    still = open_source(make_video(tmp_path / "still.mp4", 50, still=True))
    assert len(set(grey_levels(still))) == 1


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
    ],
)
def test_threads_of_a_decoder_by_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, codec: str, cores: int, size: tuple[int, int], threads: int
) -> None:
    monkeypatch.setattr("clipselect.media.container.usable_cores", lambda: cores)
    context = SimpleNamespace(codec=av.Codec(codec, "r"))
    assert threads_for_all(SimpleNamespace(codec_context=context, width=size[0], height=size[1])) == threads


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


def test_frame_folder_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "frames of a video"
    folder.mkdir()
    for i in range(12):
        image = av.VideoFrame.from_ndarray(picture(i), format="rgb24")
        with av.open(str(folder / f"frame{i}.png"), "w", format="image2", options={"update": "1"}) as out:
            stream = out.add_stream("png", rate=1)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
            out.mux([*stream.encode(image), *stream.encode(None)])
    (folder / "notes.txt").write_text("not a frame")
    source = open_source(folder, fps=10)
    assert_all_frames(source, 12)
    assert source.timeline.duration == Fraction(12, 10)
    (folder / "frame3.png").write_bytes(b"broken")
    assert len(grey_levels(source)) == 12
    assert "frame3.png" in source.warnings[0]
