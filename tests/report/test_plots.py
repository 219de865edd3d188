"""What is drawn, and that a method looks the same everywhere."""

from helpers.report_files import document, finding_of, only, row, runs_of

from clipselect.evaluation.methods import METHODS
from clipselect.report.classes import ClassGain
from clipselect.report.findings import findings
from clipselect.report.plots import finding_plots, number_place, overlay_plots, styles, trade_plot


def test_a_method_looks_the_same_whatever_stands_beside_it() -> None:
    style = styles(runs_of(only(row("ddl", 5, 80), row("mine", 5, 60), row("yours", 5, 60)), document("b")))
    assert style["ddl"] == METHODS["ddl"].style and style["dense"] == METHODS["dense"].style
    used = [style[method] for method in ("ddl", "uniform", "dense", "mine", "yours", "newcomer")]
    assert len(set(used)) == len(used)


def test_a_finding_is_drawn_as_far_as_it_was_measured() -> None:
    runs = runs_of(document())
    val, hard = findings(runs)
    # accuracy against GFLOPs and seconds, what both are spent on, classes; hard has no seconds and no classes
    assert len(finding_plots(val, styles(runs), [val])) == 5 and len(finding_plots(hard, styles(runs), [hard])) == 2
    assert trade_plot(hard, "seconds", styles(runs)) is None


def test_several_runs_share_a_plot_of_every_cost_that_two_have_measured() -> None:
    one, two = runs_of(document()), runs_of(document(), document("b"))
    assert overlay_plots(findings(one)[:1], styles(one)) == []
    overlays = overlay_plots([f for f in findings(two) if f.data == "val"], styles(two))
    assert len(overlays) == 2 and "uniform, b" in overlays[0].svg
    assert len(overlay_plots([f for f in findings(two) if f.data == "hard"], styles(two))) == 1


def test_names_that_matplotlib_would_read_are_shown_as_they_are() -> None:
    content = only(row("_x $a$ 漢字", 5, 80), row("ddl", 5, 80))
    svg = trade_plot(finding_of(content), "gflops", styles(runs_of(content)))
    assert svg is not None and "_x $a$" in svg


def test_variants_are_named_in_the_caption_and_not_drawn() -> None:
    content = only(row("ddl", 5, 80), row("ddl_literal", 5, 77.7))
    plot = finding_plots(finding_of(content), styles(runs_of(content)), [])[0]
    assert "ddl_literal" in plot.caption and "ddl_literal" not in plot.svg


def test_the_number_of_a_bar_stands_at_the_bar_and_not_under_the_mark_of_dense() -> None:
    def place(gain: float, over_dense: float | None) -> tuple[float, int]:
        return number_place(ClassGain("falls", 9, 9, gain, over_dense), width=100)

    assert place(20, 60) == (20, 1) and place(-20, -60) == (-20, -1)
    assert place(20, 25) == (0, -1) and place(-20, -25) == (0, 1)
    assert place(20, 15) == place(20, None) == (20, 1)
