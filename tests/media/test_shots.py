"""Where shots begin, in the clock of the video."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.optional import import_or_skip
from PIL import Image

from clipselect.errors import MissingLibraryError, VideoError
from clipselect.media.shots import shot_starts
from clipselect.media.sources import open_source


def drawn(shot: int, number: int) -> np.ndarray:
    """[96, 128, 3]: the colour of a shot, and something that moves."""
    image = np.full((96, 128, 3), [(250, 240, 20), (10, 20, 90), (200, 30, 160)][shot], np.uint8)
    image[20:40, number : number + 20] = 120
    return image


def film(path: Path, lengths: list[int], ticks: int = 1) -> Path:
    """Shots of so many frames, each of which is shown for `ticks` 25ths of a second."""
    images = [drawn(shot, i) for shot, length in enumerate(lengths) for i in range(length)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height = 128, 96
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number * ticks, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("ticks", [1, 3])
def test_cuts_are_found_in_the_seconds_of_the_video(tmp_path: Path, ticks: int) -> None:
    import_or_skip("scenedetect")
    starts = shot_starts(open_source(film(tmp_path / "film.mp4", [40, 30, 30], ticks)))
    assert starts.tolist() == pytest.approx([0, 40 * ticks / 25, 70 * ticks / 25])


def test_without_a_cut_a_video_is_one_shot(tmp_path: Path) -> None:
    import_or_skip("scenedetect")
    assert shot_starts(open_source(film(tmp_path / "film.mp4", [40]))).tolist() == [0]
    assert shot_starts(open_source(film(tmp_path / "short.mp4", [1]))).tolist() == [0]


def test_frames_in_a_folder(tmp_path: Path) -> None:
    import_or_skip("scenedetect")
    for shot in range(2):
        for i in range(20):
            Image.fromarray(drawn(shot, i)).save(tmp_path / f"{shot}{i:02d}.png")
    assert shot_starts(open_source(tmp_path, fps=10)).tolist() == [0, 2]


def test_a_damaged_file_and_a_missing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_or_skip("scenedetect")
    path = film(tmp_path / "film.mp4", [20, 20])
    source = open_source(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(VideoError, match=r"film\.mp4"):
        shot_starts(source)
    monkeypatch.setitem(sys.modules, "scenedetect", None)
    with pytest.raises(MissingLibraryError, match=r"clipselect\[shots\]"):
        shot_starts(source)
