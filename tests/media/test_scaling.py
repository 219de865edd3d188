"""The whole frame is turned as the file says, and scaled to a square."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from helpers.videos import make_video, write_display_matrix
from numpy.typing import NDArray

from clipselect.media.geometry import Geometry, short_side_size
from clipselect.media.scaling import cropped, scaled, upright
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
    height, width = short_side_size(24, source.aspect)
    picture = scaled(frame, width, height)
    assert picture.shape == (*shape, 3)
    red_corner = picture[2:10, -10:-2] if turned else picture[2:10, 2:10]
    assert red_corner[..., 0].mean() > 180
    assert red_corner[..., 2].mean() < 100


def still(pixels: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


def test_three_crops_are_squares_along_the_longer_side_as_shown(tmp_path: Path) -> None:
    three = Geometry(20, crops=3)
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, :40], wide[:, 40:80], wide[:, 80:] = 50, 150, 250
    for pixels in (wide, wide.swapaxes(0, 1).copy()):
        found = cropped(still(pixels), three, 20, pixels.shape[1] / pixels.shape[0])
        assert found.shape == (3, 20, 20, 3)
        assert [round(float(crop[5:15, 5:15].mean())) for crop in found] == pytest.approx([50, 150, 250], abs=3)
    turned = make_video(tmp_path / "turned.mp4", 1, size=(96, 32))
    write_display_matrix(turned, 0, 1, -1, 0)
    source = open_source(turned)
    (picture,) = source.pictures(0, 0)
    shown = upright(picture)
    assert shown.shape[0] > shown.shape[1]
    crops, expected = (
        cropped(frame, Geometry(32, crops=3), 32, aspect)
        for frame, aspect in ((picture, source.aspect), (still(shown), 1 / 3))
    )
    assert np.allclose(crops, expected, atol=12)
    square = cropped(still(wide[:, 20:60].copy()), three, 20, 1.0)
    assert (square[0] == square[1]).all() and (square[1] == square[2]).all()


@pytest.mark.parametrize("shape", [(240, 426), (426, 240), (180, 180), (300, 203)])
@pytest.mark.parametrize(("resize", "size"), [(128, 112), ((128, 171), 112), (97, 97)])
def test_a_centre_crop_is_that_of_torchvision(resize: int | tuple[int, int], size: int, shape: tuple[int, int]) -> None:
    """Its presets leave out antialiasing; on a smooth picture that makes no difference."""
    from torchvision.transforms.functional import center_crop
    from torchvision.transforms.functional import resize as torchvision_resize

    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = np.stack([x * 200 / shape[1], y * 200 / shape[0], 100 + 80 * np.sin(x / 40) * np.cos(y / 50)], axis=-1)
    pixels = smooth.astype(np.uint8)
    found = cropped(still(pixels), Geometry(resize), size, shape[1] / shape[0])
    given = torch.from_numpy(pixels).permute(2, 0, 1)
    sides = [resize] if isinstance(resize, int) else [*resize]
    expected = center_crop(torchvision_resize(given, sides, antialias=True), [size, size]).permute(1, 2, 0).numpy()
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_a_picture_of_the_size_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    for geometry in (Geometry(), Geometry(32), Geometry((32, 32))):
        assert (cropped(still(pixels), geometry, 32, 1.0) == pixels).all()
