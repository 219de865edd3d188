"""Identification against a gallery, and templates pooled by media: by hand, and against plain loops."""

import numpy as np
import pytest
from helpers.verification import rank_accuracy, tar_at_far, tpir_at_fpir
from hypothesis import given
from hypothesis import strategies as st

from clipselect.evaluation.metrics import intervals
from clipselect.evaluation.metrics.templates import pool_by_media


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Similarities [probes, gallery] with ties, and identities of both; with mates and without."""
    probes, gallery = draw(st.integers(2, 12)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    gallery_ids, probe_ids = rng.integers(0, 5, gallery), rng.integers(0, 9, probes)
    probe_ids[:2] = gallery_ids[0], 99
    return rng.integers(0, 7, (probes, gallery)) / 7, probe_ids, gallery_ids


def test_ranks_by_hand() -> None:
    similarities = [[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.5], [0.9, 0.5, 0.1]]
    found = rank_accuracy(similarities, ["a", "b", "c", "nobody"], ["a", "b", "c"], (1, 2, 3, 9))
    # a is first, b second, c ties with b for the second place and so comes third
    assert found.rates == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert (found.mated, found.unmated, found.ranks) == (3, 1, (1, 2, 3, 9))


@given(searches())
def test_ranks_are_those_of_a_plain_loop(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    similarities, probes, gallery = data
    ranks = []
    for row, probe in zip(similarities, probes, strict=True):
        if probe in gallery:
            best = max(s for s, g in zip(row, gallery, strict=True) if g == probe)
            ranks.append(1 + sum(s >= best for s, g in zip(row, gallery, strict=True) if g != probe))
    found = rank_accuracy(similarities, probes, gallery, range(1, 9))
    assert found.rates == pytest.approx([np.mean([rank <= r for rank in ranks]) for r in range(1, 9)])
    assert found.mated == len(ranks) and found.unmated == len(probes) - len(ranks)
    assert rank_accuracy(np.exp(similarities), probes, gallery, range(1, 9)).rates.tolist() == found.rates.tolist()


def test_who_cannot_tell_anybody_apart_finds_nobody() -> None:
    assert rank_accuracy(np.ones((4, 4)), range(4), range(4), (1, 3, 4)).rates.tolist() == [0, 0, 1]
    points = tpir_at_fpir(np.ones((5, 4)), range(5), range(4), [1.0])
    assert points[0].rate == 0


def test_open_set_by_hand() -> None:
    similarities = np.array([[0.9, 0.2], [0.3, 0.4], [0.8, 0.3], [0.75, 0.1], [0.1, 0.5]])
    probes, gallery = ["a", "b", "b", "x", "y"], ["a", "b"]
    # mated: a at .9 and b at .4 at rank 1, the second b is taken for a; without a mate: .75 and .5
    points = tpir_at_fpir(similarities, probes, gallery, [0.25, 0.5, 1.0])
    assert [p.rate for p in points] == [None, pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert [p.threshold for p in points] == [None, 0.75, 0.4]
    assert "at least 4 impostor trials, there are 2" in str(points[0].why_not)


@given(searches())
def test_open_set_is_verification_of_the_first_of_every_search(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    similarities, probes, gallery = data
    mated = np.isin(probes, gallery)
    best, first = np.empty(len(probes)), np.zeros(len(probes), bool)
    for i, row in enumerate(similarities):
        others = row[gallery != probes[i]].max(initial=-1)
        own = row[gallery == probes[i]].max(initial=-1)
        best[i], first[i] = (own, own > others) if mated[i] else (others, True)
    points = tpir_at_fpir(similarities, probes, gallery, [0.2, 0.5, 1.0])
    measured = [p.rate for p in points if p.rate is not None]
    assert measured == sorted(measured) and measured[-1] == (first & mated).sum() / mated.sum()
    # who is not first is at a similarity below all others, where only FPIR 1 would find them
    expected = tar_at_far(np.where(first, best, -9), mated, [0.2, 0.5])
    for own, theirs in zip(points[:2], expected, strict=True):
        assert own.rate == pytest.approx(theirs.rate)


def test_large_searches_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = rng.random((50, 20)), rng.integers(0, 30, 50), rng.integers(0, 25, 20)
    ranked, opened = rank_accuracy(*data), tpir_at_fpir(*data, [0.1, 0.5])
    monkeypatch.setattr(intervals, "MAX_NUMBERS", 60)
    assert rank_accuracy(*data).rates.tolist() == ranked.rates.tolist() and tpir_at_fpir(*data, [0.1, 0.5]) == opened


@pytest.mark.parametrize(
    ("similarities", "probes", "gallery", "says"),
    [
        (np.ones((2, 2)), [0, 1], [2, 3], "not one probe has a mate|0 and 2"),
        (np.ones((2, 3)), [0, 1], [0, 1], r"\[2, 3\] for 2 probes and 2"),
        (np.ones((0, 2)), [], [0, 1], r"\[0, 2\] for 0"),
        (np.full((2, 2), np.nan), [0, 9], [0, 1], "NaN"),
    ],
)
def test_searches_that_make_no_sense_are_refused(
    similarities: np.ndarray, probes: list[int], gallery: list[int], says: str
) -> None:
    for refused in (
        lambda: rank_accuracy(similarities, probes, gallery),
        lambda: tpir_at_fpir(similarities, probes, gallery, [1.0]),
    ):
        with pytest.raises(ValueError, match=says):
            refused()


def test_edges_of_searches() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rank_accuracy(np.eye(2), [0, 1], [0, 1], (0, 1))
    with pytest.raises(ValueError, match="2 and 0"):
        tpir_at_fpir(np.eye(2), [0, 1], [0, 1], [0.1])
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        tpir_at_fpir(np.eye(2), [0, 2], [0, 1], [0.0])


def test_a_video_counts_as_much_as_a_still() -> None:
    features = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1]])
    assert pool_by_media(features, ["still", "video", "video", "video"]) == pytest.approx([0.5**0.5, 0.5**0.5])


def test_weights_decide_within_a_medium_and_not_between_media() -> None:
    features = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    media = [7, 7, 9, 9]
    mean = np.array([0.75, 0.25, 0]) / 2 + np.array([0, 0, 1.0]) / 2
    assert pool_by_media(features, media, [0.3, 0.1, 0.001, 0]) == pytest.approx(mean / np.linalg.norm(mean))
    alike = pool_by_media(features, media)
    assert pool_by_media(features, media, [0, 0, 0.2, 0.2]) == pytest.approx(alike)  # all 0: all the same
    assert pool_by_media(features, media, [5e-324, 5e-324, 1.7e308, 1.7e308]) == pytest.approx(alike)


@given(st.integers(1, 12), st.integers(0, 2**31))
def test_pooling_does_not_depend_on_order_or_on_the_scale_of_weights(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, media, weights = rng.normal(size=(n, 4)), rng.integers(0, 3, n), rng.random(n)
    pooled = pool_by_media(features, media, weights)
    assert np.linalg.norm(pooled) == pytest.approx(1)
    order = rng.permutation(n)
    assert pool_by_media(features[order], media[order], 3 * weights[order]) == pytest.approx(pooled)
    means = [np.average(features[media == m], axis=0, weights=weights[media == m]) for m in set(media.tolist())]
    assert pooled == pytest.approx(np.mean(means, axis=0) / np.linalg.norm(np.mean(means, axis=0)))


@pytest.mark.parametrize(
    ("features", "media", "weights", "says"),
    [
        (np.eye(2), [0], None, "medium and a weight"),
        (np.eye(2), [0, 0], [1], "medium and a weight"),
        (np.empty((0, 2)), [], None, "at least one element"),
        (np.eye(2), [0, 0], [1, -1], "at least 0"),
        (np.full((1, 2), np.nan), [0], None, "finite"),
        (np.zeros((2, 2)), [0, 1], None, "no direction"),
        ([[1.0, 0], [-1, 0]], [0, 1], None, "no direction"),
    ],
)
def test_templates_that_cannot_be_pooled_are_refused(
    features: np.ndarray, media: list[int], weights: list[float] | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        pool_by_media(features, media, weights)
