"""The evaluation of persons, on tracklets, a base and a DDNet that it makes itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clipselect.zoo.embedder_loading import load_embedder
from helpers.frame_fixtures import EMBEDDER
from helpers.person_evaluation import Bench, mars, people, person_bench, row
from helpers.set_networks import tiny_base, write_aggregator, write_lfenet
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.evaluation.metrics.retrieval import retrieval
from clipselect.evaluation.results import read_results
from clipselect.evaluation.sets import frame_table, persons
from clipselect.evaluation.sets.persons import PersonEvaluation
from clipselect.evaluation.sets.tracklet_sets import degraded_places
from clipselect.media.images import read_image
from clipselect.report.write import render, write_report


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return person_bench(tmp_path)


def test_the_whole_runs_and_fills_every_part_of_the_results(bench: Bench, tmp_path: Path) -> None:
    one, two = people(tmp_path / "one"), people(tmp_path / "two", first=3)
    document = bench([one, two], pool=True, degrade=0.5, k=[1, 2])
    names = [f"{name}, {how}" for name in ("one", "two", "pooled") for how in ("as they are", "0.5 degraded")]
    assert [d["name"] for d in document["data"]] == [r["data"] for r in document["ranking"]] == names
    assert {r["data"] for r in document["rows"]} == {d["data"] for d in document["differences"]} == {*names}
    facts = {d["name"]: (d["videos"], d["sources"], d["queries"], d["gallery"]) for d in document["data"]}
    assert facts["one, as they are"] == (8, 4, 8, 8) and facts["one, 0.5 degraded"] == (24, 4, 8, 8)
    assert facts["pooled, as they are"] == (16, 6, 12, 16)  # identities 3 and 4 stand in both
    methods = {r["method"] for r in document["rows"]}
    assert {"average", "top1", "random", "even", "ddl", "ddl_rescaled", "ddl_threshold", "oracle"} <= methods
    assert {(d["than"], d["than_k"]) for d in document["differences"]} >= {("average", None), ("even", 2)}
    of_one = [r for r in document["rows"] if r["data"] == names[0]]
    unscored = {"average", "random", "even", "first", "even_half", "oracle", "oracle_all", "norm", "agreement"}
    unscored |= {"without_outliers", "largest_cluster"}
    for r in of_one:
        assert 0 <= r["map_low"] <= r["map"] <= r["map_high"] <= 100 and r["clips"] <= 3
        assert (r["seconds_ddnet"] == 0) == (r["method"] in unscored) and r["seconds"] > r["seconds_base"] > 0
    gains = [d for d in document["differences"] if d["data"] == names[0] and d["method"] == "oracle"]
    assert {(d["k"], d["than"]) for d in gains if d["metric"] == "map"} == {(1, "average"), (2, "average")}
    report = render(write_report([read_results(tmp_path / "out")]), "markdown")
    assert report.startswith("# reid") and "| frames | tracklets |" in report
    assert "not known to this version" not in report


def test_figures_are_those_of_the_retrieval_of_mean_features(bench: Bench, tmp_path: Path) -> None:
    people(tmp_path / "mars", count=6)
    document = bench(tmp_path / "mars", k=[1, 3], metric="cosine")
    base = load_embedder(f"{tmp_path / 'base.py'}:base")
    features, first = [], []
    for identity in range(1, 7):
        for camera in (1, 2):
            paths = sorted((tmp_path / "mars" / f"{identity:04d}").glob(f"*C{camera}*"))
            one = base.embed(map(read_image, paths))
            one /= np.linalg.norm(one, axis=1, keepdims=True)
            features.append(one.mean(axis=0))
            first.append(one[0])
    ids, cameras = np.repeat(np.arange(6), 2), np.tile([1, 2], 6)
    for method, k, by_hand in (("average", None, features), ("even", 3, features), ("first", 1, first)):
        expected = retrieval(by_hand, by_hand, ids, cameras, ids, cameras, metric="cosine")
        found = row(document, method, k)
        assert found["map"] == pytest.approx(100 * expected.mean_average_precision)
        assert found["rank1"] == pytest.approx(100 * expected.cmc[1])
    same = [d for d in document["differences"] if d["method"] == "even" and d["k"] == 3]
    assert same and all(d["difference"] == d["low"] == d["high"] == 0 for d in same)  # identities are drawn alike


def test_neighbours_can_be_left_out(bench: Bench, tmp_path: Path) -> None:
    data = people(tmp_path / "mars", count=6)
    near, far = bench(data, k=[2]), bench(data, k=[2], min_gap=2, threshold=0.0)
    assert "min_gap" not in near["settings"] and far["settings"]["min_gap"] == 2
    everything = row(far, "average")["clips"]
    assert 1 < row(far, "ddl", 2)["clips"] < row(near, "ddl", 2)["clips"]  # tracklets of two images keep one
    assert row(far, "ddl_threshold")["clips"] <= (everything + 1) / 2


def test_degraded_frames_make_it_worse_and_each_seed_degrades_otherwise(bench: Bench, tmp_path: Path) -> None:
    data = people(tmp_path / "mars", count=8)
    clean = row(bench(data, k=[1]), "even", 1)
    runs = [bench(data, k=[1], degrade=1, seeds=seeds) for seeds in ((0,), (1,), (0, 1))]
    one, other, both = (row(run, "even", 1, data="1 degraded")["map"] for run in runs)
    assert one != other and max(one, other) < clean["map"]
    assert both == pytest.approx((one + other) / 2)
    assert [d["name"] for d in bench(data, k=[1])["data"]] == ["mars, as they are"]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.floats(0, 1), st.integers(0, 9))
def test_of_every_tracklet_that_share_is_degraded(sizes: list[int], share: float, seed: int) -> None:
    groups = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    bad = degraded_places(groups, share, seed)
    assert bad == degraded_places(groups, share, seed)
    for group in groups:
        assert abs(len(bad & {*group.tolist()}) - share * len(group)) < 1


def test_half_of_single_frames_is_degraded_on_average() -> None:
    groups = [np.array([i]) for i in range(2000)]
    assert len(degraded_places(groups, 0.5, 0)) == pytest.approx(1000, abs=100)
    assert degraded_places(groups, 0.5, 0) != degraded_places(groups, 0.5, 1)


def test_what_is_done_is_not_done_again(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = people(tmp_path / "mars")
    before = bench(data, degrade=0.5, k=[2])

    def read_again(path: str) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(frame_table, "read_image", read_again)
    again = bench(data, degrade=0.5, k=[2])
    assert again["rows"] == before["rows"] and again["differences"] == before["differences"]
    with pytest.raises(AssertionError):
        bench(data, degrade=0.7)
    monkeypatch.setattr(persons, "degradation_code", lambda: "another version")
    assert bench(data, k=[2])["rows"]
    with pytest.raises(AssertionError):
        bench(data, degrade=0.5, k=[2])


def test_single_frames_and_mixed_sizes_are_as_good_as_others(bench: Bench, tmp_path: Path) -> None:
    data = people(tmp_path / "mars")
    mars(data, identity=7, camera=1, frames=1, side=16)
    mars(data, identity=7, camera=2, frames=2, side=128)
    document = bench(data, degrade=0.5)
    assert [d["tracklets_of_one_frame"] for d in document["data"]] == [1, 1]
    assert row(document, "ddl", 4)["clips"] == pytest.approx((8 * 3 + 1 + 2) / 10)


def test_bases_that_see_nothing_gain_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(EMBEDDER)
    zero = """
