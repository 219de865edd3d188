"""What `clipselect report` concludes: which K, against which rival, and in what words."""

from pathlib import Path

import pytest
from helpers.report_files import Document, document, only, pair, row, write
from hypothesis import given
from hypothesis import strategies as st

from clipselect.report import report
from clipselect.report.classes import class_gains
from clipselect.report.findings import LOSS, Finding, choose_k, findings, ordered
from clipselect.report.markdown import as_markdown
from clipselect.report.page import html_page
from clipselect.report.schema import Estimate, Row
from clipselect.report.sentences import amount, details, headline, summary
from clipselect.report.tables import results_tables


def finding(tmp_path: Path, content: Document) -> Finding:
    return findings(report.read_runs([write(tmp_path / "results.json", content)]))[0]


def test_k_is_the_smallest_not_told_apart_from_the_best_that_loses_little(tmp_path: Path) -> None:
    rows = [row("ddl", k, top1) for k, top1 in ((1, 79.8), (3, 80.4), (5, 81), (9, 80.9))]
    surely, hardly = pair(1, "ddl", 5, -2, -1.2, -0.4), pair(3, "ddl", 5, -1.6, -0.6, 0.4)
    near = finding(tmp_path, only(*rows, differences=[surely, hardly, pair(9, "ddl", 5, -1, -0.1, 1)]))
    assert near.chosen is not None and near.best is not None and (near.chosen.k, near.best.k) == (3, 5)
    assert details(near)[0] == (
        "Which K: K = 3 is the smallest that is not told apart from the best, K = 5, and loses at most 1 point to it: "
        "-0.6 (-1.6 to +0.4)."
    )
    too_much = pair(3, "ddl", 5, -4, -1.5, 1)
    far = finding(tmp_path, only(*rows, differences=[surely, too_much, pair(9, "ddl", 5, -1, -0.1, 1)]))
    assert far.chosen is far.best and far.chosen is not None and far.chosen.k == 5
    assert "every smaller one is worse for sure, or by more than 1 point" in details(far)[0]


def test_without_pairs_the_best_k_is_taken_and_said_to_be_all_that_is_known(tmp_path: Path) -> None:
    found = finding(tmp_path, only(row("ddl", 3, 80.9), row("ddl", 5, 81)))
    assert found.chosen is not None and found.chosen.k == 5
    assert "whether a smaller one will do is not told" in details(found)[0]
    assert "no smaller one was measured" in details(finding(tmp_path, only(row("ddl", 5, 80))))[0]


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 100)), min_size=1, unique_by=lambda r: r[0]), st.data())
def test_the_chosen_k_is_never_larger_nor_surely_worse_than_the_best(
    values: list[tuple[int, float]], data: st.DataObject
) -> None:
    rows = [Row("val", "ddl", k, 9, 9, {"top1": Estimate(v, v, v)}, {"gflops": k}) for k, v in values]
    top = max(v for _, v in values)
    best_k = min(k for k, v in values if v == top)
    pairs = []
    for k, v in values:
        width = data.draw(st.floats(0, 5))
        pairs.append(pair(k, "ddl", best_k, v - top - width, v - top, v - top + width))
    choice = choose_k(rows, "top1", pairs)
    assert choice is not None
    taken, best, _ = choice
    assert taken.k is not None and best.k == best_k and taken.k <= best_k
    allowed = [p["k"] for p in pairs if p["low"] <= 0 <= p["high"] and p["difference"] >= -LOSS]
    assert taken.k == min([k for k in allowed if k <= best_k], default=best_k)


def test_the_rival_is_the_best_uniform_for_the_cost(tmp_path: Path) -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 68), row("uniform", 7, 70), row("uniform", 8, 95)]
    found = finding(tmp_path, only(*rows, row("uniform_equal_cost", 5, 64, gflops=7.0)))
    assert found.uniform is not None and (found.uniform.rival.method, found.uniform.rival.k) == ("uniform", 7)


def test_equal_cost_of_the_same_k_is_a_rival_though_rounded_up(tmp_path: Path) -> None:
    rounded = {"gflops": 7.9, "clips": 8.0}
    equal = [row("uniform_equal_cost", 5, 75, **rounded), row("uniform_equal_cost", 9, 99, gflops=12.0)]
    found = finding(tmp_path, only(row("ddl", 5, 80), row("uniform", 5, 68), *equal))
    assert found.uniform is not None and (found.uniform.rival.method, found.uniform.rival.k) == (equal[0]["method"], 5)
    assert "more than" not in headline(found) and "the best uniform for that cost (uniform, 8 clips)" in headline(found)
    assert "uniform, 8 clips, the best uniform for that cost at 7.9 against 7 GFLOPs: +5.0" in " ".join(details(found))


