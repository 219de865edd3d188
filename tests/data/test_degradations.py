"""Laws of the degradations: what each does to an image, and what none of them ever does."""

from typing import get_args

import cv2
import numpy as np
import pytest
from helpers.frame_fixtures import noise, pattern
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data import degradations
from clipselect.data.degradations import (
    DEGRADATIONS,
    Kind,
    add_noise,
    compress,
    degrade,
    expose,
    low_resolution,
    misalign,
    motion_blur,
    occlude,
)
from clipselect.media.images import Image

sides = st.integers(1, 70)
seeds = st.integers(0, 999)
kinds = st.sampled_from(get_args(Kind))

RED = np.array([200, 10, 30], np.uint8)


def one_colour(height: int, width: int, grey: int) -> Image:
    return np.full((height, width, 3), grey, np.uint8)


# --- all of them -----------------------------------------------------------------------------------------------------


@given(sides, sides, seeds, kinds)
def test_size_and_type_stay_the_input_is_untouched_and_the_seed_decides(h: int, w: int, seed: int, kind: Kind) -> None:
    image = noise(h, w, seed)
    before = image.copy()
    image.flags.writeable = False
    found = degrade(image, kind, np.random.default_rng(seed))
    assert found.shape == (h, w, 3) and found.dtype == np.uint8
    assert np.array_equal(image, before) and not np.shares_memory(found, image)
    assert np.array_equal(found, degrade(image, kind, np.random.default_rng(seed)))


@given(sides, sides, seeds)
def test_so_it_is_for_each_alone(h: int, w: int, seed: int) -> None:
    image = noise(h, w, seed)
    before = image.copy()
    for one in {drawn for kind in DEGRADATIONS.values() for drawn in kind}:
        for severity in (0.0, 1.0):
            found = one(image, severity, np.random.default_rng(seed))
            assert found.shape == (h, w, 3) and found.dtype == np.uint8 and np.array_equal(image, before)
            assert np.array_equal(found, one(image, severity, np.random.default_rng(seed)))
            turned = one(image[:, ::-1], severity, np.random.default_rng(seed))  # a view
            assert np.array_equal(turned, one(image[:, ::-1].copy(), severity, np.random.default_rng(seed)))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_nearly_every_draw_spoils_the_image_in_a_way_of_its_own(kind: Kind) -> None:
    image = noise(112, 112)
    drawn = [degrade(image, kind, np.random.default_rng(seed)) for seed in range(40)]
    assert len({found.tobytes() for found in drawn}) >= 36  # two may well compress alike
    assert min(np.abs(found.astype(int) - image).mean() for found in drawn) > 1


def test_sometimes_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []

    def noted(number: int) -> degradations.Degradation:
        return lambda image, _, rng: (called.append(number), image)[1]

    monkeypatch.setitem(DEGRADATIONS, "faces", tuple(map(noted, range(5))))
    rng, counts = np.random.default_rng(0), []
    for _ in range(1000):
        called.clear()
        degrade(noise(2, 2), "faces", rng)
        assert len({*called}) == len(called)
        counts.append(len(called))
    assert {*counts} == {1, 2} and counts.count(2) / 1000 == pytest.approx(degradations.SECOND_PROBABILITY, abs=0.05)


def test_the_more_severe_the_more_a_face_changes() -> None:
    image = cv2.GaussianBlur(noise(112, 112), (0, 0), 4)
    image = cv2.normalize(image, image, 20, 235, cv2.NORM_MINMAX)

    def change(severity: float, number: int) -> float:
        one = DEGRADATIONS["faces"][number]
        found = [one(image, severity, np.random.default_rng(seed)) for seed in range(20)]
        return float(np.mean([np.abs(f.astype(int) - image).mean() for f in found]))

    for number in range(len(DEGRADATIONS["faces"])):
        mild, middle, severe = (change(severity, number) for severity in (0, 0.5, 1))
        assert mild < middle < severe and severe > 2 * mild, number
    rngs = [np.random.default_rng(3) for _ in range(2)]
    mild, severe = (degrade(image, "faces", rng, severity) for rng, severity in zip(rngs, (0, 1), strict=True))
    assert np.abs(mild.astype(int) - image).mean() < np.abs(severe.astype(int) - image).mean()


