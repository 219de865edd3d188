"""Findings in words: asserted by the figures and names that they must hold."""

import pytest
from helpers.report_files import document, finding_of, only, pair, report_of, row, runs_of

from clipselect.report.findings import findings
from clipselect.report.sentences import details, headline, summary


@pytest.mark.parametrize(("uniform", "verdict"), [(60, "is better than"), (78, "difference"), (95, "is worse than")])
def test_the_headline_begins_with_the_verdict_and_has_the_figures(uniform: float, verdict: str) -> None:
    text = headline(finding_of(only(row("ddl", 5, 80), row("uniform", 5, uniform), row("dense", None, 79))))
    assert verdict in text.partition(" evenly spread clips for the same cost: ")[0]
    assert f"{uniform:.1f} % ({uniform - 3:.1f} to {min(100, uniform + 3):.1f}) for uniform with 5 clips" in text
    assert "80.0 % (77.0 to 83.0) for ddl at K = 5" in text and "79.0 % (76.0 to 82.0) for dense" in text
    assert "GFLOPs per video: 7, 5, 20" in text


def test_the_headline_names_baselines_that_are_as_good_for_no_more() -> None:
    rows = [row("ddl", 9, 80), row("uniform", 9, 60)]
    assert "no more GFLOPs, ddl shows no" in headline(finding_of(only(*rows, row("dense", 10, 79, gflops=10.0))))
    assert "no more GFLOPs" not in headline(finding_of(only(*rows, row("dense", 10, 60, gflops=10.0))))
    slow, quick = {"seconds": 0.5}, {"seconds": 0.4}
    rows = [row("ddl", 5, 80, **slow), row("uniform", 5, 60, **quick), row("uniform", 9, 79, **quick)]
    found = headline(finding_of(only(*rows)))
    assert "in no more time, ddl shows no significant difference from uniform with 9 clips" in found
    rows[2]["seconds"] = 0.6
    assert "no more time" not in headline(finding_of(only(*rows)))


def test_baselines_of_which_the_same_holds_are_named_together() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("motion", 5, 79), row("packets", 5, 78)]
    (note,) = headline(finding_of(only(*rows))).split("Note: ")[1:]
    assert note.endswith("from motion at K = 5 and packets at K = 5.")


def test_frames_are_called_frames_and_evenly_spread() -> None:
    content = only(row("ddl", 5, 80), row("even", 5, 60), row("average", 9, 70), element="frame", group="set")
    found = finding_of(content)
    said = " ".join([headline(found), *details(found), *summary([found])])
    assert "evenly spread frames" in said and "uniform" not in said and "clip" not in said


@pytest.mark.parametrize(("motion", "answer"), [(60, "Yes"), (79, "Not shown by"), (95, "No")])
def test_ddl_is_not_worth_it_where_a_baseline_without_a_network_does_as_well(motion: float, answer: str) -> None:
    found = finding_of(only(row("ddl", 5, 80), row("uniform", 5, 60), row("motion", 5, motion)))
    assert summary([found])[0].startswith(f"Is it worth it? {answer}")
    assert ("clips chosen by motion" in summary([found])[0]) == (answer != "Yes")
    assert ("Note: for no more GFLOPs, ddl" in headline(found)) == (answer != "Yes")
    assert any(
        "motion at K = 5" in sentence and "the best motion for that cost" in sentence for sentence in details(found)
    )


def test_without_ddl_uniform_or_accuracy_nothing_is_claimed() -> None:
    assert "no rows of ddl on val" in headline(finding_of(only(row("dense", None, 80))))
    assert "no row of evenly spread clips" in headline(finding_of(only(row("ddl", 5, 80))))
    costs = {"data": "val", "method": "ddl", "k": 5, "videos": 5, "seconds": 0.5}
    assert "No accuracy was measured on val" in headline(finding_of(only(costs)))
    assert details(finding_of(only(costs))) == []


def test_without_gflops_none_are_mentioned() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("dense", 20, 70)]
    for one in rows:
        del one["gflops"], one["gflops_ddnet"], one["gflops_base"]
    found = finding_of(only(*rows))
    text = " ".join([headline(found), *summary([found]), *details(found)])
    assert "GFLOPs" not in text and "same cost" not in text and "20.0 points better than uniform with 5 clips" in text


def test_the_details_say_which_k_and_why() -> None:
    rows = [row("ddl", 3, 80.4), row("ddl", 5, 81)]
    near = details(finding_of(only(*rows, differences=[pair(3, "ddl", 5, -1.6, -0.6, 0.4)])))[0]
    assert near.startswith("Which K: 3") and "K = 5" in near and "-0.6 (-1.6 to +0.4)" in near
    far = details(finding_of(only(*rows, differences=[pair(3, "ddl", 5, -2, -0.6, -0.1)])))[0]
    assert far.startswith("Which K: 5") and "significantly worse" in far
    assert "does not compare" in details(finding_of(only(*rows)))[0]
    assert "no smaller K was measured" in details(finding_of(only(rows[1])))[0]
    assert "guess" not in near and "guess" not in far


