"""Parts of a video: the same pixels as in a pass over all of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_damaged_video, make_video, settle
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.media.key_frames import Part, gops_of
from clipselect.media.read_again import ReadAgain
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile

CODECS = {
    "h264": ("a.mp4", "libx264", {"g": "12", "bf": "2"}),
    "h264 open": (
        "b.mkv",
        "libx264",
        {"g": "12", "bf": "2", "x264-params": "open-gop=1:b-adapt=0:bframes=2:scenecut=0:min-keyint=1"},
    ),
    "h265 open": ("c.mp4", "libx265", {"x265-params": "keyint=12:min-keyint=12:bframes=3:open-gop=1:log-level=none"}),
    "vp9": ("d.webm", "libvpx-vp9", {"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    "mpeg2": ("e.ts", "mpeg2video", {"g": "12", "bf": "2"}),
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VideoFile]:
    folder = tmp_path_factory.mktemp("gops")
    made = {}
    for name, (file, codec, options) in CODECS.items():
        source = open_source(make_video(folder / file, 60, codec=codec, options=options, size=(96, 64)))
        assert isinstance(source, VideoFile) and source.seekable
        made[name] = source
    return made


def pixels(source: VideoFile, wanted: NDArray[np.int64]) -> dict[int, NDArray[np.uint8]]:
    return dict(source.frames(wanted, 24))


def test_the_videos_are_what_the_tests_below_need(videos: dict[str, VideoFile]) -> None:
    leading = {
        name: sum(len(gops_of(source.packets, np.array([i]))) > 1 for i in range(60)) for name, source in videos.items()
    }
    assert all(source.packets.gop.max() >= 3 for source in videos.values())
    assert leading["h264"] == leading["vp9"] == 0 and min(leading["h264 open"], leading["h265 open"]) > 3


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=12)
@given(st.data())
def test_any_groups_of_pictures_decode_to_the_same_pixels(
    videos: dict[str, VideoFile], name: str, data: st.DataObject
) -> None:
    source = videos[name]
    gops = data.draw(st.frozensets(st.integers(0, int(source.packets.gop.max())), min_size=1))
    wanted = np.array([i for i in range(60) if gops_of(source.packets, np.array([i])) <= gops], np.int64)
    everything = pixels(source, np.arange(60))
    found = pixels(replace(source, part=Part(gops)), wanted)
    assert [*found] == wanted.tolist()
    assert all(np.array_equal(image, everything[i]) for i, image in found.items())


@pytest.mark.parametrize("name", CODECS)
def test_key_frames_decode_by_themselves(videos: dict[str, VideoFile], name: str) -> None:
    source = videos[name]
    keys = np.flatnonzero(source.packets.is_key)
    everything, found = pixels(source, np.arange(60)), pixels(replace(source, part=Part()), keys)
    assert [*found] == keys.tolist() and len(keys) >= 4
    assert all(np.array_equal(image, everything[i]) for i, image in found.items())


def test_a_part_of_a_damaged_video_is_void(tmp_path: Path) -> None:
    source = open_source(make_damaged_video(tmp_path / "bad.mp4"))
    assert isinstance(source, VideoFile)
    lost = [*{*range(100)} - {*np.searchsorted(source.timeline.pts, settle(source).timeline.pts).tolist()}]
    gops = gops_of(source.packets, np.array(lost))
    with pytest.raises(ReadAgain) as again:
        pixels(replace(source, part=Part(gops)), np.array(sorted(lost)))
    assert again.value.source.part is None
