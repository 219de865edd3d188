"""What a report concludes: which K, against which baseline, better or not. No words here."""

import pytest
from helpers.report_files import Document, document, finding_of, only, pair, row, runs_of
from hypothesis import given
from hypothesis import strategies as st

from clipselect.errors import ArgumentError
from clipselect.evaluation.fields import Estimate
from clipselect.evaluation.result_entries import Difference, Row
from clipselect.report.findings import MAX_LOSS, MIN_DIFFERING, Reason, Verdict, choose_k, compare, findings, ordered

OWN = [row("ddl", k, top1) for k, top1 in ((1, 79.8), (3, 80.4), (5, 81), (9, 80.9))]
WORSE = pair(1, "ddl", 5, -2, -1.2, -0.4)


def choice_of(*rows: Document, differences: list[Document]) -> tuple[int | None, int | None, Reason]:
    choice = finding_of(only(*rows, differences=differences)).choice
    assert choice is not None
    return choice.row.k, choice.best.k, choice.reason


def test_k_is_the_smallest_as_good_as_the_best_that_loses_little() -> None:
    found = finding_of(only(*OWN, differences=[WORSE, pair(3, "ddl", 5, -1.6, -0.6, 0.4)])).choice
    assert found is not None and (found.row.k, found.best.k, found.reason) == (3, 5, Reason.AS_GOOD_AS_BEST)
    assert found.loss == Estimate(-0.6, -1.6, 0.4)


def test_k_is_the_best_where_every_smaller_one_is_worse_or_loses_too_much() -> None:
    loses_too_much = pair(3, "ddl", 5, -4, -MAX_LOSS - 0.1, 1)
    assert choice_of(*OWN, differences=[WORSE, loses_too_much]) == (5, 5, Reason.SMALLER_ARE_WORSE)


def test_k_is_the_best_where_the_file_does_not_compare_all_smaller_ones() -> None:
    assert choice_of(*OWN, differences=[WORSE]) == (5, 5, Reason.NOT_COMPARED)
    assert choice_of(OWN[2], OWN[3], differences=[]) == (5, 5, Reason.NO_SMALLER)


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 100)), min_size=1, unique_by=lambda r: r[0]), st.data())
def test_the_chosen_k_is_never_larger_nor_surely_worse_than_the_best(
    values: list[tuple[int, float]], data: st.DataObject
) -> None:
    rows = [
        Row(data="val", method="ddl", k=k, videos=9, metrics={"top1": Estimate(v, v, v)}, gflops=k) for k, v in values
    ]
    top = max(v for _, v in values)
    best_k = min(k for k, v in values if v == top)
    pairs = []
    for k, v in values:
        width = data.draw(st.floats(0, 5))
        pairs.append(Difference.model_validate(pair(k, "ddl", best_k, v - top - width, v - top, v - top + width)))
    choice = choose_k(rows, "top1", pairs)
    assert choice is not None and choice.row.k is not None
    assert choice.best.k == best_k and choice.row.k <= best_k
    allowed = [p.k for p in pairs if p.k and p.low <= 0 <= p.high and p.difference >= -MAX_LOSS]
    assert choice.row.k == min([k for k in allowed if k <= best_k], default=best_k)


def test_the_baseline_is_the_best_uniform_for_the_cost() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 68), row("uniform", 7, 70), row("uniform", 8, 95)]
    found = finding_of(only(*rows, row("uniform_equal_cost", 5, 64, gflops=7.0))).uniform
    assert found is not None and (found.baseline.method, found.baseline.k) == ("uniform", 7)


def test_equal_cost_of_the_same_k_is_a_baseline_though_rounded_up() -> None:
    rounded = {"gflops": 7.9, "clips": 8.0}
    equal = [row("uniform_equal_cost", 5, 75, **rounded), row("uniform_equal_cost", 9, 99, gflops=12.0)]
    found = finding_of(only(row("ddl", 5, 80), row("uniform", 5, 68), *equal)).uniform
    assert found is not None and (found.baseline.method, found.baseline.k) == ("uniform_equal_cost", 5)


def test_without_gflops_uniform_with_the_same_k_is_the_baseline() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("uniform", 9, 95), row("dense", 20, 70)]
    for one in rows:
        del one["gflops"], one["gflops_ddnet"], one["gflops_base"]
    found = finding_of(only(*rows))
    assert found.uniform is not None and found.dense is not None
    assert (found.uniform.baseline.k, found.uniform.verdict, found.uniform.cost) == (5, Verdict.BETTER, "clips")


@pytest.mark.parametrize(
    ("uniform", "verdict"), [(60, Verdict.BETTER), (74, Verdict.SIMILAR), (78, Verdict.SIMILAR), (95, Verdict.WORSE)]
)
def test_without_a_paired_difference_the_intervals_decide(uniform: float, verdict: Verdict) -> None:
    """Of rows of +- 3 points."""
    found = finding_of(only(row("ddl", 5, 80), row("uniform", 5, uniform))).uniform
    assert found is not None and found.verdict is verdict and found.paired is None
    assert found.difference == 80 - uniform


def test_a_paired_difference_decides_where_there_is_one() -> None:
    """The intervals of the two rows overlap, the paired one does not contain 0."""
    rows = (row("ddl", 5, 80), row("uniform", 5, 77))
    found = finding_of(only(*rows, differences=[pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=6)])).uniform
    assert found is not None and found.verdict is Verdict.BETTER and found.paired == Estimate(3, 1, 5)
    found = finding_of(only(*rows, differences=[pair(5, "uniform", 3, 1.0, 3.0, 5.0)])).uniform
    assert found is not None and found.verdict is Verdict.SIMILAR and found.paired is None


