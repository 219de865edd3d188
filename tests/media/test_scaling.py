"""The whole frame is turned as the file says, and scaled to a square."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_video, write_display_matrix
from hypothesis import assume, given
from hypothesis import strategies as st

from clipselect.media.scaling import MAX_ASPECT, scaled_to_short_side, short_side_size
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


@given(st.integers(1, 1000), st.integers(16, 4096), st.integers(16, 4096))
def test_the_longer_side_is_what_torchvision_makes_of_it(short_side: int, height: int, width: int) -> None:
    short, long = sorted((height, width))
    expected = (short_side, int(short_side * long / short))
    assume(long <= MAX_ASPECT * short)
    assert short_side_size(short_side, width / height) == (expected if height <= width else expected[::-1])
    assert max(short_side_size(short_side, 1e6)) <= short_side * MAX_ASPECT


@pytest.mark.parametrize(
    ("pixel_aspect", "turned", "shape"),
    [(None, False, (24, 48)), (Fraction(2, 1), False, (24, 96)), (Fraction(2, 1), True, (96, 24))],
)
def test_a_picture_of_a_short_side_looks_as_a_player_shows_it(
    tmp_path: Path, pixel_aspect: Fraction | None, turned: bool, shape: tuple[int, int]
) -> None:
    path = make_video(tmp_path / "phone.mp4", 3, size=(96, 48), pixel_aspect=pixel_aspect)
    if turned:
        write_display_matrix(path, 0, 1, -1, 0)
    source = open_source(path)
    (frame,) = source.pictures(0, 0)
    picture = scaled_to_short_side(frame, 24, source.aspect)
    assert picture.shape == (*shape, 3)
    red_corner = picture[2:10, -10:-2] if turned else picture[2:10, 2:10]
    assert red_corner[..., 0].mean() > 180
    assert red_corner[..., 2].mean() < 100
