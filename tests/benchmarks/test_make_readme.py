"""The tables of benchmarks/README.md are those of the results files."""

import json

from make_readme import BLOCK, README, RESULTS, TABLES, filled


def test_the_page_is_what_the_generator_makes_of_the_results() -> None:
    assert filled(README.read_text()) == README.read_text(), "run python benchmarks/make_readme.py"
    assert {match[2] for match in BLOCK.finditer(README.read_text())} == {*TABLES}
    assert len(README.read_text().splitlines()) < 200


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
