"""The methods choose, answer and cost what they say."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipselect.errors import ClipselectError
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, outcomes_of
from clipselect.evaluation.rows import class_rows, differences, ranking_quality, rows

COST = Cost(base=2.0, ddnet=0.1)


def method_rows(
    groups: list[Group], table: ClipTable, ks: list[int], cost: Cost = COST, **how: Any
) -> list[dict[str, Any]]:
    return rows(outcomes_of(groups, table, ks, cost, **how), groups, cost)


def by_method(found: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    assert len({(row["method"], row["k"]) for row in found}) == len(found)
    return {(row["method"], row["k"]): row for row in found}


def perfect() -> tuple[list[Group], ClipTable]:
    """Twelve videos of twenty clips; the four action clips alone are recognised, and the DDNet knows them."""
    groups, scores, probabilities = [], [], []
    for video in range(12):
        action = np.zeros(20, dtype=bool)
        action[video : video + 4] = True
        groups.append(Group(f"video {video}", (0,), np.arange(20) + len(scores), action))
        scores += np.where(action, 0.9, 0.2).tolist()
        probabilities += np.where(action[:, None], [0.6, 0.2], [0.3, 0.5]).tolist()
    return groups, ClipTable(np.array(scores), np.array(probabilities))


def test_baselines_without_a_network_cost_the_base_alone_and_are_compared_with_ddl() -> None:
    groups, table = perfect()
    measured = replace(table, motion=table.scores, packets=-table.scores)
    found = by_method(method_rows(groups, measured, [1, 4]))
    assert found["motion", 4]["top1"] == 100 and found["packets", 4]["top1"] < 100
    for name in ("motion", "packets"):
        costs = [found[name, 4][key] for key in ("gflops", "gflops_ddnet", "gflops_base", "clips")]
        assert costs == [8, 0, 8, 4]
    assert {(name, k) for name, k in found if name in ("motion", "packets")} == {
        (name, k) for name in ("motion", "packets") for k in (1, 4)
    }
    pairs = compared(groups, measured, [1, 4])
    assert pairs["top1", 4, "packets", 4]["difference"] > 0 == pairs["top1", 4, "motion", 4]["difference"]
    assert ("top1", 4, "motion", 1) in pairs and ("top1", 1, "motion", 4) not in pairs
    ranking = ranking_quality(groups, measured)
    assert (ranking["auc_motion"], ranking["auc_packets"]) == (1, 0)


def random_groups(seed: int, classes: int = 7, most: int = 9, labels: int = 1) -> tuple[list[Group], ClipTable]:
    """A dozen videos of 3 to `most` clips that show something, some of the same source."""
    rng = np.random.default_rng(seed)
    groups, at = [], 0
    for i in range(12):
        n = int(rng.integers(3, most + 1))
        own = tuple(rng.permutation(classes)[: int(rng.integers(1, labels + 1))].tolist())
        groups.append(Group(f"video {i // 2}", own, np.arange(at, at + n), rng.random(n) < 0.5))
        at += n
    return groups, ClipTable(rng.random(at), rng.dirichlet(np.ones(classes), at))


def test_a_perfect_ddnet_reaches_the_ceiling_where_others_miss() -> None:
    found = by_method(method_rows(*perfect(), [1, 4]))
    assert found["ddl", 1]["top1"] == found["ddl", 4]["top1"] == found["action_clips_only", 4]["top1"] == 100
    assert found["ddl", 1]["top1"] == found["top1", 1]["top1"]
    assert found["dense", 20]["top1"] == 0  # 4 x 0.6 + 16 x 0.3 < 4 x 0.2 + 16 x 0.5
    assert found["dense_weighted", 20]["top1"] == 100  # the background weighs nothing
    assert found["uniform", 1]["top1"] < 100 and found["random", 4]["top1"] < 100


def test_costs_count_the_ddnet_on_every_clip_and_the_base_once_per_clip() -> None:
    found = by_method(method_rows(*perfect(), [1, 4]))
    assert found["ddl", 4]["gflops"] == pytest.approx(4 * 2.0 + 20 * 0.1)
    assert (found["ddl", 4]["gflops_base"], found["ddl", 4]["gflops_ddnet"]) == pytest.approx((8, 2))
    assert found["uniform", 4]["gflops"] == pytest.approx(8)
    assert found["uniform_equal_cost", 4]["gflops"] == pytest.approx(10)  # one clip more for the same total
    assert found["uniform_equal_cost", 4]["clips"] == 5
    assert found["confidence", 1]["gflops"] == found["dense", 20]["gflops"] == pytest.approx(40)
    assert found["confidence", 1]["clips"] == 20
    three = by_method(method_rows(*perfect(), [4], replace(COST, base=3 * 2.0)))
    assert three["ddl", 4]["gflops"] == pytest.approx(3 * 4 * 2.0 + 20 * 0.1)
    assert three["uniform_equal_cost", 4]["clips"] == 5  # the DDNet costs a third of a clip of three crops: rounded up


def test_a_base_whose_cost_is_not_known_has_no_costs_and_no_equal_one() -> None:
    known, unknown = (method_rows(*perfect(), [1, 4], replace(COST, base=base)) for base in (2.0, None))
    assert not any(key.startswith("gflops") for row in unknown for key in row)
    costs = ("gflops", "gflops_ddnet", "gflops_base")
    assert unknown == [
        {key: value for key, value in row.items() if key not in costs}
        for row in known
        if row["method"] != "uniform_equal_cost"
    ]


@given(st.integers(0, 1000))
@settings(max_examples=25)
def test_with_all_candidates_kept_plain_means_are_dense(seed: int) -> None:
    groups, table = random_groups(seed)
    most = max(len(group.rows) for group in groups)
    found = {(o.method, o.k): o for o in outcomes_of(groups, table, [most], COST)}
    for method in ("ddl_average", "uniform", "random", "confidence", "uniform_equal_cost"):
        for metric, values in found[method, most].correct.items():
            assert values.tolist() == found["dense", most].correct[metric].tolist()
    for metric, values in found["ddl", most].correct.items():
        assert values.tolist() == found["dense_weighted", most].correct[metric].tolist()


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_the_order_of_the_classes_does_not_matter(seed: int) -> None:
    groups, table = random_groups(seed, labels=2)
    order = np.random.default_rng(seed).permutation(7)
    place = np.argsort(order)
    moved = [replace(g, labels=tuple(int(place[c]) for c in g.labels)) for g in groups]
    one = method_rows(groups, table, [2])
    other = method_rows(moved, ClipTable(table.scores, table.probabilities[:, order]), [2])
    for row, same in zip(one, other, strict=True):
        assert {k: v for k, v in row.items() if k != "method"} == pytest.approx(
            {k: v for k, v in same.items() if k != "method"}
        )


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_every_row_holds_its_metrics_within_their_intervals(seed: int) -> None:
    groups, table = random_groups(seed, labels=3)
    found = method_rows(groups, table, [1, 3])
    for row in found:
        assert row["videos"] == len(groups)
        for metric in ("top1", "top5", "mean", "map"):
            assert -1e-9 <= row[f"{metric}_low"] - 1e-9 <= row[metric] <= row[f"{metric}_high"] + 1e-9 <= 100 + 1e-6
        assert row["mean"] == pytest.approx((row["top1"] + row["top5"]) / 2)
    assert found == method_rows(groups, table, [3, 1, 3])  # the same every time, K in any order


def test_top5_needs_six_classes_and_map_several_labels() -> None:
    five, six = (by_method(method_rows(*random_groups(0, classes=n), [1])) for n in (5, 6))
    assert "top5" not in five["ddl", 1] and "mean" not in five["ddl", 1] and "map" not in five["ddl", 1]
    assert "top5" in six["ddl", 1] and "map" not in six["ddl", 1]
    groups, table = random_groups(0)
    assert "map" in method_rows(groups, table, [1], with_map=True)[0]


def test_a_video_with_fewer_candidates_gives_all_it_has() -> None:
    groups, table = random_groups(3)
    counts = [len(group.rows) for group in groups]
    k = max(counts)
    ddl = by_method(method_rows(groups, table, [k]))["ddl", k]
    assert ddl["clips"] == pytest.approx(np.mean(counts)) and ddl["clips"] < k
    assert ddl["gflops"] == pytest.approx(np.mean(counts) * 2.1)


@pytest.mark.parametrize("k", [0, -1, 10, 1000])
def test_a_k_that_no_video_can_give_is_refused(k: int) -> None:
    groups, table = random_groups(0)
    with pytest.raises(ClipselectError, match=r"^k "):
        outcomes_of(groups, table, [1, k], COST)


def test_nothing_to_evaluate_is_refused() -> None:
    groups, table = random_groups(0)
    with pytest.raises(ClipselectError, match="no videos"):
        outcomes_of([], table, [1], COST)
    with pytest.raises(ClipselectError, match=r"^k "):
        outcomes_of(groups, table, [], COST)


def test_random_is_the_mean_over_its_draws() -> None:
    groups, table = perfect()
    both, one, other = (
        next(o for o in outcomes_of(groups, table, [1], COST, seeds=draws) if o.method == "random").correct["top1"]
        for draws in ([0, 1], [0], [1])
    )
    assert both.tolist() == ((one + other) / 2).tolist()
    assert one.tolist() != other.tolist()


def compared(
    groups: list[Group],
    table: ClipTable,
    ks: list[int],
    seconds: dict[tuple[str, int], float] | None = None,
    **how: Any,
) -> dict[tuple[str, int, str, int], dict[str, Any]]:
    """The differences by metric, K of ddl, baseline and its K."""
    outcomes = outcomes_of(groups, table, ks, COST, **how)
    measured = rows(outcomes, groups, COST)
    for row in measured:
        if (row["method"], row["k"]) in (seconds or {}):
            row["seconds"] = (seconds or {})[row["method"], row["k"]]
    found = differences(outcomes, groups, measured)
    by = {(d["metric"], d["k"], d["than"], d["than_k"]): d for d in found}
    assert len(by) == len(found)
    return by


def test_differences_are_paired_and_of_the_sign_they_say() -> None:
    found = compared(*perfect(), [1, 4])
    dense = found["top1", 4, "dense", 20]
    assert dense["difference"] == dense["low"] == 100 and dense["differing"] == 12
    baselines = {"dense", "dense_weighted", "uniform", "uniform_equal_cost", "random", "ddl"}
    assert {than for _, _, than, _ in found} == baselines
    for d in found.values():
        assert d["low"] <= d["difference"] <= d["high"]
        assert d["difference"] > 0 or d["than"] in ("ddl", "dense_weighted")


def test_ddl_is_compared_with_baselines_at_other_k_only_where_they_cost_no_more() -> None:
    sampled = ("uniform", "uniform_equal_cost", "random")
    found = compared(*random_groups(0), [1, 2, 3])
    others = {(k, than, than_k) for _, k, than, than_k in found if than in sampled and k != than_k}
    assert (2, "uniform", 1) in others and (3, "random", 2) in others
    assert not any(than == "uniform" and than_k > k for k, than, than_k in others)
    timed = compared(*random_groups(0), [1, 2, 3], {("ddl", 1): 0.5, ("uniform", 3): 0.5, ("uniform", 2): 0.6})
    assert ("top1", 1, "uniform", 3) in timed and ("top1", 1, "uniform", 2) not in timed


def test_every_k_of_ddl_is_compared_with_its_best() -> None:
    groups, table = random_groups(2)
    found = compared(groups, table, [1, 2, 3, 5], with_map=True)
    measured = by_method(method_rows(groups, table, [1, 2, 3, 5], with_map=True))
    for metric in ("map", "top1", "top5", "mean"):
        to_best = {k: (d, than_k) for (m, k, than, than_k), d in found.items() if m == metric and than == "ddl"}
        (best,) = {than_k for _, than_k in to_best.values()}
        assert {*to_best} == {1, 2, 3, 5} - {best}
        for k, (d, _) in to_best.items():
            assert d["difference"] <= 1e-9
            assert d["difference"] == pytest.approx(measured["ddl", k][metric] - measured["ddl", best][metric])


def test_differing_counts_sources_not_videos() -> None:
    groups, table = perfect()
    three = [replace(group, name=f"source {i % 3}") for i, group in enumerate(groups)]
    assert compared(three, table, [4])["top1", 4, "dense", 20]["differing"] == 3


def test_all_right_and_all_wrong_have_intervals_of_their_sources() -> None:
    groups, table = perfect()
    found = by_method(method_rows(groups, table, [1]))
    right, wrong = found["ddl", 1], found["dense", 20]
    assert right["top1_high"] == 100 and right["top1_low"] == pytest.approx(100 * 0.025 ** (1 / 12))
    assert wrong["top1_low"] == 0 and wrong["top1_high"] == pytest.approx(100 - right["top1_low"])
    three = [replace(group, name=f"source {i % 3}") for i, group in enumerate(groups)]
    fewer = by_method(method_rows(three, table, [1]))["ddl", 1]
    assert fewer["sources"] == 3 and fewer["top1_low"] == pytest.approx(100 * 0.025 ** (1 / 3))


def test_with_several_labels_map_is_the_metric_to_go_by() -> None:
    row = method_rows(*random_groups(0, labels=3), [1])[0]
    assert next(key for key in row if f"{key}_low" in row) == "map"


def test_classes_split_the_videos_by_main_label() -> None:
    groups, table = random_groups(1)
    outcomes = outcomes_of(groups, table, [2], COST)
    found = [r for r in class_rows(outcomes, groups, "abcdefg") if r["method"] == "ddl"]
    assert sum(r["videos"] for r in found) == len(groups)
    whole_source = class_rows(outcomes, [replace(group, name="one") for group in groups], "abcdefg")
    assert {r["sources"] for r in whole_source} == {1} and max(r["videos"] for r in whole_source) > 1
    whole = next(r for r in rows(outcomes, groups, COST) if r["method"] == "ddl")["top1"]
    assert sum(r["videos"] * r["top1"] for r in found) / len(groups) == pytest.approx(whole)


def test_the_ranking_is_measured_within_the_videos_whose_action_is_known() -> None:
    groups, table = perfect()
    found = ranking_quality(groups, table)
    assert {key: found[key] for key in found if not key.endswith(("_low", "_high"))} == {
        "auc_ddnet": 1.0,
        "auc_confidence": 1.0,
    }
    unknown = [replace(group, action=None) for group in groups]
    nothing = {"auc_ddnet": None, "auc_confidence": None}
    assert ranking_quality(unknown, table) == nothing
    assert ranking_quality([replace(g, action=np.ones(20, bool)) for g in groups], table) == nothing
    assert not any(r["method"] == "action_clips_only" for r in method_rows(unknown, table, [1]))


def test_the_ranking_does_not_compare_clips_of_one_video_with_those_of_another() -> None:
    groups, table = perfect()
    shifted = table.scores - np.repeat(np.arange(12), 20)  # every action clip scores below the next video's background
    found = ranking_quality(groups, ClipTable(shifted, table.probabilities))
    assert found["auc_ddnet"] == found["auc_ddnet_low"] == found["auc_ddnet_high"] == 1
    upside_down = ranking_quality(groups, ClipTable(-table.scores, table.probabilities))
    assert upside_down["auc_ddnet"] == 0


def test_kept_clips_do_not_overlap_unless_that_is_allowed() -> None:
    """Four clips, of which the last two overlap and score best."""
    table = ClipTable(np.array([0.1, 0.2, 0.8, 0.9]), np.tile([0.7, 0.3], (4, 1)))
    spans = np.array([(0, 1), (1, 2), (2, 3), (2.2, 3.2)])
    group = Group("a", (0,), np.arange(4), spans=spans)
    for min_gap, counts in ((0, [4, 3]), (None, [4, 4])):
        found = {
            (one.method, one.k): one.clips.tolist() for one in outcomes_of([group], table, [4], COST, min_gap=min_gap)
        }
        assert [found["uniform", 4], found["ddl", 4]] == [[count] for count in counts]
    assert outcomes_of([group], table, [4], COST)[0].clips.tolist() == [3]
    assert outcomes_of([replace(group, spans=None)], table, [4], COST)[0].clips.tolist() == [4]
