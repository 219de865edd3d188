"""Frames that nobody needs are not decoded, and those that are wanted have the same pixels, bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.videos import make_damaged_video, make_video
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import clip_grid, map_clips
from clipselect.media.decoder import SKIPPING, Decoder
from clipselect.media.video import VideoFile

HEVC = {"x265-params": "log-level=none:bframes=3:keyint=24:b-adapt=0:scenecut=0"}
VIDEOS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"x264-params": "bframes=3:keyint=24:b-adapt=0:scenecut=0"}},
    "h264.ts": {"options": {"x264-params": "bframes=2:keyint=24:b-adapt=0:scenecut=0"}},
    "open_groups.mkv": {"options": {"x264-params": "bframes=2:keyint=24:b-adapt=0:open-gop=1:scenecut=0"}},
    "hevc.mp4": {"codec": "libx265", "options": HEVC},
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
    seen, frames = list[int](), Decoder.frames

    def noted(self: Decoder, *how: Any, **more: Any) -> Any:
        for frame in frames(self, *how, **more):
            seen.append(frame.pts or 0)
            yield frame

    monkeypatch.setattr(Decoder, "frames", noted)
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


@pytest.mark.parametrize("change", ["time", "missing"])
@pytest.mark.parametrize("at", [0, 40, FRAMES - 1])
def test_frames_that_do_not_come_as_promised_lead_to_a_pass_over_all(
    video: VideoFile, monkeypatch: pytest.MonkeyPatch, at: int, change: str
) -> None:
    exact = clips_and_pixels(replace(video, can_skip=False))
    frames, skipping = Decoder.frames, list[bool]()

    def wrong(self: Decoder, *how: Any, needed: Any = None, **more: Any) -> Any:
        skipping.append(needed is not None)
        ticks = video.timeline.pts.tolist()
        for frame in frames(self, *how, needed=needed and {*needed, ticks[at]}, **more):
            if skipping[-1] and frame.pts == ticks[at]:
                if change == "missing":
                    continue
                frame.pts = -7
            yield frame

    monkeypatch.setattr(Decoder, "frames", wrong)
    found = clips_and_pixels(video)
    is_needed = change == "time" or at != 40
    assert found[:2] == exact[:2]
    assert skipping == ([True, False] if is_needed else [True])


def test_this_ffmpeg_has_the_decoders_that_skip() -> None:
    assert av.codecs_available >= SKIPPING
