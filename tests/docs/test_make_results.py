"""The page of results and the table of the README are those of the results files."""

import csv
import json
from pathlib import Path

import make_results
import pytest
import result_cells
import result_tables
import set_tables
import speed_tables
from marked_blocks import ROOT, filled

README = ROOT / "README.md"


def test_the_page_of_results_is_what_the_script_makes_of_the_results() -> None:
    page = make_results.PAGE.read_text("utf-8")
    assert page == make_results.results_page(), "run python docs/make_results.py"
    assert len(page.splitlines()) < 200


def test_the_readme_is_short_and_its_table_is_that_of_the_results() -> None:
    text = README.read_text("utf-8")
    assert filled(text, make_results.BLOCKS) == text, "run python docs/make_results.py"
    assert len(text.splitlines()) <= 120


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results files, which a test may change."""
    for path in result_cells.RESULTS.glob("*.json"):
        if not path.name.startswith("untrimmed"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(result_cells, "RESULTS", tmp_path)
    return tmp_path


def test_a_figure_that_changes_in_the_results_changes_on_the_page(results: Path) -> None:
    document = json.loads((results / "shipped.json").read_text())
    row = next(row for row in document["rows"] if (row["data"], row["method"], row["k"]) == ("mixed", "ddl", 5))
    assert f"{row['top1']:.1f}" in result_tables.readme()
    row.update(top1=12.3, top1_low=12.2, top1_high=12.4)
    (results / "shipped.json").write_text(json.dumps(document))
    assert "12.3" in result_tables.readme() and "/ 12.3 /" in make_results.results_page()


def test_weights_that_were_replaced_are_not_taken_for_the_shipped_ones(results: Path) -> None:
    document = json.loads((results / "trimmed_shipped.json").read_text())
    shipped = json.loads((results / "shipped.json").read_text())
    for sha256, name in ((shipped["base"]["sha256"], "`r3d-actions` |"), ("0" * 64, "`r3d-actions` of an earlier")):
        document["base"]["sha256"] = sha256
        (results / "trimmed_shipped.json").write_text(json.dumps(document))
        assert f"| {name}" in result_tables.trimmed()


def test_a_method_is_shown_where_it_was_measured(results: Path) -> None:
    document = json.loads((results / "shipped.json").read_text())
    assert "`random`" in result_tables.composed() and "`ddl_literal`" in result_tables.composed()
    document["rows"] = [row for row in document["rows"] if row["method"] != "random"]
    (results / "shipped.json").write_text(json.dumps(document))
    assert "`random`" not in result_tables.composed() and "`ddl_literal`" in result_tables.composed()


def test_a_table_appears_when_its_results_file_is_there(results: Path) -> None:
    assert "Untrimmed" not in make_results.results_page() and set_tables.runs("lfenet") == ""
    document = json.loads((results / "shipped.json").read_text())
    mixed = next(data for data in document["data"] if data["name"] == "mixed")
    for row in document["rows"]:
        row.update({f"map{end}": row.pop(f"top1{end}") for end in ("", "_low", "_high")})
    for difference in document["differences"]:
        difference["metric"] = "map"
    (results / "untrimmed_fir.json").write_text(json.dumps(document))
    with (results / "lfenet.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["run", "data", "method", "k", "tar_at_far_1e-3", "tar_at_far_1e-3_low", "tar_at_far_1e-3_high"]
        )
        for seed, size, value in ((0, 3, 80.0), (0, 5, 90.0), (1, 3, 84.0), (1, 5, 91.0)):
            for data, less in ((f"faces, sets of {size}", 0), (f"faces, blur 17, sets of {size}", 20)):
                writer.writerow([f"seed_{seed}", data, "average", "", 70.0 + size, 60.0, 80.0])
                writer.writerow([f"seed_{seed}", data, "lfenet", "", value - less, 50.0, 99.0])
    page = make_results.results_page()
    assert "Untrimmed" in page and f"mixed, {mixed['videos']} videos of {mixed['sources']} videos" in page
    of_runs = set_tables.runs("lfenet")
    assert "sets of 3 / 5 | run | as they are | blur 17 |" in of_runs
    assert "| `average` |  | 73.0 / 75.0 | 73.0 / 75.0 |" in of_runs
    assert "| `lfenet` | seed_1 | 84.0 / 91.0 | 64.0 / 71.0 |" in of_runs
    assert len(page.splitlines()) < 200


def test_a_goal_of_speed_is_shown_as_missed_where_it_was_missed(results: Path) -> None:
    document = json.loads((results / "speed.json").read_text())
    goal = document["goals"][0]
    for met, word in ((True, "met"), (False, "**missed**")):
        goal["met"] = met
        (results / "speed.json").write_text(json.dumps(document))
        assert f"| {goal['goal']} | {goal['measured']:.2f} | {word} |" in speed_tables.goals()


def test_faces_show_the_sizes_of_sets_in_a_cell_and_a_condition_in_a_column(results: Path) -> None:
    document = json.loads((results / "faces.json").read_text())
    names = [f"val{part}, sets of {size}" for part in ("", ", degraded") for size in (3, 5, 10)]
    row = next(row for row in document["rows"] if row["method"] == "average")
    row = {key: row[key] for key in ("method", "k", "videos", "clips")}
    document["data"] = [document["data"][0] | {"name": name} for name in names]
    document["rows"] = [
        row | {"data": name, "gflops": 1.0} | {f"tar_at_far_1e-3{end}": float(place) for end in ("", "_low", "_high")}
        for place, name in enumerate(names)
        if not name.endswith("10")
    ] + [
        row | {"data": name} | {f"tar_at_far_1e-2{end}": 5.0 for end in ("", "_low", "_high")}
        for name in names
        if name.endswith("10")  # too few pairs for the lower rate
    ]
    document["differences"] = []
    (results / "faces.json").write_text(json.dumps(document))
    head, _, average = set_tables.faces().splitlines()
    assert head == "| TAR at FAR 1e-3, sets of 3 / 5 | GFLOPs | as they are | degraded |"
    assert average == "| `average` | 1.00 / 1.00 | 0.0 / 1.0 | 3.0 / 4.0 |"
