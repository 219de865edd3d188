"""How figures and names are written."""

import pytest
from helpers.report_files import only, row, runs_of

from clipselect.evaluation.fields import Estimate
from clipselect.report.formats import amount, gain, metric_name, percent, row_name


def test_amounts_keep_three_significant_digits() -> None:
    assert [amount(v) for v in (0.1114, 7.87, 22.56, 1982.05, 0)] == ["0.111", "7.87", "22.6", "1982", "0"]


def test_percentages_and_gains_have_their_interval() -> None:
    assert percent(Estimate(81.52, 78.2, 84.5)) == "81.5 % (78.2 to 84.5)"
    assert gain(Estimate(-3, -5.25, 0)) == "-3.0 (-5.2 to +0.0)"


def test_known_metrics_have_the_names_that_people_use() -> None:
    assert [metric_name(m) for m in ("map", "tar_at_far_1e-3", "mine")] == ["mAP", "TAR at FAR 1e-3", "mine"]


@pytest.mark.parametrize(
    ("method", "k", "clips", "name"),
    [
        ("uniform", 5, 5.0, "uniform with 5 clips"),
        ("uniform_equal_cost", 1, 2.29, "uniform with 2.29 clips on average"),
        ("uniform", 1, 1.0, "uniform with 1 clip"),
        ("uniform", 5, None, "uniform at K = 5"),
        ("even", 2, 2.0, "even at K = 2"),
        ("dense", 20, 20.0, "dense"),
        ("ddl", 3, 3.0, "ddl at K = 3"),
        ("newcomer", 3, 3.0, "newcomer at K = 3"),
        ("newcomer", None, 3.0, "newcomer"),
    ],
)
def test_rows_are_named_by_what_the_base_sees(method: str, k: int | None, clips: float | None, name: str) -> None:
    (one,) = runs_of(only(row(method, k, 80, clips=clips)))[0].rows
    assert row_name(one) == name
