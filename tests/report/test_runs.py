"""Results side by side: their labels, what cannot stand side by side, CSV and JSON."""

import csv
import io
import json
from pathlib import Path

import pytest
from helpers.report_files import document, only, row, runs_of, write

from clipselect.errors import ClipselectError
from clipselect.evaluation.results import RESULTS_NAME
from clipselect.report.runs import CSV_COLUMNS, as_csv, as_json, read_runs


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (["a.json", "b.json"], ["a", "b"]),
        (["one/results.json", "two/results.json"], ["one", "two"]),
        (["x/a.json", "y/a.json"], ["x/a", "y/a"]),
        (["a.json", "a/results.json"], None),
    ],
)
def test_runs_of_one_base_are_labelled_by_their_files(tmp_path: Path, files: list[str], labels: list[str]) -> None:
    found = [run.label for run in read_runs([write(tmp_path / file, document()) for file in files])]
    assert len(set(found)) == 2 and labels in (None, found)


def test_a_base_of_its_own_is_the_label_even_beside_runs_of_another(tmp_path: Path) -> None:
    bases = {"a.json": "slow", "b.json": "slow", "c.json": "a"}
    runs = read_runs([write(tmp_path / file, document(base)) for file, base in bases.items()])
    assert len({run.label for run in runs}) == 3 and runs[2].label == "a"


def test_results_in_memory_need_no_file() -> None:
    assert [run.label for run in runs_of(document("slow"), document("fast"))] == ["slow", "fast"]
    assert [run.label for run in runs_of(document(), document())] == ["results 1", "results 2"]


def test_a_folder_or_a_text_names_a_file_too(tmp_path: Path) -> None:
    write(tmp_path / RESULTS_NAME, document())
    for source in (str(tmp_path), [tmp_path], tmp_path / RESULTS_NAME):
        (run,) = read_runs(source)
        assert run.file == tmp_path / RESULTS_NAME and run.label == "narrow_slow"


def test_what_cannot_stand_side_by_side_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    with pytest.raises(ClipselectError, match="at least one"):
        read_runs([])
    with pytest.raises(ClipselectError, match=r"a\.json: is given 2 times"):
        read_runs([path, tmp_path / "." / "a.json"])
    other = write(tmp_path / "b.json", {**document("other"), "gflops_convention": "one multiply-add is two"})
    with pytest.raises(ClipselectError, match=r"b\.json.*one multiply-add is two.*separately"):
        read_runs([path, other])


def test_csv_has_one_line_per_run_row_and_metric() -> None:
    content = document()
    content["rows"][0] |= {"top5": 90.0, "top5_low": 88.0, "top5_high": 92.0}
    lines = list(csv.DictReader(io.StringIO(as_csv(runs_of(content)))))
    assert len(lines) == len(content["rows"]) + 1 and tuple(lines[0]) == CSV_COLUMNS
    assert [(line["metric"], line["value"], line["low"]) for line in lines[:2]] == [
        ("top1", "66.0", "63.0"),
        ("top5", "90.0", "88.0"),
    ]
    assert lines[0]["seconds"] == "" and lines[3]["seconds"] == "0.55" and lines[0]["sources"] == "98"


def test_csv_keeps_rows_that_have_costs_only() -> None:
    costs = {"data": "val", "method": "dense", "k": 30, "videos": 5, "seconds": 2.0}
    (line,) = csv.DictReader(io.StringIO(as_csv(runs_of(only(costs)))))
    assert (line["method"], line["seconds"], line["metric"]) == ("dense", "2.0", "")


def test_json_holds_the_documents(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", only(row("ddl", 5, 80), settings={"further": [1, None]}))
    combined = json.loads(as_json(read_runs([path])))
    assert combined["version"] == 1
    assert combined["runs"] == [{"run": "narrow_slow", "file": str(path), **json.loads(path.read_text())}]
