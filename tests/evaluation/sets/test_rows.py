"""The rows of results for sets, and the differences between methods, by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers.frame_fixtures import blocks
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.evaluation.methods import METHODS, methods_at
from clipselect.evaluation.metrics.intervals import BootstrapResult
from clipselect.evaluation.sets.frame_networks import FrameNetworks
from clipselect.evaluation.sets.frame_table import FrameTable
from clipselect.evaluation.sets.rows import AVERAGE, Known, MethodAtK, Record, SetMethods, set_rows
from clipselect.scoring.scorer import load_scorer

GROUPS = [np.array([0, 1, 2, 3]), np.array([4, 5])]
TABLE = FrameTable(
    np.arange(6), np.eye(6, dtype=np.float32), np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.7]), 2.0, 0.5, 0.25,
    norms=np.arange(6, dtype=np.float32),
)  # fmt: skip


def measure(features: NDArray[np.float32]) -> dict[str, BootstrapResult]:
    """What the best frames of both groups weigh, and over the groups drawn again."""
    weights = features[[0, 1], [1, 5]].astype(np.float64)
    draws = np.array([weights[[0, 0]].mean(), weights.mean(), weights[[1, 1]].mean()])
    return {"share": BootstrapResult(float(weights.mean()), draws), "none": BootstrapResult(0.0, np.zeros(3))}


def rows_of(
    which: Sequence[MethodAtK], gflops: float | None = 3.0, known: Known | None = None
) -> tuple[list[Record], list[Record]]:
    networks = FrameNetworks(replace(blocks()[0], gflops=gflops), load_scorer(elements="frames", device="cpu"))
    networks.records["model"]["gflops"] = 0.5
    how = SetMethods(networks, 0.75, [0, 1, 2])
    return set_rows("d", TABLE, GROUPS, which, measure, how, sources=2, known=known)


def test_rows_by_hand() -> None:
    average, top, threshold, half, even = rows_of(
        [(METHODS[name], None) for name in ("average", "top1", "ddl_threshold", "ddl_half_average")]
        + [(METHODS["even"], 2)]
    )[0]
    assert (average["data"], average["method"], average["k"], average["videos"], average["sources"]) == (
        "d", "average", None, 2, 2,
    )  # fmt: skip
    assert average["share"] == pytest.approx(100 * (1 / 4 + 1 / 2) / 2) and average["clips"] == 3
    assert average["share_low"] <= average["share"] <= average["share_high"]
    assert [*average].index("share") < [*average].index("none") and average["none_high"] > 50  # of two sources
    assert (average["gflops"], average["gflops_base"], average["gflops_ddnet"]) == (9, 9, 0)
    assert (top["share"], top["clips"], top["gflops_base"], top["gflops_ddnet"]) == (100, 1, 3, 1.5)
    assert (average["seconds_decode"], average["seconds_base"], average["seconds_ddnet"]) == (0.75, 6, 0)
    assert (top["seconds_decode"], top["seconds_base"], top["seconds_ddnet"]) == (0.75, 2, 1.5)  # all must be opened
    assert (even["seconds_decode"], even["seconds"]) == (0.5, 4.5)
    assert threshold["clips"] == (2 + 1) / 2 == half["clips"] and half["share"] == pytest.approx(75)


def test_random_is_the_mean_over_the_seeds() -> None:
    (row,) = rows_of([(METHODS["random"], 1)])[0]
    assert row["clips"] == 1 and row["share"] in [100 * n / 6 for n in range(7)]
    assert rows_of([(METHODS["random"], 1)])[0] == [row]


def test_the_cost_of_a_base_that_cannot_be_counted_is_left_out() -> None:
    (row,) = rows_of([(METHODS["average"], None)], gflops=None)[0]
    assert not [key for key in row if "gflops" in key] and row["seconds"] > 0


def test_differences_are_paired_and_of_the_baselines_that_reports_look_for() -> None:
    rows, differences = rows_of(methods_at("frame", [1, 2]))
    value = {(r["method"], r["k"]): r["share"] for r in rows}
    of = {(d["method"], d["k"], d["than"], d["than_k"]): d["difference"] for d in differences if d["metric"] == "share"}
    for (method, k, than, than_k), difference in of.items():
        assert difference == pytest.approx(value[method, k] - value[than, than_k])
    assert {(m, k) for m, k, than, _ in of if than == "average"} == {*value} - {("average", None)}
    assert {("ddl", k, "even", other) for k in (1, 2) for other in (1, 2)} < of.keys()
    assert {("ddl", 2, "ddl", 1), ("ddl_half", None, "even_half", None), ("ddl_literal", 2, "even", 2)} < of.keys()
    assert not [pair for pair in of if pair[:2] == pair[2:]] and len(of) * 2 == len(differences)
    same = next(d for d in differences if d["method"] == "even_half" and d["metric"] == "none")
    assert same["low"] == same["difference"] == same["high"] == 0


def test_an_oracle_scores_nothing_and_opens_what_it_keeps_and_is_left_out_where_its_knowledge_is_missing() -> None:
    which = [
        AVERAGE,
        *((METHODS[name], k) for name, k in (("oracle", 1), ("oracle_all", None), ("oracle_sharp", None))),
    ]
    known = {"d_scores": np.array([0.2, 0.9, 0.1, 0.3, 0.8, 0.4])}
    (average, best, all_), differences = rows_of(which, known=known)
    assert (best["method"], best["k"], best["clips"], best["share"]) == ("oracle", 1, 1, 50)
    assert (best["gflops"], best["gflops_base"], best["gflops_ddnet"]) == (3, 3, 0)
    assert (best["seconds"], best["seconds_decode"], best["seconds_ddnet"]) == (2.25, 0.25, 0)
    assert all_["method"] == "oracle_all" and all_["seconds"] == average["seconds"]
    assert {(d["method"], d["than"]) for d in differences} == {("oracle", "average"), ("oracle_all", "average")}
    sharp = rows_of(which, known={"sharp": np.array([False, True, False, False, False, True])})[0]
    assert [(row["method"], row["share"]) for row in sharp[1:]] == [("oracle_sharp", 100)]


def test_who_needs_the_base_on_all_frames_pays_for_all_and_is_compared_with_ddl() -> None:
    which = [AVERAGE, (METHODS["ddl"], 1), *((METHODS[name], 1) for name in ("norm", "flip_agreement"))]
    which += [(METHODS[name], None) for name in ("ddl_threshold", "largest_cluster")]
    rows, differences = rows_of(which, known={"mirrored": np.arange(6.0)})
    found = {row["method"]: row for row in rows}
    assert (found["norm"]["clips"], found["flip_agreement"]["clips"], found["ddl"]["clips"]) == (3, 6, 1)
    assert (found["norm"]["gflops"], found["flip_agreement"]["gflops"]) == (9, 18)
    assert found["flip_agreement"]["seconds_decode"] == found["norm"]["seconds_decode"] == 0.75  # opened once
    assert found["norm"]["share"] == 50  # the last frame of each group
    than = {(d["method"], d["than"], d["than_k"]) for d in differences if d["method"] not in ("ddl", "ddl_threshold")}
    assert than == {
        *((name, "average", None) for name in ("norm", "flip_agreement", "largest_cluster")), ("norm", "ddl", 1),
        ("flip_agreement", "ddl", 1), ("largest_cluster", "ddl_threshold", None),
    }  # fmt: skip
    assert not [row for row in rows_of(which)[0] if row["method"] == "flip_agreement"]  # nothing was mirrored


def test_dropout_costs_what_its_passes_cost() -> None:
    which = [AVERAGE, (METHODS["dropout_agreement"], 1)]
    networks = FrameNetworks(replace(blocks()[0], gflops=3.0), load_scorer(elements="frames", device="cpu"))
    vars(networks)["base_with_dropout"] = replace(networks.base_with_dropout, gflops=4.0)
    table = replace(TABLE, dropout=np.arange(6, dtype=np.float32), seconds_dropout=2.5)
    rows, _ = set_rows("d", table, GROUPS, which, measure, SetMethods(networks, 0.75, [0]), sources=2)
    average, found = rows
    assert (average["clips"], average["gflops"], average["seconds_base"]) == (3, 9, 6)
    assert (found["clips"], found["gflops"], found["seconds_base"]) == (3, 12, 7.5)
    assert found["seconds_decode"] == average["seconds_decode"]


def test_features_that_cannot_be_pooled_by_media_are_one_sentence() -> None:
    def pooled(features: list[list[float]]) -> None:
        table = replace(TABLE, features=np.array(features, np.float32))
        how = SetMethods(FrameNetworks(blocks()[0], load_scorer(elements="frames", device="cpu")), 0.5, [0])
        set_rows("d", table, GROUPS, [AVERAGE], measure, how, sources=2, media=np.zeros(6, np.int64))

    with pytest.raises(ClipselectError, match="blocks gives features of length 0, which have no direction; take"):
        pooled([[0, 0]] * 6)
    with pytest.raises(ClipselectError, match="blocks: the features of the template cancel out or are 0"):
        pooled([[1, 0], [-1, 0]] * 3)
