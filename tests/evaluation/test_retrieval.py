"""Mean average precision and CMC: by hand, against the loop of MARS's published code."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipselect.evaluation.metrics import intervals
from clipselect.evaluation.metrics.intervals import bootstrap_interval
from clipselect.evaluation.metrics.retrieval import Retrieval, retrieval

GALLERY = np.array([[1.0], [2], [3], [4], [5], [6]])


def one(gallery_ids: list[int], cameras: list[int]) -> Retrieval:
    """The query is identity 7 in camera 1; the gallery lies in the order of its distances."""
    return retrieval([[0.0]], GALLERY, [7], [1], gallery_ids, cameras)


def by_loop(distances: NDArray[np.float64], query: tuple[int, int], ids: Any, cameras: Any) -> tuple[float, int] | None:
    """What MARS's published evaluation does for one query, step by step: (average precision, first rank)."""
    good = {g for g in range(len(ids)) if ids[g] == query[0] and cameras[g] != query[1] and ids[g] > 0}
    junk = {g for g in range(len(ids)) if ids[g] == -1 or (ids[g] == query[0] and cameras[g] == query[1])}
    if not good:
        return None
    old_recall, old_precision, area, hits, seen, first = 0.0, 1.0, 0.0, 0, 0, 0
    for g in sorted(range(len(ids)), key=lambda g: (distances[g], g in good)):
        if g in junk:
            continue
        if g in good:
            hits += 1
            first = first or seen + 1
        recall, precision = hits / len(good), hits / (seen + 1)
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
        seen += 1
    return area, first


def scene(seed: int, queries: int = 12, gallery: int = 60, dims: int = 4) -> tuple[Any, ...]:
    """Whole numbers as features, so that many distances are equal; identities with junk and distractors."""
    rng = np.random.default_rng(seed)
    features = [rng.integers(-2, 3, (n, dims)).astype(np.float32) for n in (queries, gallery)]
    ids = [rng.integers(1, 6, queries), rng.integers(-1, 6, gallery)]
    cameras = [rng.integers(1, 4, n) for n in (queries, gallery)]
    return features[0], features[1], ids[0], cameras[0], ids[1], cameras[1]


def test_by_hand() -> None:
    found = one([7, 3, 7, 7, 4, 7], [1, 2, 2, 3, 1, 2])  # the nearest is of the same camera: ranks 2, 3 and 5 of 5
    assert found.average_precision[0] == pytest.approx(((0 + 1 / 2) + (1 / 2 + 2 / 3) + (2 / 4 + 3 / 5)) / 6)
    assert found.first_match.tolist() == [2] and found.cmc == {1: 0, 5: 1, 20: 1} and found.excluded == 0


def test_junk_is_passed_over_and_distractors_are_wrong() -> None:
    junk = one([-1, -1, 7, -1, -1, -1], [2] * 6)
    assert junk.mean_average_precision == 1 and junk.cmc[1] == 1
    distractors = one([0, 0, 7, 0, 0, 0], [2] * 6)
    assert distractors.mean_average_precision == pytest.approx(1 / 6) and distractors.first_match.tolist() == [3]


def test_queries_without_a_true_match_are_excluded_and_counted() -> None:
    far = retrieval(np.zeros((4, 1)), GALLERY, [9, 7, 0, -1], [1, 1, 1, 1], [7, 0, 0, -1, -1, 7], [2, 2, 2, 2, 2, 1])
    assert far.excluded == 3 and far.queries.tolist() == [1] and far.mean_average_precision == 1


