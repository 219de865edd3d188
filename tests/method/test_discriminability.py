"""Equations 2 and 3, as the paper's ratio: worked by hand, their sign and zero cases, and the laws they obey for any
finite input."""

import math
from random import Random

import pytest
import torch
from helpers.laws import contrasts, elements, metrics, one, rows, small_integers
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from clipselect.method.discriminability import (
    EPS,
    CentroidAccumulator,
    Contrast,
    Metric,
    class_centroids,
    discriminability,
)

# --- centroids -------------------------------------------------------------------------------------------------------


def test_a_centroid_is_the_mean_of_its_class() -> None:
    features, labels = rows((1, 0), (3, 2), (0, 6)), torch.tensor([0, 0, 1])
    # C_0 = ((1 + 3) / 2, (0 + 2) / 2) = (2, 1); C_1 = (0, 6)
    assert class_centroids(features, labels, 2).tolist() == [[2, 1], [0, 6]]


def test_an_empty_class_has_a_nan_centroid() -> None:
    centroids = class_centroids(rows((1, 0), (0, 1)), torch.tensor([0, 2]), 3)
    assert centroids.isnan().all(dim=1).tolist() == [False, True, False]


def test_centroids_are_float64_so_that_millions_of_float32_features_do_not_lose_digits() -> None:
    accumulator = CentroidAccumulator(2, 1)
    accumulator.update(rows((2.0**24,)), torch.tensor([0]))
    for _ in range(3):  # in float32, 2^24 + 1 = 2^24
        accumulator.update(rows((1.0,)), torch.tensor([0]))
    assert float(accumulator.compute()[0, 0]) == (2**24 + 3) / 4


@given(elements(small_integers), st.randoms(use_true_random=False), st.integers(1, 4))
def test_centroids_stream_in_any_batches_and_any_order(
    data: tuple[Tensor, Tensor, int], rng: Random, size: int
) -> None:
    features, labels, classes = data
    order = list(range(len(labels)))
    rng.shuffle(order)
    accumulator = CentroidAccumulator(classes, features.shape[1])
    for i in range(0, len(order), size):
        accumulator.update(features[order[i : i + size]], labels[order[i : i + size]])
    at_once = class_centroids(features, labels, classes)
    assert torch.equal(accumulator.count, torch.bincount(labels, minlength=classes))
    assert torch.allclose(accumulator.compute(), at_once, rtol=0, atol=0, equal_nan=True)


# --- equations 2 and 3 -----------------------------------------------------------------------------------------------


def test_eq_2_and_3_by_hand_with_the_cosine() -> None:
    centroids = rows((1, 0), (0, 1), (1, 1))
    # f = (3, 4), |f| = 5. Eq. 2: cos(f, C_0) = 3/5, cos(f, C_1) = 4/5, cos(f, C_2) = (3 + 4) / (5 sqrt 2) = 0.98995.
    c0, c1, c2 = 3 / 5, 4 / 5, 7 / (5 * math.sqrt(2))
    # Eq. 3: the own similarity over the largest other one.
    assert one((3, 4), 0, centroids) == pytest.approx(c0 / c2)  # 0.6061
    assert one((3, 4), 1, centroids) == pytest.approx(c1 / c2)  # 0.8081
    assert one((3, 4), 2, centroids) == pytest.approx(c2 / c1)  # 1.2374


def test_the_cosine_ratio_ignores_the_length_of_features_and_centroids() -> None:
    centroids = rows((1, 0), (1, 1))
    assert one((300, 400), 0, centroids * rows((7,), (0.01,))) == pytest.approx(one((3, 4), 0, centroids))


def test_a_hardest_negative_near_zero_is_clamped_at_eps() -> None:
    # cos(f, C_0) = 1, cos(f, C_1) = 0: 1 / 0 without the clamp, 1 / eps with it.
    assert one((1, 0), 0, rows((1, 0), (0, 1))) == pytest.approx(1 / EPS)
    assert one((1, 0), 0, rows((1, 0), (0, 1)), eps=0.5) == pytest.approx(2)


def test_a_negative_hardest_negative_does_not_flip_the_sign() -> None:
    # cos(f, C_0) = 1, cos(f, C_1) = -1: a ratio of -1 would rank the best possible element below the worst.
    assert one((1, 0), 0, rows((1, 0), (-1, 0))) == pytest.approx(1 / EPS)


