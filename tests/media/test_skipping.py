"""Frames that nobody needs are not decoded; those that are wanted are the same, bit for bit, or in doubt."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
from helpers.videos import make_damaged_video, make_video
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipselect.media import decoder
from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import clip_grid, map_clips
from clipselect.media.decoder import Decoder
from clipselect.media.unreferenced import unreferenced
from clipselect.media.video import VideoFile

HEVC = {"x265-params": "log-level=none:bframes=3:keyint=24:b-adapt=0:scenecut=0"}
SUB_LAYERS = {"x265-params": "log-level=none:temporal-layers=3:bframes=7:keyint=24:b-adapt=0:scenecut=0"}
VIDEOS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"x264-params": "bframes=3:keyint=24:b-adapt=0:scenecut=0"}},
    "h264.ts": {"options": {"x264-params": "bframes=2:keyint=24:b-adapt=0:scenecut=0"}},
    "open_groups.mkv": {"options": {"x264-params": "bframes=2:keyint=24:b-adapt=0:open-gop=1:scenecut=0"}},
    "hevc.mp4": {"codec": "libx265", "options": HEVC},
    "hevc.ts": {"codec": "libx265", "options": HEVC},
    "sub_layers.mp4": {"codec": "libx265", "options": SUB_LAYERS},
    "mpeg2.mkv": {"codec": "mpeg2video", "options": {"bf": "2", "g": "24", "sc_threshold": "1000000000"}},
}
FRAMES = 72


@pytest.fixture(scope="module", params=VIDEOS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VideoFile:
    path = tmp_path_factory.mktemp("skipping") / request.param
    return VideoFile.open(make_video(path, FRAMES, size=(128, 96), **VIDEOS[request.param]))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ticks of all frames that come out of a decoder."""
    seen = list[int]()

    def noting(frames: Callable[..., Iterator[av.VideoFrame]]) -> Callable[..., Iterator[av.VideoFrame]]:
        def noted(self: Decoder, *how: Any, **more: Any) -> Iterator[av.VideoFrame]:
            for frame in frames(self, *how, **more):
                seen.append(frame.pts or 0)
                yield frame

        return noted

    for name in ("frames", "needed_frames"):
        monkeypatch.setattr(Decoder, name, noting(getattr(Decoder, name)))
    return seen


def pixels(video: VideoFile, wanted: list[int]) -> list[bytes]:
    return [image.tobytes() for _, image in video.frames(np.array(wanted, np.int64), 32)]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.sets(st.integers(0, FRAMES - 1), min_size=1, max_size=12).map(sorted))
def test_wanted_frames_are_those_of_a_pass_over_all(video: VideoFile, wanted: list[int]) -> None:
    assert video.can_skip
    assert pixels(video, wanted) == pixels(replace(video, can_skip=False), wanted)


def test_fewer_frames_are_decoded(video: VideoFile, decoded: list[int]) -> None:
    list(video.frames(np.arange(5, FRAMES, 12), 32))
    assert len(decoded) < 0.8 * FRAMES and {0, FRAMES - 1} <= {*np.searchsorted(video.timeline.pts, decoded).tolist()}


