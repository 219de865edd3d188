"""The tables of a report."""

from helpers.report_files import document, finding_of, only, pair, row, runs_of

from clipselect.report.findings import findings
from clipselect.report.sentences import details
from clipselect.report.tables import (
    MAX_LISTED,
    best_clips_table,
    differences_table,
    facts_tables,
    methods_table,
    ranking_table,
    results_tables,
    unreadable_table,
)


def test_costs_are_split_and_the_chosen_k_stands_out() -> None:
    table = results_tables([finding_of(document())])[0]
    (marked,) = table.marked
    line = dict(zip(table.columns, table.rows[marked], strict=True))
    assert (line["method"], line["K"], line["top-1"]) == ("ddl", "5", "81.5 (78.5 to 84.5)")
    assert line["GFLOPs (DDNet + base)"] == "7 (2 + 5)"
    assert line["seconds (decode + DDNet + base)"] == "0.55 (0.3 + 0.05 + 0.2)"
    assert all(len(row_) == len(table.columns) for row_ in table.rows)


def test_a_brief_table_has_the_metric_to_go_by_and_the_costs_that_were_measured() -> None:
    more = {"top5": 90.0, "top5_low": 88.0, "top5_high": 92.0}
    (table,) = results_tables([finding_of(only(row("ddl", 5, 80, **more)))], brief=True)
    assert table.columns == ("method", "K", "top-1", "GFLOPs")
    assert table.rows == [("ddl", "5", "80.0 (77.0 to 83.0)", "7")]


def test_runs_stand_side_by_side() -> None:
    table = results_tables(findings(runs_of(document("slow"), document("fast")))[::2])[0]
    assert [row_[:3] for row_ in table.rows[:2]] == [("ddl", "1", "slow"), ("ddl", "1", "fast")]
    assert [table.rows[i][:3] for i in sorted(table.marked)] == [("ddl", "5", "slow"), ("ddl", "5", "fast")]


def test_variants_have_a_folded_table_of_their_own() -> None:
    tables = results_tables([finding_of(only(row("ddl", 5, 80), row("uniform", 5, 60), row("ddl_literal", 5, 77.7)))])
    assert [(t.title, t.folded, len(t.rows)) for t in tables] == [
        ("Accuracy and cost", False, 2),
        ("Variants", True, 1),
    ]


def test_sets_have_their_own_words() -> None:
    (table,) = results_tables([finding_of(only(row("ddl", 4, 80), element="frame", group="tracklet"))])
    assert table.columns[2:4] == ("frames", "tracklets")


def test_sources_are_shown_where_they_are_not_the_videos() -> None:
    assert "sources" not in results_tables([finding_of(only(row("ddl", 5, 80)))])[0].columns
    table = results_tables([finding_of(only(row("ddl", 5, 80, sources=7)))])[0]
    assert table.rows[0][table.columns.index("sources")] == "7"


def test_of_many_differences_those_of_the_chosen_k_and_to_the_best_are_shown() -> None:
    pairs = [pair(5, "uniform", 5, 1, 2, 3), pair(3, "uniform", 3, 1, 2.2, 3), pair(3, "ddl", 5, -9, -8.8, -7)]
    other = {**pairs[0], "metric": "top5"}
    content = only(row("ddl", 3, 70), row("ddl", 5, 80), row("uniform", 5, 60), differences=[*pairs, other])
    (table,) = differences_table([finding_of(content)])
    assert table.rows == [
        ("ddl at K = 5", "uniform at K = 5", "+2.0 (+1.0 to +3.0)", "yes, better"),
        ("ddl at K = 3", "ddl at K = 5", "-8.8 (-9.0 to -7.0)", "yes, worse"),
    ]
    few = finding_of(only(row("ddl", 5, 80), differences=[{**pairs[0], "differing": 2}]))
    assert differences_table([few])[0].rows[0][-1] == "too few sources to say"
    same = finding_of(only(row("ddl", 5, 80), differences=[pair(5, "uniform", 5, -1, 2, 3)]))
    assert differences_table([same])[0].rows[0][-1] == "no"


def test_rankings_below_chance_are_marked() -> None:
    (table,) = ranking_table(runs_of(document()))
    assert table.columns == ("data", "auc ddnet") and table.rows == [
        ("val", "0.913"),
        ("val, street", "0.445 (0.400 to 0.490), below chance"),
    ]
    assert ranking_table(runs_of(only(row("ddl", 5, 80), ranking=[]))) == []


def test_methods_are_described_and_unknown_ones_named() -> None:
    described = dict(methods_table(runs_of(document())).rows)
    assert "DDNet" in described["ddl"] and described["newcomer"] == "not known to this version"


def test_facts_hold_what_was_run_a_column_per_run() -> None:
    content = document("fast")
    content["settings"] = {"k": [1, 3], "stride": 0.25}
    tables = {table.title: table for table in facts_tables(runs_of(document(), content))}
    assert list(tables) == ["Data", "Networks", "Settings", "Environment"]
    assert ("k", "1, 3, 5", "1, 3") in tables["Settings"].rows and ("cpu", "a cpu", "a cpu") in tables[
        "Environment"
    ].rows
    assert ("base name", "narrow_slow", "fast") in tables["Networks"].rows
    assert ("val unreadable", "1", "1") in tables["Data"].rows


def test_unreadable_files_are_listed_up_to_a_limit() -> None:
    broken = [{"path": f"{i}.jpg", "error": "not an image"} for i in range(MAX_LISTED + 1)]
    data = [{"name": "val", "videos": 98, "unreadable": broken}]
    (table,) = unreadable_table(runs_of(only(row("ddl", 5, 80), data=data, files="images")))
    assert table.title.startswith("Images") and str(len(broken)) in table.title and len(table.rows) == MAX_LISTED
    assert table.rows[0] == ("val", "0.jpg", "not an image")
    assert unreadable_table(runs_of(only(row("ddl", 5, 80)))) == []


def test_the_first_clips_stand_beside_chance() -> None:
    entry = {
        "data": "val", "method": "ddl", "videos": 40, "sources": 9, "hits": 45.0, "low": 30.0, "high": 60.0,
        "chance": 20.0, "gain": 25.0, "gain_low": 10.0, "gain_high": 40.0,
    }  # fmt: skip
    other = entry | {"method": "motion", "gain": 1.0, "gain_low": -5.0, "hits": 21.0, "low": 10.0}
    few = entry | {"method": "packets", "sources": 5}
    content = only(row("ddl", 5, 80), row("uniform", 5, 60), best_clips=[entry, other, few]) | {"group": "piece"}
    (table,) = best_clips_table([finding_of(content)])
    assert table.columns[:3] == ("method", "pieces", "sources")
    assert table.rows[0] == ("ddl", "40", "9", "45.0 (30.0 to 60.0)", "20.0", "+25.0 (+10.0 to +40.0)", "yes, better")
    assert [cells[-1] for cells in table.rows] == ["yes, better", "no", "too few sources to say"]
    assert "45.0 % (30.0 to 60.0) of 40 pieces (9 sources)" in details(finding_of(content))[-1]
    assert best_clips_table([finding_of(only(row("ddl", 5, 80)))]) == []