def test_a_negative_own_similarity_scores_below_zero() -> None:
    # cos(f, C_0) = -1, cos(f, C_1) = 1: D = -1 / 1. With C_1 at right angles: -1 / eps.
    assert one((-1, 0), 0, rows((1, 0), (-1, 0))) == pytest.approx(-1)
    assert one((-1, 0), 0, rows((1, 0), (0, 1))) == pytest.approx(-1 / EPS)


def test_opposite_to_every_class_is_worse_than_opposite_to_the_own_one() -> None:
    # own -0.8, hardest negative -0.6: (-0.8) / (-0.6) > 0 without the clamp; it must stay below 0.
    assert one((-4, -3), 0, rows((1, 0), (0, 1))) == pytest.approx(-0.8 / EPS)


def test_a_zero_feature_scores_zero_with_the_cosine() -> None:
    assert one((0, 0), 0, rows((1, 0), (0, 1))) == 0


def test_a_zero_centroid_has_similarity_zero() -> None:
    assert one((1, 0), 0, rows((0, 0), (1, 0))) == 0  # 0 / 1


def test_an_empty_class_never_counts_as_a_negative() -> None:
    nan = float("nan")
    # cos(f, C_2) = 3/5 is the only negative: 0.8 / 0.6, whatever stands for the empty class 1.
    assert one((4, 3), 0, rows((1, 0), (nan, nan), (0, 1))) == pytest.approx(0.8 / 0.6)


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="two classes"):
        one((1, 0), 0, rows((1, 0)))
    with pytest.raises(ValueError, match="two classes"):
        one((1, 0), 0, rows((1, 0), (float("nan"), float("nan"))))