def test_dense_may_be_paired_with_or_without_a_k() -> None:
    rows = (row("ddl", 5, 80), row("dense", 20, 77))
    for k in (20, None):
        found = finding_of(only(*rows, differences=[pair(5, "dense", k, 1.0, 3.0, 5.0)])).dense
        assert found is not None and found.verdict is Verdict.BETTER


def test_on_few_differing_sources_nothing_is_said() -> None:
    rows, few = (row("ddl", 5, 80), row("uniform", 5, 77)), MIN_DIFFERING - 1
    found = finding_of(only(*rows, differences=[pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=few)])).uniform
    assert found is not None and found.verdict is Verdict.TOO_FEW and found.differing == few
    unpaired = finding_of(only(row("ddl", 5, 80, sources=few), row("uniform", 5, 40))).uniform
    assert unpaired is not None and unpaired.verdict is Verdict.TOO_FEW


def test_dense_that_costs_no_more_is_named_unless_ddl_is_better() -> None:
    rows = [row("ddl", 9, 80), row("uniform", 9, 60)]
    (found,) = finding_of(only(*rows, row("dense", 10, 79, gflops=10.0))).dense_for_less
    assert (found.baseline.method, found.cost, found.verdict) == ("dense", "gflops", Verdict.SIMILAR)
    assert finding_of(only(*rows, row("dense", 10, 60, gflops=10.0))).dense_for_less == ()
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("dense", 20, 70, **slow), row("dense_weighted", 20, 95, **quick)]
    (found,) = finding_of(only(*rows)).dense_for_less
    assert (found.baseline.method, found.cost, found.verdict) == ("dense_weighted", "seconds", Verdict.WORSE)


def test_uniform_in_no_more_time_is_a_baseline_of_its_own() -> None:
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("uniform", 5, 60, **quick), row("uniform", 9, 79, **quick)]
    found = finding_of(only(*rows)).uniform_in_time
    assert found is not None and (found.baseline.k, found.verdict) == (9, Verdict.SIMILAR)
    rows[2]["seconds"] = 0.6
    found = finding_of(only(*rows)).uniform_in_time
    assert found is not None and (found.baseline.k, found.verdict) == (5, Verdict.BETTER)


def test_a_baseline_without_a_network_is_its_best_row_for_the_cost() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("motion", 3, 70), row("motion", 7, 79), row("motion", 9, 95)]
    found = finding_of(only(*rows, row("packets", 5, 90))).cheap
    assert [(c.baseline.method, c.baseline.k, c.verdict) for c in found] == [
        ("motion", 7, Verdict.SIMILAR),
        ("packets", 5, Verdict.WORSE),
    ]
    assert finding_of(only(*rows[:2])).cheap == ()


def test_sets_have_their_own_baselines() -> None:
    found = finding_of(only(row("ddl", 4, 80), row("even", 5, 60), row("average", None, 70), row("oracle", 4, 90)))
    assert found.uniform is not None and found.uniform.baseline.method == "even"
    assert found.dense is not None and found.dense.baseline.method == "average"


def test_without_ddl_or_without_accuracy_nothing_is_concluded() -> None:
    assert finding_of(only(row("dense", None, 80))).choice is None
    found = finding_of(only({"data": "val", "method": "ddl", "k": 5, "videos": 5, "seconds": 0.5}))
    assert found.choice is None and found.metric == ""
    alone = finding_of(only(row("ddl", 5, 80)))
    assert alone.choice is not None and alone.uniform is alone.dense is None


def test_another_metric_can_be_the_one_to_go_by() -> None:
    better, worse = ({"map": v, "map_low": v - 5, "map_high": v + 5} for v in (50.0, 20.0))
    runs = runs_of(only(row("ddl", 1, 60, **better), row("ddl", 5, 80, **worse)))
    ks = {metric: findings(runs, metric)[0].choice for metric in (None, "top1", "map")}
    assert {metric: choice and choice.row.k for metric, choice in ks.items()} == {None: 5, "top1": 5, "map": 1}
    with pytest.raises(ArgumentError, match="top1, map") as refused:
        findings(runs, "top9")
    assert refused.value.argument == "metric"


def test_rows_stand_by_method_and_k_with_oracles_last() -> None:
    rows = [row_ for row_ in runs_of(document())[0].rows if row_.data == "val"]
    found = [(r.method, r.k) for r in ordered(rows)]
    assert found[:4] == [("ddl", 1), ("ddl", 3), ("ddl", 5), ("uniform_equal_cost", 1)]
    assert [method for method, _ in found[-3:]] == ["dense", "newcomer", "action_clips_only"]


@given(*[st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted)] * 2)
def test_a_comparison_the_other_way_round_says_the_opposite(one: list[float], other: list[float]) -> None:
    first, second = (
        Row(data="val", method=method, k=5, videos=99, metrics={"top1": Estimate((low + high) / 2, low, high)})
        for method, (low, high) in (("ddl", one), ("uniform", other))
    )
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    there, back = compare(first, second, "top1").verdict, compare(second, first, "top1").verdict
    assert back is opposite.get(there, there)