def test_of_equal_distances_the_wrong_answers_come_first() -> None:
    constant = retrieval(np.ones((1, 8)) / 3, np.ones((3, 8)) / 3, ["a"], ["x"], ["a", "b", "c"], ["y", "y", "y"])
    assert constant.first_match.tolist() == [3]


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_published_loop_in_parts_of_any_size(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery, query_ids, query_cameras, ids, cameras = scene(seed)
    monkeypatch.setattr(intervals, "MAX_NUMBERS", 5 * len(gallery))
    found = retrieval(query, gallery, query_ids, query_cameras, ids, cameras)
    distances = np.sqrt(np.square(query[:, None] - gallery).sum(-1))
    expected = [by_loop(d, (i, c), ids, cameras) for d, i, c in zip(distances, query_ids, query_cameras, strict=True)]
    right = [e for e in expected if e is not None]
    assert found.queries.tolist() == [i for i, e in enumerate(expected) if e is not None]
    assert found.excluded == len(expected) - len(right)
    np.testing.assert_allclose(found.average_precision, [e[0] for e in right], rtol=1e-12)
    assert found.first_match.tolist() == [e[1] for e in right]
    assert found.cmc == {r: np.mean([e[1] <= r for e in right]) for r in (1, 5, 20)}


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_both_metrics_order_the_gallery_as_they_say(metric: Any) -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(6, 5)), rng.normal(size=(80, 5)) * rng.uniform(0.2, 5, (80, 1))
    ids, query_ids = rng.integers(1, 4, 80), [1, 2, 3] * 2
    found = retrieval(query, gallery, query_ids, [0] * 6, ids, [1] * 80, metric=metric)
    distances = np.sqrt(np.square(query[:, None] - gallery).sum(-1))
    if metric == "cosine":
        distances = -query @ gallery.T / np.linalg.norm(query, axis=1)[:, None] / np.linalg.norm(gallery, axis=1)
    expected = [by_loop(d, (i, 0), ids, [1] * 80) for i, d in zip(query_ids, distances, strict=True)]
    np.testing.assert_allclose(found.average_precision, [e[0] for e in expected if e is not None], rtol=1e-12)


@given(seed=st.integers(0, 10**6), data=st.data())
def test_the_order_of_gallery_and_queries_makes_no_difference(seed: int, data: st.DataObject) -> None:
    query, gallery, query_ids, query_cameras, ids, cameras = scene(seed, 6, 20)
    ids[0], cameras[0], query_ids[0], query_cameras[0] = 1, 1, 1, 2  # one true match at least
    p, g = (np.array(data.draw(st.permutations(range(n)))) for n in (6, 20))
    one = retrieval(query, gallery, query_ids, query_cameras, ids, cameras)
    other = retrieval(query[p], gallery[g], query_ids[p], query_cameras[p], ids[g], cameras[g])
    order = np.argsort(p[other.queries])
    assert p[other.queries][order].tolist() == one.queries.tolist()
    assert other.average_precision[order].tolist() == one.average_precision.tolist()
    assert other.first_match[order].tolist() == one.first_match.tolist() and other.cmc == one.cmc


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-200, 1e-6, 3.0, 1e200]))
def test_scale_and_names_make_no_difference(seed: int, scale: float) -> None:
    query, gallery, query_ids, query_cameras, ids, cameras = scene(seed)
    one = retrieval(query, gallery, query_ids, query_cameras, ids, cameras)
    names = [v if v < 1 else f"person {v}" for v in ids.tolist()]
    sought = [f"person {v}" for v in query_ids]
    scaled = query.astype(np.float64) * scale, gallery.astype(np.float64) * scale
    other = retrieval(*scaled, sought, query_cameras, names, cameras)
    assert other.first_match.tolist() == one.first_match.tolist()
    assert other.average_precision.tolist() == one.average_precision.tolist()


def test_intervals_can_be_drawn_over_identities() -> None:
    query, gallery, query_ids, query_cameras, ids, cameras = scene(3)
    found = retrieval(query, gallery, query_ids, query_cameras, ids, cameras)
    low, high = bootstrap_interval(found.average_precision, clusters=query_ids[found.queries].tolist())
    assert low < found.mean_average_precision < high


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"query_features": [[np.nan, 1]]}, "query features must be finite; row 0"),
        ({"gallery_features": [[0, 1], [np.inf, 1]]}, "gallery features must be finite; row 1"),
        ({"gallery_features": np.empty((0, 2)), "gallery_ids": [], "gallery_cameras": []}, "the gallery is empty"),
        ({"gallery_ids": [2, 2]}, "no query has a true match"),
        ({"gallery_features": np.ones((2, 3))}, "queries have 2 features, the gallery 3"),
        ({"query_features": [1, 2]}, r"query features must be \[n, d\]"),
        ({"query_ids": [1, 2]}, "expected identities and cameras of 1 queries"),
        ({"metric": "cosine", "gallery_features": [[1, 1], [0, 0]]}, "gallery features of length 0"),
        ({"metric": "hamming"}, "metric must be"),
        ({"ranks": (0, 1)}, "ranks must be at least 1"),
    ],
)
def test_misuse_is_refused_in_a_sentence(change: dict[str, Any], says: str) -> None:
    good: dict[str, Any] = {
        "query_features": [[0, 1]], "gallery_features": [[0, 1], [1, 0]], "query_ids": [1], "query_cameras": [1],
        "gallery_ids": [1, 2], "gallery_cameras": [2, 2],
    }  # fmt: skip
    assert retrieval(**good).mean_average_precision == 1
    with pytest.raises(ValueError, match=says):
        retrieval(**{**good, **change})
