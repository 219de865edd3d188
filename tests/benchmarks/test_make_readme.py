"""The tables of benchmarks/README.md and README.md are those of the results files."""

import json

import pytest
from make_readme import BLOCK, FRONT, README, RESULTS, TABLES, Path, filled


@pytest.mark.parametrize(("page", "lines"), [(README, 200), (FRONT, 121)])
def test_a_page_is_what_the_generator_makes_of_the_results(page: Path, lines: int) -> None:
    assert filled(page.read_text()) == page.read_text(), "run python benchmarks/make_readme.py"
    assert len(page.read_text().splitlines()) < lines


def test_every_table_is_shown() -> None:
    assert {match[2] for page in (README, FRONT) for match in BLOCK.finditer(page.read_text())} == {*TABLES}


def test_a_table_that_is_not_of_the_results_is_replaced() -> None:
    row = next(
        row
        for row in json.loads((RESULTS / "shipped.json").read_text())["rows"]
        if (row["data"], row["method"], row["k"]) == ("mixed", "ddl", 5)
    )
    shown = f"{row['top1']:.1f} ({row['top1_low']:.1f}-{row['top1_high']:.1f})"
    assert shown in README.read_text()
    forged = README.read_text().replace(shown, "99.9 (99.8-100.0)")
    assert forged != README.read_text() == filled(forged)
