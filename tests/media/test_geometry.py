"""Which part of a frame a network sees, as numbers."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.media.geometry import MAX_ASPECT, MAX_RESIZE, SQUASH, Geometry, short_side_size

sizes = st.integers(16, 512)


@st.composite
def geometries(draw: st.DrawFn) -> tuple[Geometry, int]:
    """A geometry, and the side of an input that it fits."""
    size = draw(sizes)
    side = st.integers(size, 1024)
    resize = draw(st.none() | side | st.tuples(side, side))
    return Geometry(resize, crops=draw(st.sampled_from([1, 3])) if isinstance(resize, int) else 1), size


@given(st.integers(1, 1000), st.integers(16, 4096), st.integers(16, 4096))
def test_the_longer_side_is_what_torchvision_makes_of_it(short_side: int, height: int, width: int) -> None:
    short, long = sorted((height, width))
    expected = (short_side, int(short_side * long / short))
    assume(long <= MAX_ASPECT * short)
    assert short_side_size(short_side, width / height) == (expected if height <= width else expected[::-1])
    assert max(short_side_size(short_side, 1e6)) <= short_side * MAX_ASPECT


@given(geometries(), st.floats(1 / 32, 32))
def test_crops_lie_within_the_picture(made: tuple[Geometry, int], aspect: float) -> None:
    geometry, size = made
    height, width = geometry.picture_size(size, aspect)
    corners = geometry.corners(size, height, width)
    assert len(corners) == geometry.crops
    assert all(0 <= top <= height - size and 0 <= left <= width - size for top, left in corners)
    if geometry == SQUASH or (height, width) == (size, size):
        assert set(corners) == {(0, 0)}


@given(geometries(), st.floats(1 / 16, 16))
def test_the_middle_crop_is_centred_and_the_others_reach_both_ends(made: tuple[Geometry, int], aspect: float) -> None:
    geometry, size = made
    height, width = geometry.picture_size(size, aspect)
    corners = geometry.corners(size, height, width)
    top, left = corners[len(corners) // 2]
    assert abs(2 * top - (height - size)) <= 1 and abs(2 * left - (width - size)) <= 1
    along = 0 if height > width else 1
    if geometry.crops == 3:
        assert [corners[0][along], corners[2][along]] == [0, (height, width)[along] - size]
        assert len({corner[1 - along] for corner in corners}) == 1


@given(geometries())
def test_text_and_metadata_bring_it_back(made: tuple[Geometry, int]) -> None:
    geometry, size = made
    assert Geometry.parse(str(geometry), size) == Geometry.parse(geometry, size) == geometry
    resize = [*geometry.resize] if isinstance(geometry.resize, tuple) else geometry.resize  # as JSON has it
    assert Geometry.from_metadata({"resize": resize, "crops": geometry.crops}) == geometry


def test_weights_from_before_there_was_a_choice_squash() -> None:
    assert Geometry.from_metadata(None) == SQUASH


def test_a_number_may_be_left_out() -> None:
    assert Geometry.parse("short_side", 112) == Geometry(112)
    assert Geometry.parse("three_crops", 112) == Geometry(112, crops=3)


def test_it_grows_with_the_input() -> None:
    assert Geometry((128, 171)).scaled(2) == Geometry((256, 342))
    assert Geometry(256, crops=3).scaled(Fraction(1, 2)) == Geometry(128, crops=3)
    assert SQUASH.scaled(2) == SQUASH


@pytest.mark.parametrize(
    "text",
    ["", "crop", "short_side:", "short_side:x", "short_side:-256", "squash:256", "resize:128", "resize:128x", "SQUASH",
     "short_side:256x256", "short_side: 256", "short_side:999999"],
)  # fmt: skip
def test_what_is_no_geometry_is_refused_with_all_that_are(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"three_crops:PIXELS") as raised:
        Geometry.parse(text, 112)
    assert raised.value.argument == "base_geometry"


@pytest.mark.parametrize("text", ["short_side:111", "three_crops:0", "resize:128x100", f"short_side:{MAX_RESIZE + 1}"])
def test_what_leaves_nothing_to_crop_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=rf"from 112, .* to {MAX_RESIZE}"):
        Geometry.parse(text, 112)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resize": 256},
        {"resize": 256, "crops": 2},
        {"resize": [128, 171], "crops": 3},
        {"resize": [9, 9, 9], "crops": 1},
        {"resize": None, "crops": 3},
        5,
    ],
    ids=str,
)
def test_metadata_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Geometry.from_metadata(wrong)
