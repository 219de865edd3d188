"""Equation 3 as a difference in place of the paper's ratio: worked by hand, and its laws."""

import math
from functools import partial

import pytest
import torch
from helpers.laws import elements, metrics, one, rows, small_integers
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from clipselect.method.discriminability import (
    EPS,
    Metric,
    class_centroids,
    discriminability,
)


def test_the_difference_of_cosines_by_hand() -> None:
    centroids = rows((1, 0), (0, 1), (1, 1))
    # f = (3, 4): cosines 0.6, 0.8 and 7 / (5 sqrt 2) = 0.98995
    c0, c1, c2 = 3 / 5, 4 / 5, 7 / (5 * math.sqrt(2))
    assert one((3, 4), 0, centroids, contrast="difference") == pytest.approx(c0 - c2)
    assert one((3, 4), 1, centroids, contrast="difference") == pytest.approx(c1 - c2)
    assert one((3, 4), 2, centroids, contrast="difference") == pytest.approx(c2 - c1)


def test_the_difference_of_distances_by_hand() -> None:
    centroids = rows((3, 0), (3, 3), (0, 0))
    # f = (3, 4): distances 4, 1 and 5. The nearest other centroid less the own one.
    assert one((3, 4), 0, centroids, metric="euclidean", contrast="difference") == pytest.approx(1 - 4)
    assert one((3, 4), 1, centroids, metric="euclidean", contrast="difference") == pytest.approx(4 - 1)
    assert one((3, 4), 2, centroids, metric="euclidean", contrast="difference") == pytest.approx(1 - 5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_difference_needs_no_clamp(metric: Metric) -> None:
    # at right angles to, or on, a centroid: what the ratio must clamp
    assert one((1, 0), 0, rows((1, 0), (0, 1)), metric=metric, contrast="difference", eps=0.5) == pytest.approx(
        {"cosine": 1 - 0, "euclidean": math.sqrt(2) - 0}[metric]
    )
    assert one((0, 0), 0, rows((1, 0), (0, 1)), metric=metric, contrast="difference") == 0


def test_an_empty_class_is_no_negative_of_a_difference_either() -> None:
    nan = float("nan")
    centroids = rows((1, 0), (nan, nan), (6, 0))
    assert one((2, 0), 0, centroids, metric="euclidean", contrast="difference") == pytest.approx(4 - 1)
    assert one((4, 3), 0, rows((1, 0), (nan, nan), (0, 1)), contrast="difference") == pytest.approx(0.8 - 0.6)


@given(elements(small_integers), metrics)
def test_the_difference_by_brute_force(data: tuple[Tensor, Tensor, int], metric: Metric) -> None:
    features, labels, classes = data
    centroids = class_centroids(features, labels, classes)
    out = discriminability(features, labels, centroids, metric=metric, contrast="difference")
    for f, own, d in zip(features.double(), labels.tolist(), out.tolist(), strict=True):
        if metric == "cosine":
            near = [float(f @ c / ((f.norm() * c.norm()) or 1)) for c in centroids]
        else:
            near = [-float((f - c).norm()) for c in centroids]
        hardest = max(near[n] for n in set(labels.tolist()) if n != own)
        assert d == pytest.approx(near[own] - hardest, rel=1e-9, abs=1e-9)


@given(elements(small_integers), metrics)
def test_ratio_and_difference_agree_on_which_side_of_the_border_an_element_lies(
    data: tuple[Tensor, Tensor, int], metric: Metric
) -> None:
    features, labels, classes = data
    centroids = class_centroids(features, labels, classes)
    ratio, difference = (
        discriminability(features, labels, centroids, metric=metric, contrast=contrast)
        for contrast in ("ratio", "difference")
    )
    clear = difference.abs() > 1e-6
    if metric == "cosine":
        clear &= ratio.abs() < 1 / EPS / 2  # where the ratio is not clamped and the sign says what it seems to
        clear &= ratio > 0
    assert bool(((ratio > 1) == (difference > 0))[clear].all())


@given(elements(small_integers), st.sampled_from([1e-30, 1e-3, 7.0, 1e30]))
def test_the_difference_of_distances_has_the_unit_of_the_features(
    data: tuple[Tensor, Tensor, int], scale: float
) -> None:
    features, labels, classes = data
    features, centroids = features.double(), class_centroids(features, labels, classes)
    difference = partial(discriminability, metric="euclidean", contrast="difference")
    straight = difference(features, labels, centroids)
    scaled = difference(features * scale, labels, centroids * scale)
    assert torch.allclose(scaled, straight * scale, rtol=1e-9, atol=1e-9 * scale)
