"""What `clipselect report` concludes: which K, against which rival, and in what words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_files import Document, document, only, row, write

from clipselect import report
from clipselect.report_findings import Finding, choose_k, class_gains, findings, ordered
from clipselect.report_plots import html_page
from clipselect.report_schema import Estimate, Row
from clipselect.report_sentences import amount, details, headline, summary
from clipselect.report_tables import results_table


def finding(tmp_path: Path, content: Document) -> Finding:
    return findings(report.read_runs([write(tmp_path / "results.json", content)]))[0]


def test_k_is_the_smallest_within_the_interval_of_the_best(tmp_path: Path) -> None:
    near = finding(tmp_path, only(row("ddl", 1, 60), row("ddl", 3, 79), row("ddl", 5, 81), row("ddl", 9, 80)))
    assert near.chosen is not None and near.best is not None and (near.chosen.k, near.best.k) == (3, 5)
    far = finding(tmp_path, only(row("ddl", 1, 60), row("ddl", 3, 77.9), row("ddl", 5, 81)))
    assert far.chosen is far.best and far.chosen is not None and far.chosen.k == 5


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 100), st.floats(0, 20)), min_size=1, unique_by=lambda r: r[0])
)
def test_the_chosen_k_never_costs_more_nor_lies_below_the_best_ones_interval(
    values: list[tuple[int, float, float]],
) -> None:
    rows = [Row("val", "ddl", k, 9, {"top1": Estimate(v, v - w, v + w)}, {"gflops": k}) for k, v, w in values]
    chosen = choose_k(rows, "top1")
    assert chosen is not None
    taken, best = chosen
    assert taken.k is not None and best.k is not None and taken.k <= best.k
    assert best.metrics["top1"].value == max(v for _, v, _ in values)
    assert taken.metrics["top1"].value >= best.metrics["top1"].low
    assert all(r.metrics["top1"].value < best.metrics["top1"].low for r in rows if r.k is not None and r.k < taken.k)


def test_the_rival_is_the_best_uniform_that_costs_no_more(tmp_path: Path) -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 68), row("uniform", 7, 70), row("uniform", 8, 95)]
    found = finding(tmp_path, only(*rows, {**row("uniform_equal_cost", 5, 64), "gflops": 7.0}))
    assert found.uniform is not None and (found.uniform.rival.method, found.uniform.rival.k) == ("uniform", 7)


@pytest.mark.parametrize(
    ("uniform", "verdict", "says"),
    [
        (60, "better", "ddl at K = 5 reaches 80.0 % (77.0 to 83.0) top-1 at 7 GFLOPs a video, more than"),
        (78, "not told apart", "ddl at K = 5 is not told apart from uniform"),
        (95, "worse", "Uniform beats ddl"),
    ],
)
def test_the_headline_is_plain_about_uniform(tmp_path: Path, uniform: float, verdict: str, says: str) -> None:
    found = finding(tmp_path, only(row("ddl", 5, 80), row("uniform", 5, uniform), row("dense", None, 79)))
    assert found.uniform is not None and found.uniform.verdict == verdict
    assert headline(found).startswith(says) and "dense: 79.0 % (76.0 to 82.0) at 20" in headline(found)


def test_a_paired_interval_decides_where_there_is_one(tmp_path: Path) -> None:
    """The intervals of the two rows overlap, the paired one is off 0."""
    pair = {"data": "val", "metric": "top1", "method": "ddl", "k": 5, "than": "uniform", "than_k": 5}
    rows = (row("ddl", 5, 80), row("uniform", 5, 77))
    paired = only(*rows, differences=[{**pair, "difference": 3.0, "low": 1.0, "high": 5.0}])
    found = finding(tmp_path, paired)
    assert found.uniform is not None and found.uniform.verdict == "better"
    assert "+3.0 points (paired 95 % interval +1.0 to +5.0)" in " ".join(details(found))
    other_k = only(*rows, differences=[{**pair, "than_k": 3, "difference": 3.0, "low": 1.0, "high": 5.0}])
    found = finding(tmp_path, other_k)
    assert found.uniform is not None and found.uniform.verdict == "not told apart"


def test_the_headline_says_when_uniform_is_as_good_by_the_clock(tmp_path: Path) -> None:
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("uniform", 5, 60, **quick), row("uniform", 9, 79, **quick)]
    assert "by the clock it is not told apart from uniform at K = 9" in headline(finding(tmp_path, only(*rows)))
    rows[2] |= {"seconds": 0.6}
    assert "by the clock" not in headline(finding(tmp_path, only(*rows)))


def test_without_ddl_or_uniform_nothing_is_claimed(tmp_path: Path) -> None:
    assert "no rows of ddl" in headline(finding(tmp_path, only(row("dense", None, 80))))
    assert "no row of uniform costs as little" in headline(finding(tmp_path, only(row("ddl", 5, 80))))


def test_several_findings_are_counted_in_one_sentence(tmp_path: Path) -> None:
    content = document()
    found = findings(report.read_runs([write(tmp_path / "a.json", content)]))
    assert (
        summary(found)
        == "ddl beside the best uniform at no more cost: better in 2 of 2; by the clock better in 1 of 1."
    )
    content["rows"] = [r for r in content["rows"] if r["data"] == "val" or r["method"] != "uniform"]
    content["rows"].append(row("uniform", 7, 95, "hard"))
    found = findings(report.read_runs([write(tmp_path / "a.json", content)]))
    assert "better in 1 of 2, worse in 1;" in summary(found)


def test_classes_are_sorted_by_gain(tmp_path: Path) -> None:
    gains = class_gains(finding(tmp_path, document()))
    assert gains is not None and gains[0] == 5
    assert [(g.name, g.gain) for g in gains[1]] == [("falls", 10.0), ("swims", 0.0), ("fights", -5.0)]


def test_rows_stand_by_method_and_k_with_oracles_last(tmp_path: Path) -> None:
    runs = report.read_runs([write(tmp_path / "a.json", document())])
    found = [(r.method, r.k) for r in ordered([r for r in runs[0].rows if r.data == "val"])]
    assert found[:4] == [("ddl", 1), ("ddl", 3), ("ddl", 5), ("uniform_equal_cost", 1)]
    assert [method for method, _ in found[-3:]] == ["dense", "newcomer", "action_clips_only"]


def test_amounts_keep_three_digits() -> None:
    assert [amount(v) for v in (0.1114, 7.87, 22.56, 1982.05, 0)] == ["0.111", "7.87", "22.6", "1982", "0"]


def test_costs_without_accuracy_are_tabled_and_claim_nothing(tmp_path: Path) -> None:
    costs = [
        {"data": "val", "method": method, "k": k, "videos": 5, "seconds": seconds}
        for method, k, seconds in (("dense", 30, 2.0), ("ddl", 5, 0.5))
    ]
    runs = report.read_runs(
        [
            write(
                tmp_path / "results.json",
                {
                    **document(),
                    "data": [{"name": "val", "videos": 5}],
                    "rows": costs,
                    "differences": [],
                    "classes": [],
                    "ranking": [],
                },
            )
        ]
    )
    (found,) = findings(runs)
    assert found.chosen is None and headline(found).startswith("No accuracy was measured on val")
    assert results_table([found]).rows == [("ddl", "5", "5", "0.5"), ("dense", "30", "5", "2")]
    assert report.as_csv(runs).splitlines()[1].startswith("narrow_slow,kinetics,val,dense,30,")
    assert "<html" in html_page(runs)
