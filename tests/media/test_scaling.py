"""The whole frame is turned as the file says, and scaled to a square."""

from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_video, write_display_matrix

from clipselect.media.sources import open_source

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
