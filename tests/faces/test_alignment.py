"""Alignment of faces, on pictures whose every point is known."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipselect.faces import TEMPLATE, Face, align, similarity_transform

angles = st.floats(-math.pi, math.pi)


def similarity(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[a, -b, x], [b, a, y]])


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def ramp(width: int = 200, height: int = 160) -> np.ndarray:
    """[h, w, 3]: red is x, green is y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 255)], axis=2).astype(np.uint8)


@given(angles, st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500))
def test_a_similarity_is_found_again(angle: float, scale: float, x: float, y: float) -> None:
    matrix = similarity(angle, scale, x, y)
    assert np.allclose(similarity_transform(TEMPLATE, moved(TEMPLATE, matrix)), matrix, atol=1e-7)


@given(st.integers(0, 2**31), st.integers(2, 8))
def test_no_other_similarity_is_nearer(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    best = similarity_transform(a, b)
    assert best[0, 0] == best[1, 1] and best[0, 1] == -best[1, 0]  # no reflection, no shear
    error = ((moved(a, best) - b) ** 2).sum()
    for turn, scale, x, y in 1 + rng.normal(size=(30, 4)) * [0.3, 0.3, 1, 1]:
        other = similarity(turn - 1, scale, x - 1, y - 1)
        nudged = np.c_[best[:, :2] @ other[:, :2], best[:, 2] + other[:, 2]]
        assert error <= ((moved(a, nudged) - b) ** 2).sum() + 1e-9


def test_it_is_umeyamas_solution() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(5, 2)) * 30
    b = a @ np.array([[1.2, 0.3], [-0.3, 1.2]]) + rng.normal(size=(5, 2)) * 4 + [7, -3]
    x, y = a - a.mean(0), b - b.mean(0)
    u, s, vt = np.linalg.svd(y.T @ x / 5)
    sign = np.diag([1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(sign)).sum() / (x**2).sum(1).mean()
    rotation = scale * u @ sign @ vt
    expected = np.c_[rotation, b.mean(0) - rotation @ a.mean(0)]
    assert np.allclose(similarity_transform(a, b), expected)


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ([[1, 2]] * 5, TEMPLATE, "coincide"),
        (TEMPLATE, [[1, 2]] * 5, "coincide"),
        ([[1, 2]], [[1, 2]], "n >= 2"),
        (TEMPLATE, TEMPLATE[:4], r"\[5, 2\] and \[4, 2\]"),
        (TEMPLATE * np.nan, TEMPLATE, "finite"),
    ],
)
def test_points_without_a_similarity_are_refused(source: np.ndarray, target: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        similarity_transform(source, target)


@pytest.mark.parametrize("size", [112, 56])
def test_landmarks_come_to_lie_on_the_template(size: int) -> None:
    frame = np.zeros((300, 400, 3), np.uint8)
    place = similarity(0.5, 1.3, 130, 40)  # of the template in the frame
    landmarks = moved(TEMPLATE, place)
    for x, y in landmarks:
        cv2.circle(frame, (round(x * 16), round(y * 16)), 3 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    found = align(frame, Face((0, 0, 50, 50), 1.0, landmarks), size)
    assert found.by_landmarks and found.image.shape == (size, size, 3) and found.image.dtype == np.uint8
    assert np.allclose(moved(landmarks, found.matrix), TEMPLATE * size / 112)
    _, _, _, centres = cv2.connectedComponentsWithStats((found.image[..., 0] > 127).astype(np.uint8))
    order = [np.abs(centres[1:] - p).sum(1).argmin() for p in TEMPLATE * size / 112]
    assert sorted(order) == [0, 1, 2, 3, 4] and np.allclose(centres[1:][order], TEMPLATE * size / 112, atol=0.35)


def test_without_landmarks_the_crop_is_a_square_around_the_box_and_says_so() -> None:
    found = align(ramp(), Face((40, 30, 56, 40), 1.0), size=112, margin=0.0)
    assert not found.by_landmarks  # a square of 56 around (68, 50): every pixel becomes two
    assert np.allclose(moved(np.array([[40, 22], [96, 78]]), found.matrix), [[0, 0], [112, 112]])
    assert np.allclose(found.image[20:-20, 20:-20, 0].mean(0), 40 + np.arange(20, 92) / 2, atol=0.6)
    assert np.allclose(found.image[20:-20, 20:-20, 1].mean(1), 22 + np.arange(20, 92) / 2, atol=0.6)
    wider = align(ramp(), Face((40, 30, 56, 40), 1.0), size=112, margin=0.5)
    assert np.allclose(moved(np.array([[12, -6], [124, 106]]), wider.matrix), [[0, 0], [112, 112]])


def test_beyond_the_frame_it_is_black() -> None:
    found = align(np.full((100, 100, 3), 200, np.uint8), Face((50, -50, 100, 100), 1.0), size=100, margin=0.0)
    assert (found.image[60:, :40] == 200).all()
    assert (found.image[:45] == 0).all() and (found.image[:, 55:] == 0).all()


def test_large_faces_are_averaged_and_stay_in_place() -> None:
    stripes = np.zeros((800, 800, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the crop can show
    grey = align(stripes, Face((50, 50, 700, 700), 1.0), size=100, margin=0.0).image[5:-5, 5:-5]
    assert abs(grey.mean() - 127.5) < 2 and grey.std() < 19  # four of seven samples are white, or three
    smooth = np.repeat(np.arange(800)[None], 800, 0) // 4
    frame = np.stack([smooth] * 3, 2).astype(np.uint8)
    row = align(frame, Face((0, 0, 800, 800), 1.0), size=100, margin=0.0).image[50, 5:-5, 0].astype(float)
    assert np.allclose(row, (np.arange(5, 95) + 0.5) * 2, atol=1.1)


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (0, 0, 10, -1), (0, 0, math.nan, 10), (math.inf, 0, 10, 10)])
def test_empty_boxes_are_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="empty"):
        align(ramp(), Face(box, 1.0))
    with pytest.raises(ValueError, match="empty"):
        align(ramp(), Face((0, 0, 10, 10), 1.0), margin=-0.5)