def test_noise_has_its_deviation() -> None:
    found = add_noise(one_colour(100, 100, 128), 20, np.random.default_rng(0))
    assert found.std() == pytest.approx(20, rel=0.03) and found.mean() == pytest.approx(128, abs=0.5)
    assert add_noise(one_colour(9, 9, 255), 50, np.random.default_rng(0)).max() == 255


# --- motion blur -----------------------------------------------------------------------------------------------------


@given(sides, sides, st.floats(0, 90), st.floats(-7, 7), st.integers(0, 255))
def test_a_blur_keeps_one_colour(h: int, w: int, length: float, angle: float, grey: int) -> None:
    image = one_colour(h, w, grey)
    assert np.array_equal(motion_blur(image, length, angle), image)


@given(st.floats(0, 15), st.floats(-7, 7), seeds)
def test_a_blur_keeps_the_mean_and_never_adds_contrast(length: float, angle: float, seed: int) -> None:
    image = one_colour(60, 60, 90)
    image[20:40, 20:40] = noise(20, 20, seed)
    found = motion_blur(image, length, angle)
    assert found.mean() == pytest.approx(image.mean(), abs=0.5)
    assert found.std() <= image.std() + 0.5


@given(st.floats(0, 30), seeds)
def test_a_blur_goes_along_its_angle_alone(length: float, seed: int) -> None:
    rows = noise(20, 1, seed).repeat(30, 1)
    assert np.array_equal(motion_blur(rows, length, 0), rows)
    assert np.array_equal(motion_blur(rows, length, np.pi), rows)
    columns = rows.transpose(1, 0, 2)
    assert np.array_equal(motion_blur(columns, length, np.pi / 2), columns)