def test_without_gflops_uniform_with_as_many_clips_is_the_rival(tmp_path: Path) -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("uniform", 9, 95), row("dense", 20, 70)]
    for one in rows:
        del one["gflops"], one["gflops_ddnet"], one["gflops_base"]
    found = finding(tmp_path, only(*rows))
    assert found.uniform is not None and found.uniform.rival.k == 5 and found.uniform.verdict == "better"
    text = " ".join([headline(found), summary([found]), *details(found)])
    assert "GFLOPs" not in text and "ddl at K = 5 is better than uniform, 5 clips: +20.0 points" in text
    assert "80.0" in html_page([found.run])


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
    rows = (row("ddl", 5, 80), row("uniform", 5, 77))
    found = finding(tmp_path, only(*rows, differences=[pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=6)]))
    assert found.uniform is not None and found.uniform.verdict == "better"
    assert "+3.0 points (paired 95 % interval +1.0 to +5.0)" in " ".join(details(found))
    found = finding(tmp_path, only(*rows, differences=[pair(5, "uniform", 3, 1.0, 3.0, 5.0)]))
    assert found.uniform is not None and found.uniform.verdict == "not told apart"


def test_few_sources_that_differ_tell_nothing(tmp_path: Path) -> None:
    rows = (row("ddl", 5, 80), row("uniform", 5, 77))
    found = finding(tmp_path, only(*rows, differences=[pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=5)]))
    assert found.uniform is not None and found.uniform.verdict == "too few videos to tell"
    assert headline(found).startswith("Too few videos tell ddl at K = 5 from uniform")
    assert "they differ on 5 sources only" in " ".join(details(found))
    unpaired = finding(tmp_path, only(*(row("ddl", 5, 80, sources=5), row("uniform", 5, 40, sources=5))))
    assert unpaired.uniform is not None and unpaired.uniform.verdict == "too few videos to tell"


def test_the_headline_says_when_dense_costs_no_more_and_is_as_good(tmp_path: Path) -> None:
    rows = [row("ddl", 9, 80), row("uniform", 9, 60), row("dense", 10, 79, gflops=10.0)]
    assert "; dense costs no more GFLOPs and is not told apart from it" in headline(finding(tmp_path, only(*rows)))
    assert "no more GFLOPs" not in headline(finding(tmp_path, only(*rows[:2], row("dense", 10, 60, gflops=10.0))))
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("dense", 20, 70, **slow), row("dense_weighted", 20, 95, **quick)]
    said = headline(finding(tmp_path, only(*rows)))
    assert "; dense_weighted takes no more seconds and is better" in said and "; dense takes" not in said


def test_the_headline_says_when_uniform_is_as_good_by_the_clock(tmp_path: Path) -> None:
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("uniform", 5, 60, **quick), row("uniform", 9, 79, **quick)]
    assert "by the clock it is not told apart from uniform, 9 clips" in headline(finding(tmp_path, only(*rows)))
    rows[2] |= {"seconds": 0.6}
    assert "by the clock" not in headline(finding(tmp_path, only(*rows)))


def test_sets_have_their_own_words_and_rivals(tmp_path: Path) -> None:
    rows = [row("ddl", 4, 80), row("even", 5, 60), row("average", None, 70), row("oracle", 4, 90)]
    words = {"benchmark": "reid", "element": "frame", "group": "tracklet", "files": "images"}
    broken = [{"path": "a.jpg", "error": "not an image"}]
    content = only(*rows, data=[{"name": "val", "videos": 98, "unreadable": broken}], **words)
    said = as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))
    assert "6 GFLOPs a tracklet, more than the best uniform for that cost (even at K = 5): 60.0 %" in said
    assert "; average: 70.0 %" in said and "is better than average" in said
    assert "| method | K | frames | tracklets |" in said and "| **4** | **98** |" in said
    assert "Of the images 1 could not be read" in said and "### Images that could not be read" in said


def test_without_ddl_or_uniform_nothing_is_claimed(tmp_path: Path) -> None:
    assert "no rows of ddl" in headline(finding(tmp_path, only(row("dense", None, 80))))
    assert "no row of uniform to set beside it" in headline(finding(tmp_path, only(row("ddl", 5, 80))))


def test_few_findings_are_told_one_by_one_and_many_counted(tmp_path: Path) -> None:
    content = document()
    found = findings(report.read_runs([write(tmp_path / "a.json", content)]))
    first, second = summary(found).split(" hard: ")
    assert first == (
        "val: ddl at K = 5 is 13.5 points better than uniform, 5 clips, and is not told apart from dense (+1.5 points) "
        "for 2.86 times fewer GFLOPs; worst class against uniform: fights (-5.0 points)."
    )
    assert second.startswith("ddl at K = 5 is 13.5 points better than") and "worst" not in second
    content["rows"] = [r for r in content["rows"] if r["data"] == "val" or r["method"] != "uniform"]
    content["rows"].append(row("uniform", 7, 95, "hard"))
    found = findings(report.read_runs([write(tmp_path / "a.json", content), write(tmp_path / "b.json", content)]))
    assert "better in 2 of 4, worse in 2; by the clock better in 2 of 2." in summary(found)


def test_the_classes_that_lose_most_are_named(tmp_path: Path) -> None:
    assert details(finding(tmp_path, document()))[-1] == (
        "Classes on which ddl at K = 5 loses most, in points: against uniform at K = 5 fights -5.0 (9 sources); "
        "against dense swims -12.0 (9 sources)."
    )


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
    assert results_tables([found])[0].rows == [("ddl", "5", "5", "0.5"), ("dense", "30", "5", "2")]
    assert report.as_csv(runs).splitlines()[1].startswith("narrow_slow,kinetics,val,dense,30,")
    assert "<html" in html_page(runs)