def test_a_k_of_few_sources_is_called_a_guess() -> None:
    for sources, is_guess in ((29, True), (30, False)):
        found = finding_of(only(row("ddl", 5, 80, videos=240, sources=sources)))
        assert ("29 sources this is little more than a guess" in details(found)[0]) == is_guess


def test_the_details_hold_every_comparison_with_what_it_rests_on() -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 77), row("dense", 20, 60)]
    few = pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=5)
    uniform, dense = details(finding_of(only(*rows, differences=[few])))[1:]
    assert "(5 against 7 GFLOPs)" in uniform and "paired 95 % interval +1.0 to +5.0" in uniform
    assert "so few sources (+3.0 points)" in uniform and "5 sources only" in uniform
    assert "20.0 points better than dense with 2.86 times fewer GFLOPs" in dense and "not paired" in dense


def test_the_classes_that_lose_most_are_named() -> None:
    last = details(finding_of(document()))[-1]
    assert (
        "against evenly spread clips: fights -5.0 (9 sources)" in last
        and "against dense: swims -12.0 (9 sources)" in last
    )


def test_few_findings_are_summed_up_one_by_one() -> None:
    val, hard, loss = summary(findings(runs_of(document())))
    assert val.startswith("val: is it worth it? Yes: the best 5 clips of a video are better than evenly spread clips")
    assert hard.startswith("hard: is it worth it? ")
    assert "fights: -5.0 points in val" in loss and "as many evenly spread clips" in loss
    composed = summary(findings(runs_of(document() | {"settings": {"compose": ["hard"]}})))
    assert composed[1].startswith("hard (videos composed of an action and background that looks like it): is it worth")


@pytest.mark.parametrize(
    ("uniform", "dense", "answer", "baseline"),
    [
        (60, 60, "Yes", "than evenly spread clips at the same cost"),
        (95, 60, "No", "evenly spread clips at the same cost are better"),
        (78, 60, "Not shown by these videos", "not clearly better than evenly spread clips"),
        (60, 95, "No", "all clips at the same cost are better"),
    ],
)
def test_the_summary_answers_whether_it_is_worth_it_in_plain_words(
    uniform: float, dense: float, answer: str, baseline: str
) -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, uniform), row("dense", 20, dense, gflops=7.0)]
    (sentence,) = summary([finding_of(only(*rows))])
    assert sentence.startswith(f"Is it worth it? {answer}: ") and baseline in sentence
    assert sentence.count(".") == 1 and len(sentence) < 160
    assert not any(word in sentence for word in ("dense", "uniform", "ddl", "GFLOPs", "significant", "points"))


def test_too_few_videos_are_said_to_be_so() -> None:
    few = pair(5, "uniform", 5, 1.0, 3.0, 5.0, differing=5)
    (sentence,) = summary([finding_of(only(row("ddl", 5, 80), row("uniform", 5, 77), differences=[few]))])
    assert "Not shown by these videos" in sentence and "too few" in sentence


def test_a_composed_data_set_is_explained() -> None:
    content = only(row("ddl", 5, 80, "mixed"), data=[{"name": "mixed", "videos": 9}], settings={"compose": 9})
    assert "composed of an action and background" in report_of(content).sections[0].title


def test_one_picked_clip_is_not_called_the_best_1_clips() -> None:
    (sentence,) = summary([finding_of(only(row("ddl", 1, 80), row("uniform", 1, 60)))])
    assert "the best clip of a video is better" in sentence


def test_a_synthetic_run_says_that_its_figures_mean_nothing() -> None:
    content = only(row("ddl", 5, 80), row("uniform", 5, 60)) | {"benchmark": "synthetic"}
    assert "mean nothing" in summary(findings(runs_of(content)))[0]


def test_of_many_findings_the_answers_are_counted_and_the_greatest_loss_named() -> None:
    content = document()
    content["rows"] = [r for r in content["rows"] if r["data"] == "val" or r["method"] != "uniform"]
    content["rows"].append(row("uniform", 7, 95, "hard"))
    counted, loss = summary(findings(runs_of(content, content)))
    assert counted.startswith("Is it worth it") and "Yes in 2 of 4 results, no in 2." in counted
    assert "fights: -5.0 points in val" in loss and "as many evenly spread clips" in loss
    composed = summary(findings(runs_of(document() | {"settings": {"compose": ["hard"]}})))
    assert composed[1].startswith("hard (videos composed of an action and background that looks like it): is it worth")
    passages = [p for section in report_of(content, document("b")).sections for p in section.passages]
    assert {p.answer.split()[4].strip(":") for p in passages} == {"Yes", "No"}