def zero():
    return Embedder.from_module(lambda x: torch.zeros(len(x), 3), InputSpec(16, 16, HALF, HALF))
"""
    (tmp_path / "zero.py").write_text(EMBEDDER + zero)
    data = people(tmp_path / "mars")
    for base in (f"{tmp_path / 'base.py'}:blind", f"{tmp_path / 'zero.py'}:zero"):
        document = bench(data, base=base)
        assert {r["map"] for r in document["rows"]} == {row(document, "average")["map"]}
        assert row(document, "average")["rank1"] == 0
    with pytest.raises(ArgumentError, match=r"metric must be euclidean: .* features of length 0, which have no cosine"):
        bench(data, base=base, metric="cosine")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k": [0]}, "k must be at least 1, got 0"),
        ({"degrade": 1.5}, r"degrade must lie in \[0, 1\], got 1.5"),
        ({"degrade": float("nan")}, "degrade must lie"),
        ({"threshold": -1}, "threshold must lie"),
        ({"min_gap": -1}, "min_gap must be"),
        ({"seeds": [1, 1]}, "seeds names 1 twice"),
        ({"seeds": [-1]}, "seeds must be at least 0"),
        ({"metric": "manhattan"}, "metric must be euclidean or cosine, got manhattan"),
        ({"layout": "own"}, "layout must be one of mars, "),
        ({"pool": True}, "pool needs at least two folders"),
        ({"data": [Path("x"), Path("x")]}, "data names .*x twice"),
    ],
)
def test_arguments_that_make_no_sense(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        PersonEvaluation(**{"data": Path("x"), "base": "base.onnx"} | options)


def test_networks_on_features_and_mirror_images_are_measured_where_they_are_asked_for(
    bench: Bench, tmp_path: Path
) -> None:
    data, base = people(tmp_path / "one"), load_embedder(f"{tmp_path / 'base.py'}:base", "cpu")
    weights = write_aggregator(tmp_path / "nan.safetensors", base, "nan")
    document = bench(data, degrade=0.5, k=[1], set_network=weights, flips=True, dropout=True)
    for state in ("as they are", "0.5 degraded"):
        average, untrained = (row(document, name, data=state) for name in ("average", "nan"))
        assert untrained["map"] == average["map"] and untrained["clips"] == 3
        assert row(document, "flip_agreement", 1, state)["clips"] == 6
        assert row(document, "dropout_agreement", 1, state)["clips"] == 3
    assert (
        document["settings"]["flips"]
        and document["settings"]["dropout"]
        and document["settings"]["set_network"][0]["name"] == "nan"
    )
    assert {(d["than"], d["than_k"]) for d in document["differences"] if d["method"] == "nan"} == {
        ("average", None), ("ddl_threshold", None),
    }  # fmt: skip
    faces = tiny_base()
    with pytest.raises(ArgumentError, match="set_network must hold networks that work on features, and lfenet takes"):
        bench(data, base=faces, set_network=write_lfenet(tmp_path / "lfenet.safetensors", faces))