def test_a_blur_by_hand() -> None:
    image = one_colour(5, 9, 0)
    image[2, 4] = 210
    for length in (3, 7):
        expected = one_colour(5, 9, 0)
        expected[2, 4 - length // 2 : 5 + length // 2] = 210 // length
        assert np.array_equal(motion_blur(image, length, 0), expected)


@given(st.floats(0, 40), st.floats(-7, 7))
def test_a_blur_goes_as_far_to_either_side(length: float, angle: float) -> None:
    image = one_colour(81, 81, 0)
    image[40, 40] = 255
    ys, xs = motion_blur(image, length, angle)[..., 0].nonzero()
    assert abs(ys.min() + ys.max() - 80) <= 1 and abs(xs.min() + xs.max() - 80) <= 1
    assert abs(ys.mean() - 40) <= 0.5 and abs(xs.mean() - 40) <= 0.5
    assert np.hypot(np.ptp(ys), np.ptp(xs)) <= length + 2.5


@pytest.mark.parametrize("length", [0, 0.5, 1, 1.4])
def test_short_blurs_change_nothing(length: float) -> None:
    assert np.array_equal(motion_blur(noise(), length, 0.3), noise())


# --- low resolution --------------------------------------------------------------------------------------------------


@given(sides, sides, st.floats(1, 99), st.integers(0, 255))
def test_resolution_is_lost_and_one_colour_is_not(h: int, w: int, factor: float, grey: int) -> None:
    image = one_colour(h, w, grey)
    assert np.array_equal(low_resolution(image, factor), image)
    image = noise(h, w)
    assert low_resolution(image, factor).std() <= image.std() + 1 and np.array_equal(low_resolution(image, 1), image)


def test_what_is_finer_than_the_factor_is_gone() -> None:
    stripes = one_colour(64, 64, 0)
    stripes[::2] = 200
    assert np.abs(low_resolution(stripes, 4).astype(int) - 100).max() <= 1


@given(st.integers(1, 10), st.integers(1, 10), seeds)
def test_images_smaller_than_any_low_resolution_are_left_as_they_are(h: int, w: int, seed: int) -> None:
    smaller = degradations._low_resolution(56, 10)
    assert np.array_equal(smaller(noise(h, w), seed / 999, np.random.default_rng(seed)), noise(h, w))


# --- occlusion -------------------------------------------------------------------------------------------------------


places, lengths = st.integers(-30, 50), st.integers(0, 40)


@given(places, places, lengths, lengths, st.booleans())
def test_an_occlusion_covers_its_rectangle_and_nothing_else(top: int, left: int, h: int, w: int, patch: bool) -> None:
    image, cover = noise(20, 30), noise(h, w, 1) if patch else RED
    found = occlude(image, top, left, h, w, cover)
    for y in range(20):
        for x in range(30):
            inside = top <= y < top + h and left <= x < left + w
            expected = image[y, x] if not inside else cover[y - top, x - left] if patch else RED
            assert np.array_equal(found[y, x], expected), (y, x)


@given(st.integers(4, 70), st.integers(4, 70), seeds)
def test_a_drawn_occlusion_hides_something_and_not_everything(h: int, w: int, seed: int) -> None:
    image = pattern(0, 0)[:h, :w] if max(h, w) <= 32 else noise(h, w)
    covered = degradations._occlude(0.15, 0.75)(image, seed / 999, np.random.default_rng(seed))
    same = (covered == image).all(2).mean()
    assert 0.3 <= same < 1


# --- compression and light -------------------------------------------------------------------------------------------


def test_better_quality_is_nearer_to_the_image() -> None:
    image = pattern(3, 0)
    errors = [np.abs(compress(image, quality).astype(int) - image).mean() for quality in (3, 25, 50, 90)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 2 * errors[-1]


def test_colours_stay_in_their_places_through_compression() -> None:
    image = np.broadcast_to(RED, (16, 16, 3)).copy()
    assert np.abs(compress(image, 90).astype(int) - image).max() <= 6


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_more_light_is_never_darker(one: float, other: float) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    dark, bright = (expose(every, stops).astype(int) for stops in sorted((one, other)))
    assert (dark <= bright).all() and (np.diff(dark[..., 0].ravel()) >= 0).all()


def test_light_by_hand() -> None:
    image = np.array([[[0, 10, 100], [127, 128, 255]]], np.uint8)
    assert np.array_equal(expose(image, 0), image)
    assert expose(image, 1).tolist() == [[[0, 20, 200], [254, 255, 255]]]
    assert expose(image, -1).tolist() == [[[0, 5, 50], [63, 64, 127]]]


# --- boxes -----------------------------------------------------------------------------------------------------------


@given(sides, sides, seeds)
def test_a_box_that_is_not_moved_is_the_identity(h: int, w: int, seed: int) -> None:
    image = noise(h, w, seed)
    assert np.array_equal(misalign(image, 0, 0, 1), image)


@pytest.mark.parametrize(("down", "right"), [(3, 0), (0, 5), (-4, 7), (20, -30)])
def test_a_moved_box_shows_what_lies_there_and_repeats_the_edge(down: int, right: int) -> None:
    image = noise(20, 30)
    rows, columns = (np.arange(20) + down).clip(0, 19), (np.arange(30) + right).clip(0, 29)
    assert np.array_equal(misalign(image, down / 20, right / 30, 1), image[rows][:, columns])


@given(sides, sides, st.floats(-1, 1), st.floats(-1, 1), st.floats(0.4, 2), st.integers(0, 255))
def test_no_box_changes_one_colour(h: int, w: int, down: float, right: float, zoom: float, grey: int) -> None:
    assert np.array_equal(misalign(one_colour(h, w, grey), down, right, zoom), one_colour(h, w, grey))


def test_a_larger_box_shows_the_middle_smaller() -> None:
    image = one_colour(64, 64, 0)
    image[16:48, 16:48] = 200
    lit = {zoom: float((misalign(image, 0, 0, zoom)[..., 0] > 100).mean()) for zoom in (0.5, 1, 2)}
    assert lit[1] == 0.25 and lit[0.5] == pytest.approx(1, abs=0.1) and lit[2] == pytest.approx(1 / 16, abs=0.02)