def test_an_element_whose_class_has_no_centroid_is_an_error() -> None:
    with pytest.raises(ValueError, match="no centroid"):
        one((1, 0), 1, rows((1, 0), (float("nan"), float("nan")), (0, 1)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_feature_that_is_not_finite_is_an_error(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        one((1, bad), 0, rows((1, 0), (0, 1)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        class_centroids(rows((1, bad)), torch.tensor([0]), 2)


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_out_of_range_is_an_error(label: int) -> None:
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        one((1, 0), label, rows((1, 0), (0, 1)))
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        class_centroids(rows((1, 0)), torch.tensor([label]), 2)


@pytest.mark.parametrize(("features", "labels"), [((3,), (3,)), ((3, 2), (2,)), ((3, 2), (3, 1))])
def test_wrong_shapes_are_an_error(features: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected features"):
        discriminability(torch.ones(features), torch.zeros(labels, dtype=torch.int64), rows((1, 0), (0, 1)))


def test_no_elements_have_no_discriminabilities() -> None:
    out = discriminability(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), rows((1, 0), (0, 1)))
    assert out.shape == (0,)


@given(elements(small_integers), st.randoms(use_true_random=False))
def test_the_order_of_the_elements_does_not_matter(data: tuple[Tensor, Tensor, int], rng: Random) -> None:
    features, labels, classes = data
    order = list(range(len(labels)))
    rng.shuffle(order)
    straight = discriminability(features, labels, class_centroids(features, labels, classes))
    centroids = class_centroids(features[order], labels[order], classes)
    shuffled = discriminability(features[order], labels[order], centroids)
    assert torch.allclose(shuffled, straight[order], rtol=1e-12, atol=1e-12)


@given(elements(), st.sampled_from([1e-200, 1e-30, 1e200]))
def test_float64_features_have_a_bounded_discriminability(data: tuple[Tensor, Tensor, int], scale: float) -> None:
    features, labels, classes = data
    features = features.double() * scale  # to within 1e-245 and 1e238
    out = discriminability(features, labels, class_centroids(features, labels, classes))
    assert bool((out.abs() <= 1 / EPS * (1 + 1e-12)).all())


def test_eq_3_by_hand_with_the_euclidean_distance() -> None:
    centroids = rows((3, 0), (3, 3), (0, 0))
    # f = (3, 4): |f - C_0| = 4, |f - C_1| = 1, |f - C_2| = 5. Nearest other centroid over the own one.
    assert one((3, 4), 0, centroids, metric="euclidean") == pytest.approx(1 / 4)
    assert one((3, 4), 1, centroids, metric="euclidean") == pytest.approx(4 / 1)
    assert one((3, 4), 2, centroids, metric="euclidean") == pytest.approx(1 / 5)


def test_an_element_on_its_own_centroid_is_clamped_with_the_euclidean_distance() -> None:
    # own distance 0, nearest other 2: 2 / 0 without the clamp, 2 / (eps * 2) = 1 / eps with it.
    assert one((0, 0), 0, rows((0, 0), (2, 0)), metric="euclidean") == pytest.approx(1 / EPS)
    assert one((0, 0), 0, rows((0, 0), (2, 0)), metric="euclidean", eps=0.5) == pytest.approx(2)


def test_an_element_on_another_centroid_scores_zero_and_on_both_one() -> None:
    assert one((2, 0), 0, rows((0, 0), (2, 0)), metric="euclidean") == 0
    assert one((2, 0), 0, rows((2, 0), (2, 0)), metric="euclidean") == 1


def test_an_empty_class_is_not_at_the_origin() -> None:
    nan = float("nan")
    # own distance 1, nearest other centroid at 4; the empty class read as (0, 0) would lie at 2
    assert one((2, 0), 0, rows((1, 0), (nan, nan), (6, 0)), metric="euclidean") == pytest.approx(4)


def test_the_euclidean_ratio_has_no_unit() -> None:
    centroids = rows((3, 0), (3, 3))
    for scale in (1e-30, 1.0, 1e30):
        assert one((3 * scale, 4 * scale), 0, centroids * scale, metric="euclidean") == pytest.approx(1 / 4)


@given(elements(small_integers), st.integers(1, 9), metrics, contrasts)
def test_chunks_do_not_change_the_answer(
    data: tuple[Tensor, Tensor, int], chunk: int, metric: Metric, contrast: Contrast
) -> None:
    features, labels, classes = data
    centroids = class_centroids(features, labels, classes)
    chunked = discriminability(features, labels, centroids, chunk=chunk, metric=metric, contrast=contrast)
    whole = discriminability(features, labels, centroids, metric=metric, contrast=contrast)
    assert torch.allclose(chunked, whole, rtol=1e-12, atol=1e-12)


@given(elements(), metrics)
def test_any_finite_features_have_a_bounded_discriminability(data: tuple[Tensor, Tensor, int], metric: Metric) -> None:
    features, labels, classes = data
    centroids = class_centroids(features, labels, classes)
    ratio = discriminability(features, labels, centroids, metric=metric)
    difference = discriminability(features, labels, centroids, metric=metric, contrast="difference")
    assert ratio.dtype == torch.float64
    assert bool((ratio.abs() <= 1 / EPS * (1 + 1e-12)).all())
    if metric == "euclidean":
        assert bool((ratio >= 0).all()) and bool(difference.isfinite().all())
    else:
        assert bool((difference.abs() <= 2 + 1e-9).all())


@given(elements(small_integers))
def test_the_euclidean_ratio_by_brute_force(data: tuple[Tensor, Tensor, int]) -> None:
    features, labels, classes = data
    centroids = class_centroids(features, labels, classes)
    out = discriminability(features, labels, centroids, metric="euclidean")
    for f, own, d in zip(features.double(), labels.tolist(), out.tolist(), strict=True):
        to = [float((f - c).norm()) for c in centroids]
        nearest = min(to[n] for n in set(labels.tolist()) if n != own)
        expected = nearest / max(to[own], EPS * nearest) if nearest > 0 else float(to[own] == 0)
        assert d == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int64])
def test_labels_of_any_integer_dtype(dtype: torch.dtype) -> None:
    features, labels = rows((1, 0), (1, 1)), torch.tensor([0, 1], dtype=dtype)
    out = discriminability(features, labels, class_centroids(features, labels, 2))
    assert out.tolist() == pytest.approx([2**0.5, 2**0.5])


@pytest.mark.parametrize(("option", "value"), [("metric", "hamming"), ("contrast", "product")])
def test_an_unknown_metric_or_contrast_is_an_error(option: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"{option} must be one of .*got '{value}'"):
        one((1, 0), 0, rows((1, 0), (0, 1)), **{option: value})
