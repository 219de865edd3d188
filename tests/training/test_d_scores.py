"""D-scores of training elements: eq. 3 and 4 worked by hand, what stands for missing labels, and the Parquet file."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.clip_elements import CLASSES, A, B, C, elements, filled, store_of
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.data.datasets import BACKGROUND
from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError
from clipselect.method.discriminability import class_centroids, d_scores, discriminability
from clipselect.training.clip_elements import ClipData, base_accuracy
from clipselect.training.d_scores import DScoreTarget, centroids_from, write_d_scores
from clipselect.training.elements import Target
from clipselect.training.feature_store import FeatureStore
from clipselect.training.frame_elements import FrameData, FrameElements, Variants

UNIT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
"""Centroids of a, b and c, and of the background."""


def frame_store(folder: Path, labels: list[int], *parts: FrameElements) -> FeatureStore:
    """Of images whose identities are these; one file per part."""
    identities = tuple(f"p{label}" for label in sorted(set(labels)))
    images = LabelledImages(tuple(f"{i}.png" for i in range(len(labels))), tuple(labels), identities)
    base: Any = SimpleNamespace(identity={})
    return filled(FeatureStore(folder / "features", FrameData(images, base, Variants("faces", 1, 0))), *parts)


@pytest.fixture(autouse=True)
def two_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (ClipData, FrameData):
        monkeypatch.setattr(data, "items_per_file", 2)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_file_holds_eq_3_and_4_worked_by_hand(tmp_path: Path) -> None:
    first = elements([0, 1, 1], [A, B, B], [(4, 2), (2, 6), (2, 2)], confidence=[0.9, 0.8, 0.7], predicted=[A, A, A])
    second = elements([2], [A], [(2, 0)], predicted=[B])
    features = store_of(tmp_path, ["x.mp4", "y.mp4", "z.mp4"], first, second, classes=("a", "b"))
    centroids = centroids_from(features)
    # C_a = ((4, 2) + (2, 0)) / 2 = (3, 1), C_b = ((2, 6) + (2, 2)) / 2 = (2, 4), no background
    assert centroids[:2].tolist() == [[3, 1], [2, 4]] and bool(centroids[2].isnan().all())
    norm = write_d_scores(features, DScoreTarget(("a", "b"), centroids), tmp_path / "d.parquet")
    # Eq. 3, the lengths of f and C_b/C_a: |C_a| = sqrt 10, |C_b| = sqrt 20; |f| cancels.
    ratio = math.sqrt(20 / 10)
    d = [
        (4 * 3 + 2 * 1) / (4 * 2 + 2 * 4) * ratio,  # 14 / 16 sqrt 2
        (2 * 2 + 6 * 4) / (2 * 3 + 6 * 1) / ratio,  # 28 / 12 / sqrt 2
        (2 * 2 + 2 * 4) / (2 * 3 + 2 * 1) / ratio,  # 12 / 8 / sqrt 2
        (2 * 3) / (2 * 2) * ratio,  # 6 / 4 sqrt 2
    ]
    clipped = np.clip(d, *np.quantile(d, [0.01, 0.99]))
    mu, sigma = clipped.mean(), clipped.std()
    rows = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [row["discriminability"] for row in rows] == pytest.approx(d)
    assert [row["d_score"] for row in rows] == pytest.approx([sigmoid((x - mu) / sigma) for x in clipped])
    assert (norm.mu, norm.sigma) == (pytest.approx(mu), pytest.approx(sigma))
    assert [row["path"] for row in rows] == ["x.mp4", "y.mp4", "y.mp4", "z.mp4"]
    assert [(row["video"], row["start"], row["end"]) for row in rows] == [(0, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 1)]
    assert [row["label"] for row in rows] == [row["shows"] for row in rows] == ["a", "b", "b", "a"]
    assert [row["predicted"] for row in rows] == ["a", "a", "a", "b"]
    assert [row["confidence"] for row in rows] == pytest.approx([0.9, 0.8, 0.7, 0.5])
    assert pq.read_schema(tmp_path / "d.parquet").equals(ClipData.schema)


def test_background_within_a_labelled_video_is_measured_by_that_label(tmp_path: Path) -> None:
    part = elements([0, 0], [B, B], [(0, 1), (-1, 0.1)], shows=[B, BACKGROUND])
    features = store_of(tmp_path, ["v.mp4"], part)
    write_d_scores(features, DScoreTarget(CLASSES, UNIT), tmp_path / "d.parquet")
    rows = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [(row["label"], row["shows"]) for row in rows] == [("b", "b"), ("b", None)]
    # (-1, 0.1): the background's centroid (-1, 0) is the hardest negative
    assert rows[1]["discriminability"] == pytest.approx(0.1) and rows[0]["d_score"] > rows[1]["d_score"]


def test_background_of_no_video_is_tried_with_two_likely_labels_and_two_at_random(tmp_path: Path) -> None:
    many = tuple(f"class {i}" for i in range(50))
    centroids = torch.eye(51, dtype=torch.float64)[:, :2] + 0.1
    part = elements(
        [0, 0, 1, 1], [BACKGROUND, BACKGROUND, 7, 7], [(1, 2), (2, 1), (1, 1), (3, 1)],
        likely=[[3, 4], [5, 6], [7, 8], [7, 8]], shows=[BACKGROUND, BACKGROUND, 7, BACKGROUND],
    )  # fmt: skip
    measure = DScoreTarget(many, centroids)
    rows, labels = measure.pairs(part)
    assert rows.tolist() == [2, 3, 0, 0, 0, 0, 1, 1, 1, 1] and labels[:2].tolist() == [7, 7]
    assert labels[[2, 3]].tolist() == [3, 4] and labels[[6, 7]].tolist() == [5, 6]
    assert all(0 <= label < 50 for label in labels) and len({*labels[[4, 5, 8, 9]].tolist()}) > 2
    values = measure.discriminability(part)
    by_hand = discriminability(torch.from_numpy(part.features[rows]), torch.from_numpy(labels), centroids)
    assert torch.equal(values, by_hand)
    again, _ = measure.pairs(part), DScoreTarget(many, centroids, seed=1).pairs(part)
    assert np.array_equal(again[1], labels) and not np.array_equal(_[1], labels)
    write_d_scores(store_of(tmp_path, ["n.mp4", "v.mp4"], part, classes=many), measure, tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [row["label"] for row in table] == [many[label] for label in labels.tolist()]
    assert [row["path"] for row in table] == ["v.mp4"] * 2 + ["n.mp4"] * 8
    assert [row["shows"] for row in table] == ["class 7"] + [None] * 9


def test_a_base_of_one_class_tries_background_with_that_one() -> None:
    part = elements([0], [BACKGROUND], [(1, 2)], likely=[[A]])
    assert DScoreTarget(("a",), UNIT[[0, 3]]).pairs(part)[1].tolist() == [A] * 4


def test_without_labels_the_answers_of_the_base_stand_for_them(tmp_path: Path) -> None:
    part = elements(
        [0, 0, 1], [BACKGROUND, BACKGROUND, B], [(1, 2), (3, 1), (1, 3)], predicted=[C, C, A],
        background=[0.4, 0.6, 0.1], likely=[[A, B], [A, B], [A, B]],
    )  # fmt: skip
    measure = DScoreTarget(CLASSES, UNIT, target="answers")
    rows, labels = measure.pairs(part)
    assert rows.tolist() == [0, 2, 1, 1, 1, 1] and labels[:4].tolist() == [C, A, A, B]
    # f = (1, 2): own centroid (1, 1): 3 / sqrt 2; hardest negative (0, 1): 2
    assert float(measure.discriminability(part)[0]) == pytest.approx(3 / math.sqrt(2) / 2)
    store = store_of(tmp_path, ["x.mp4", "y.mp4"], part)
    centroids = centroids_from(replace(store, data=replace(store.data, answers=True)))
    assert centroids[[A, C, 3]].tolist() == [[1, 3], [1, 2], [3, 1]] and bool(centroids[B].isnan().all())


def test_background_is_tried_with_classes_that_have_a_centroid_alone() -> None:
    part = elements([0], [BACKGROUND], [(1, 2)], likely=[[A, C]])
    centroids = UNIT.clone()
    centroids[A] = torch.nan
    labels = DScoreTarget(CLASSES, centroids).pairs(part)[1].tolist()
    assert len(labels) == 4 and {*labels} <= {B, C} and labels[1] == C


def test_the_target_may_be_the_confidence_of_the_base(tmp_path: Path) -> None:
    part = elements(
        [0, 0, 1], [B, B, BACKGROUND], [(1, 2), (3, 1), (1, 3)], predicted=[A, A, C], confidence=[0.9, 0.4, 0.7]
    )
    measure = DScoreTarget(CLASSES, UNIT, target="confidence")
    assert measure.discriminability(part).tolist() == pytest.approx([0.9, 0.4, 0.7])
    norm = write_d_scores(store_of(tmp_path, ["x.mp4", "y.mp4"], part), measure, tmp_path / "d.parquet")
    rows = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [row["label"] for row in rows] == ["b", "b", "c"]
    expected = d_scores(torch.tensor([0.9, 0.4, 0.7]), norm).tolist()
    assert [row["d_score"] for row in rows] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("contrast", ["ratio", "difference"])
def test_metric_and_contrast_reach_eq_3(metric: Any, contrast: Any) -> None:
    part = elements([0, 1], [A, B], [(4, 2), (2, 6)])
    found = DScoreTarget(CLASSES, UNIT, metric=metric, contrast=contrast).discriminability(part)
    expected = discriminability(
        torch.from_numpy(part.features), torch.tensor([A, B]), UNIT, metric=metric, contrast=contrast
    )
    assert torch.equal(found, expected)
    others = {(m, c) for m in ("cosine", "euclidean") for c in ("ratio", "difference")} - {(metric, contrast)}
    for m, c in others:
        assert not torch.allclose(DScoreTarget(CLASSES, UNIT, metric=m, contrast=c).discriminability(part), expected)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(0, 99))
def test_the_statistics_of_eq_4_are_those_of_all_files_together(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], seed: int
) -> None:
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("law")
    paths = [f"{i}.mp4" for i in range(2 * len(counts))]
    parts = [
        elements([2 * i] * n + [2 * i + 1], [A] * n + [B], [tuple(row) for row in rng.normal(size=(n + 1, 2))])
        for i, n in enumerate(counts)
    ]
    store = store_of(folder, paths, *parts, classes=("a", "b"))
    centroids = centroids_from(store)
    write_d_scores(store, DScoreTarget(("a", "b"), centroids), folder / "d.parquet")
    table = pq.read_table(folder / "d.parquet")
    features = torch.from_numpy(np.concatenate([part.features for part in parts]))
    labels = torch.from_numpy(np.concatenate([part.label for part in parts]))
    assert torch.allclose(centroids[:2], class_centroids(features, labels, 2))
    everything = discriminability(features, labels, centroids)
    assert table["discriminability"].to_pylist() == pytest.approx(everything.tolist())
    scores = np.array(table["d_score"])
    assert len(table) == sum(counts) + len(counts) and ((scores > 0) & (scores < 1)).all()
    order = np.argsort(np.array(table["discriminability"]), kind="stable")
    assert (np.diff(scores[order]) >= 0).all()


def test_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    features = store_of(tmp_path, [])
    with pytest.raises(ClipselectError, match="not one of the videos can be read"):
        write_d_scores(features, DScoreTarget(CLASSES, UNIT, target="confidence"), tmp_path / "d.parquet")
    assert not (tmp_path / "d.parquet").exists()


def test_how_often_the_base_is_right_is_counted_over_clips_that_show_something(tmp_path: Path) -> None:
    part = elements([0, 0, 0, 1], [A, A, A, BACKGROUND], [(1, 1)] * 4, shows=[A, A, BACKGROUND, BACKGROUND],
                    likely=[[A, B], [B, A], [A, B], [A, B]])  # fmt: skip
    assert base_accuracy(store_of(tmp_path, ["x", "y"], part)) == 1 / 2
    open_part = elements([0], [BACKGROUND], [(1, 1)])
    assert base_accuracy(store_of(tmp_path / "open", ["x"], open_part)) is None


def test_centroids_are_streamed_of_every_class_of_background_and_of_every_domain(tmp_path: Path) -> None:
    first = elements([0, 0, 1], [A, A, B], [(1, 2), (3, 4), (5, 6)], shows=[A, BACKGROUND, B])
    second = elements([2, 3, 3], [BACKGROUND] * 3, [(7, 8), (1, 1), (3, 3)])
    paths = ["a", "b", "street", "wood"]
    domains = {"wood": "wood", "street": "street", "/not/read.mp4": "beach"}
    store = store_of(tmp_path, paths, first, second, classes=("a", "b"), domains=domains)
    rows = centroids_from(store)
    assert rows[[0, 1, 2, 4, 5]].tolist() == [[1, 2], [5, 6], [3, 4], [7, 8], [2, 2]]  # by name: beach is row 3
    assert bool(rows[3].isnan().all()) and len(rows) == 6


def test_a_class_that_no_clip_shows_is_an_error_and_so_is_nothing_at_all(tmp_path: Path) -> None:
    part = elements([0, 1], [A, B], [(1, 2), (2, 1)])
    unknown = centroids_from(store_of(tmp_path / "one", ["x", "y"], part, labels={"x": A, "y": B}))
    assert bool(unknown[C].isnan().all())  # a class of the base that the data are not about
    with pytest.raises(ClipselectError, match=r"class 'c': not one clip shows it; .*\(1 such\)"):
        centroids_from(store_of(tmp_path / "two", ["x", "y"], part, labels={"x": A, "y": C}))
    with pytest.raises(ClipselectError, match="not one of the videos can be read"):
        centroids_from(store_of(tmp_path / "none", []))


def frames(item: list[int], label: list[int], variant: list[int], features: list[tuple[float, float]]) -> FrameElements:
    return FrameElements(np.array(item), np.array(label), np.array(features, dtype=np.float32), np.array(variant))


def test_centroids_of_frames_are_of_the_images_as_they_are(tmp_path: Path) -> None:
    parts = (
        frames([0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1], [(1, 2), (90, 90), (3, 4), (90, 90)]),
        frames([2, 2], [1, 1], [0, 1], [(5, 1), (1, 5)]),
    )
    store = frame_store(tmp_path, [0, 0, 1, 2], *parts)  # of p2 nothing can be read
    centroids = centroids_from(store)
    assert centroids[:2].tolist() == [[2, 3], [5, 1]] and bool(centroids[2].isnan().all())
    write_d_scores(store, DScoreTarget(store.data.classes, centroids), tmp_path / "d.parquet")
    table = pq.read_table(tmp_path / "d.parquet")
    assert table.schema.equals(FrameData.schema) and table["variant"].to_pylist() == [0, 1, 0, 1, 0, 1]
    assert table["path"].to_pylist() == ["0.png"] * 2 + ["1.png"] * 2 + ["2.png"] * 2
    assert table["identity"].to_pylist() == ["p0"] * 4 + ["p1"] * 2
    # (5, 1) with its own centroid (5, 1) and the only other (2, 3)
    assert table["discriminability"].to_pylist()[4] == pytest.approx(1 / (13 / math.sqrt(26 * 13)))


def test_background_alone_is_too_little_in_several_places_too(tmp_path: Path) -> None:
    part = elements([0, 1], [BACKGROUND] * 2, [(1, 2), (2, 1)], background=[0.9] * 2)
    store = store_of(tmp_path, ["street", "wood"], part, domains={"street": "street", "wood": "wood"})
    with pytest.raises(ClipselectError, match=r"not one of the videos that can be read shows a class.*check the base"):
        centroids_from(store)


def test_frames_of_one_identity_alone_are_too_little(tmp_path: Path) -> None:
    store = frame_store(tmp_path, [0, 1], frames([0], [0], [0], [(1, 2)]))
    with pytest.raises(ClipselectError, match="images that can be read are all of one class"):
        centroids_from(store)


@pytest.mark.parametrize("target", ["labels", "answers", "confidence"])
def test_equal_elements_all_score_one_half(tmp_path: Path, target: Target) -> None:
    part = elements([0, 1], [A, A], [(4, 2), (4, 2)])
    write_d_scores(
        store_of(tmp_path, ["x", "y"], part), DScoreTarget(CLASSES, UNIT[:3], target), tmp_path / "d.parquet"
    )
    assert pq.read_table(tmp_path / "d.parquet")["d_score"].to_pylist() == [0.5, 0.5]


def test_names_that_are_no_utf8_can_be_looked_at(tmp_path: Path) -> None:
    part = elements([0, 1], [A, B], [(4, 2), (1, 2)])
    paths = ["\udcff[red].mp4", "ü\n<script>.mp4"]
    write_d_scores(store_of(tmp_path, paths, part), DScoreTarget(CLASSES, UNIT), tmp_path / "d.parquet")
    assert pq.read_table(tmp_path / "d.parquet")["path"].to_pylist() == [r"\xff[red].mp4", "ü\n<script>.mp4"]


def test_a_file_that_cannot_be_written_is_refused_and_the_earlier_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = store_of(tmp_path, ["x", "y"], elements([0, 1], [A, B], [(4, 2), (1, 2)]))
    path = tmp_path / "d.parquet"
    write_d_scores(features, DScoreTarget(CLASSES, UNIT), path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ClipselectError, match=r"d\.parquet: cannot be written \(No space left on device\)"):
        write_d_scores(features, DScoreTarget(CLASSES, UNIT), path)
    assert path.read_bytes() == before and not [*tmp_path.glob(".*part")]
