"""Every file is opened, read as it really decodes, or refused in one sentence."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers.frame_fixtures import with_exif
from helpers.videos import (
    assert_all_frames,
    expected_levels,
    grey_levels,
    make_damaged_video,
    make_sound,
    make_video,
    picture,
    seconds,
    settle,
)
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, VideoError
from clipselect.media import frame_folder
from clipselect.media.images import Image, read_image, squash_image
from clipselect.media.read_again import ReadAgain
from clipselect.media.scaling import upright
from clipselect.media.sources import open_source
from clipselect.media.video import VideoFile


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
    source = settle(open_source(make_damaged_video(tmp_path / "hole.mp4")))
    assert 60 < len(source.timeline.pts) < 100
    assert "broken at" in source.warnings[0]
    assert len(grey_levels(source)) == len(source.timeline.pts)


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
        settle(open_source(path))


def test_a_changed_file_is_noticed_after_the_pass(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 50)
    source = VideoFile.open(path)
    make_video(path, 40)
    with pytest.raises(ReadAgain):
        list(source.frames(np.arange(50), 16))
    assert len(settle(source).timeline.pts) == 40


def test_bad_options_are_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    av.VideoFrame.from_ndarray(picture(0), format="rgb24").to_image().save(folder / "0.png")
    bad: list[dict[str, Any]] = [{"decoder": "ffmpeg"}, *({"fps": fps} for fps in (0, 1e-6, 1e9, math.nan, "30"))]
    for options in bad:
        with pytest.raises(ArgumentError) as raised:
            open_source(folder, **options)
        assert [raised.value.argument] == [*options] and raised.value.problem.startswith("must ")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_of_a_phone_are_shown_upright(tmp_path: Path, orientation: int) -> None:
    image = np.zeros((48, 96, 3), np.uint8)
    image[:24, :48] = 255
    for name in ("0.jpg", "1.jpg"):
        cv2.imwrite(str(tmp_path / name), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
        with_exif(tmp_path / name, orientation)
    folder, expected = open_source(tmp_path, fps=2), read_image(tmp_path / "0.jpg")
    for frame in folder.pictures(0, 1):
        assert np.array_equal(upright(frame), expected)
    assert folder.aspect == expected.shape[1] / expected.shape[0]
    [(_, small)] = folder.frames(np.array([1]), 16)
    assert np.abs(small.astype(int) - squash_image(expected, 16, 16)).mean() < 8


def test_neighbouring_images_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        av.VideoFrame.from_ndarray(picture(number), format="rgb24").to_image().save(tmp_path / f"{number}.png")
    folder, read = open_source(tmp_path, fps=2), list[str]()
    opened = frame_folder._read_image

    def noted(path: Path) -> av.VideoFrame | None:
        read.append(path.name)
        return opened(path)

    monkeypatch.setattr(frame_folder, "_read_image", noted)
    assert [frame.pts for frame in folder.pictures(1, 3)] == [1, 2, 3] and read == ["1.png", "2.png", "3.png"]


def test_frame_folder_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "frames of a video"
    folder.mkdir()
    for i in range(12):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(folder / f"frame{i}.png")
    (folder / "notes.txt").write_text("not a frame")
    source = open_source(folder, fps=10)
    assert_all_frames(source, 12)
    assert source.timeline.duration == Fraction(12, 10)
    (folder / "frame3.png").write_bytes(b"broken")
    assert len(grey_levels(source)) == 12
    assert "frame3.png" in source.warnings[0]


class Restless(VideoFile):
    """A file that decodes differently in every pass."""

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        yield from super().frames(wanted, size, fast)
        raise ReadAgain(self)


def test_a_file_that_never_settles_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = Restless.open(make_video(tmp_path / "a.mp4", 5))
    with pytest.raises(VideoError, match=r"a\.mp4: decodes differently every time; convert it"):
        settle(source)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("path", [5, None, ""])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(ArgumentError) as raised:
        open_source(path)  # type: ignore[arg-type]
    assert raised.value.argument == "path"