def test_a_seek_skips_what_lies_before_the_wanted_frames(video: VideoFile, decoded: list[int]) -> None:
    places = range(10, FRAMES, 6)
    exact = [frame.to_ndarray() for i in places for frame in replace(video, can_skip=False).pictures(i, i)]
    in_full = len(decoded)
    found = [frame.to_ndarray() for i in places for frame in video.pictures(i, i)]
    assert np.array_equal(found, exact) and len(found) == len(places)
    assert len(decoded) - in_full < 0.9 * in_full


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libvpx-vp9", "vp9.mkv"), ("libsvtav1", "av1.mkv"), ("mpeg4", "mpeg4.mp4"), ("libx264", "h264.avi")],
)
def test_other_codecs_and_containers_are_decoded_whole(tmp_path: Path, codec: str, name: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    video = VideoFile.open(make_video(tmp_path / name, 20, codec=codec, options={}))
    assert not video.can_skip and len(pixels(video, [3, 9])) == 2


@pytest.mark.parametrize(("layers", "skipped"), [(1, False), (2, True), (3, False)])
def test_a_frame_of_h265_is_needed_where_a_higher_sub_layer_may_refer_to_it(layers: int, skipped: bool) -> None:
    tsa_n_of_second_layer = bytes([0, 3, 2 << 1, 2, 7])
    extra = b"\1" + bytes(20) + bytes([layers << 3 | 1])
    stream = SimpleNamespace(codec_context=SimpleNamespace(name="hevc", extradata=extra))
    container = SimpleNamespace(format=SimpleNamespace(name="mp4"))
    is_unreferenced = unreferenced(cast(Any, container), cast(Any, stream))
    assert is_unreferenced is not None and is_unreferenced(tsa_n_of_second_layer) == skipped


def test_h265_that_does_not_say_how_many_sub_layers_it_has_is_decoded_whole() -> None:
    stream = SimpleNamespace(codec_context=SimpleNamespace(name="hevc", extradata=None))
    assert unreferenced(cast(Any, SimpleNamespace(format=SimpleNamespace(name="mpegts"))), cast(Any, stream)) is None


def clips_and_pixels(video: VideoFile) -> tuple[list[Clip], list[bytes], VideoFile]:
    """Of clips of 0.4 s, two frames each."""
    mapped = map_clips(lambda batch: [clip.tobytes() for clip in batch.frames], video, clip_grid(0.4), 16, 2)
    assert isinstance(mapped.source, VideoFile)
    return mapped.clips, [clip for batch in mapped.results for clip in batch], mapped.source


def test_damage_is_found_as_by_a_pass_over_all(tmp_path: Path) -> None:
    video = VideoFile.open(make_damaged_video(tmp_path / "hole.mp4"))
    (clips, _, found), (expected, _, whole) = map(clips_and_pixels, (video, replace(video, can_skip=False)))
    assert clips == expected and found.warnings == whole.warnings and "broken at" in found.warnings[0]
    assert found.timeline.pts.tolist() == whole.timeline.pts.tolist()


def packets_of(path: Path) -> list[tuple[int, int]]:
    """Where the packets of a file lie, and how long they are."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size and packet.pos]


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "mpeg2.mkv"])
@pytest.mark.parametrize("kept", [5, 0])
def test_damage_anywhere_gives_what_a_pass_over_all_gives(tmp_path: Path, name: str, kept: int) -> None:
    """A packet at a time becomes noise, with its header or without: of a frame that others refer to, or of another."""
    path = make_video(tmp_path / name, FRAMES, size=(128, 96), **VIDEOS[name])
    data, rng = path.read_bytes(), np.random.default_rng(0)
    sound = clips_and_pixels(VideoFile.open(path, threads=1))
    in_doubt = 0
    for at, size in packets_of(path)[:: 3 if kept else 5]:
        hole = bytearray(data)
        hole[at + kept : at + size] = rng.bytes(size - kept)
        path.write_bytes(hole)
        video = VideoFile.open(path, threads=1)
        if not np.array_equal(video.timeline.pts, sound[2].timeline.pts):
            continue  # it was the container's
        clips, pixels, found = clips_and_pixels(video)
        if found.can_skip:  # no doubt: only a frame is damaged that nobody looked at
            assert (clips, pixels) == sound[:2]
        else:
            in_doubt += 1
            assert (clips, pixels) == clips_and_pixels(replace(video, can_skip=False))[:2]
    assert in_doubt or not kept


def test_a_frame_that_is_lost_is_not_replaced_by_the_next(tmp_path: Path) -> None:
    path = make_video(tmp_path / "hole.mp4", FRAMES, size=(128, 96), **VIDEOS["h264.mp4"])
    video = VideoFile.open(path)
    tick = video.timeline.pts[3] + video.decoder.origin
    with av.open(str(path)) as container:
        lost = next(packet for packet in container.demux(video=0) if packet.pts == tick)
    data = bytearray(path.read_bytes())
    data[lost.pos : lost.pos + lost.size] = bytes(lost.size)
    path.write_bytes(data)
    damaged = VideoFile.open(path)
    for first, expected in ((0, [0, 1, 2]), (2, [2]), (3, []), (4, [4, 5, 6, 7, 8])):
        ticks = [frame.pts for frame in damaged.pictures(first, first + 4)]
        assert ticks == damaged.timeline.pts[expected].tolist()


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_file_in_which_a_packet_is_missing_is_decoded_whole(tmp_path: Path, codec: str) -> None:
    """A decoder notices no more than that frames look different, and which depends on all that it gets."""
    path = make_video(tmp_path / "a.mkv", FRAMES, codec=codec, options={"bf": "2"}, size=(128, 96))
    assert VideoFile.open(path).can_skip
    lossy = tmp_path / "lossy.mkv"
    with av.open(str(path)) as given, av.open(str(lossy), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux(video=0)):
            if packet.size and number != 13:
                packet.stream = stream
                out.mux(packet)
    assert not VideoFile.open(lossy).can_skip


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mpg"])
@pytest.mark.parametrize("between", [0, 2])
def test_seeking_gives_the_frames_of_a_whole_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, suffix: str, between: int
) -> None:
    """Some containers seek past the key frame that is asked for, or amidst a group of pictures."""
    options = {"bf": str(between), "g": "10", "sc_threshold": "0" if codec == "libx264" else "1000000000"}
    video = VideoFile.open(make_video(tmp_path / f"a{suffix}", FRAMES, codec=codec, options=options, size=(128, 96)))
    if not video.seekable:
        assert suffix in (".avi", ".mpg")
        pytest.skip("the times of this container cannot be trusted")
    whole = [frame.to_ndarray() for frame in replace(video, can_skip=False).decode(whole=True)]
    if len(whole) < FRAMES:
        pytest.skip("the container promises more frames, and a settled video does not seek")
    for first in range(0, FRAMES - 2, 5):
        found = [frame.to_ndarray() for frame in video.pictures(first, first + 2)]
        assert np.array_equal(found, whole[first : first + 3])


def test_most_seeks_do_not_decode_from_the_start(video: VideoFile, decoded: list[int]) -> None:
    list(video.pictures(FRAMES - 2, FRAMES - 1))
    assert len(decoded) < FRAMES / 2


@pytest.mark.parametrize("change", ["time", "missing"])
@pytest.mark.parametrize("at", [0, 40, FRAMES - 1])
def test_frames_that_do_not_come_as_promised_lead_to_a_pass_over_all(
    video: VideoFile, monkeypatch: pytest.MonkeyPatch, at: int, change: str
) -> None:
    exact = clips_and_pixels(replace(video, can_skip=False))
    decode, tick = decoder._decoded, int(video.timeline.pts[at]) + video.decoder.origin

    def wrong(*how: Any) -> list[av.VideoFrame]:
        frames = decode(*how)
        for frame in frames:
            if frame.pts == tick and change == "time":
                frame.pts = tick + 1
        return [frame for frame in frames if frame.pts != tick or change == "time"]

    monkeypatch.setattr(decoder, "_decoded", wrong)
    monkeypatch.setattr(decoder, "unreferenced", lambda *_: lambda packet: False)  # frame 40 goes in, too
    clips, pixels, found = clips_and_pixels(video)
    assert (clips, pixels) == exact[:2] and not found.can_skip
