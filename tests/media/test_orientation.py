"""Pictures are turned as the file says."""

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
