"""`clipselect report`: what it prints, and what goes to standard output."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.report_files import document, only, row, write


def test_the_terminal_shows_the_verdict_and_a_table(run: Run, tmp_path: Path) -> None:
    run("report", write(tmp_path / "a.json", only(row("ddl", 5, 80), row("uniform", 5, 60))))
    assert run.code == 0 and run.err == ""
    assert run.out.startswith("Is it worth it? Yes") and "20.0 points" in run.out
    words = " ".join(run.out.split())
    assert words.index("ddl: the K best by the DDNet") < words.index("K: how many clips") < words.index("kinetics: val")
    assert re.search(r"method +K +top-1 +GFLOPs", run.out)
    assert re.search(r"uniform +5 +60\.0 \(57\.0 to 63\.0\)", run.out)


def test_standard_output_takes_csv_or_json_alone(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    lines = list(csv.DictReader(io.StringIO(run("report", path, "--csv", "-", "--quiet").out)))
    assert len(lines) == len(document()["rows"])
    combined = json.loads(run("report", path, "--json", "-").out)
    assert combined["runs"] == [{"run": "narrow_slow", "file": str(path), **document()}] and "ddl at K = 5" in run.err
    assert_refused(run("report", path, "--csv", "-", "--json", "-"), "only one output")


def test_files_are_written_and_named(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    assert run("report", path, "--out", tmp_path / "out").code == 0
    assert run.err.count("written: ") == len([*(tmp_path / "out").iterdir()]) == 4
    assert run("report", path, "--html", tmp_path / "a.html", "--quiet").code == 0 and run.out == run.err == ""


def test_a_too_wide_table_becomes_sentences(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = only(row("ddl_threshold_rescaled", 5, 80), row("ddl", 5, 77), data=[{"name": "val", "videos": 98}])
    monkeypatch.setenv("COLUMNS", "32")
    run("report", write(tmp_path / "a.json", content))
    words = " ".join(run.out.split())
    assert "method: ddl_threshold_rescaled, K: 5, top-1: 80.0 (77.0 to 83.0), GFLOPs: 7" in words
    assert max(map(len, run.out.splitlines())) <= 32


def test_another_metric_can_be_the_one_to_go_by(run: Run, tmp_path: Path) -> None:
    better, worse = ({"map": v, "map_low": v - 5, "map_high": v + 5} for v in (50.0, 20.0))
    path = write(tmp_path / "a.json", only(row("ddl", 1, 60, **better), row("ddl", 5, 80, **worse)))
    assert "Which K: 5" in run("report", path).out and "Which K: 1" in run("report", path, "--metric", "map").out
    assert_refused(run("report", path, "--metric", "top9"), "--metric", "top9", "top1, map")


def test_what_cannot_be_reported_is_refused_in_one_sentence(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    (tmp_path / "b.json").write_text("rows,of,csv")
    assert_refused(run("report", tmp_path / "none.json"), "none.json: no such file")
    assert_refused(run("report", tmp_path / "b.json"), "b.json", "not JSON")
    assert_refused(run("report", write(tmp_path / "c.json", {**document(), "rows": [7]})), "c.json", "rows[0]")
    assert_refused(run("report", path, "--json", path), "would be lost")
    assert_refused(run("report", path, "--csv", tmp_path / "o", "--json", tmp_path / "o"), "--csv", "same file")


def test_costs_alone_are_said_once_and_methods_are_explained(run: Run, tmp_path: Path) -> None:
    costs = [{"data": "val", "method": m, "k": 5, "videos": 5, "seconds": 2.0} for m in ("ddl", "uniform", "ddl_index")]
    lines = run("report", write(tmp_path / "a.json", only(*costs))).out.splitlines()
    sentences = [line for line in lines if line.endswith(".")]
    assert len(sentences) == len({*sentences}) == 2 and "compares the accuracy" in sentences[0]
    assert any("as ddl, with scores from a score index" in line for line in lines)
    assert any(line.split() == ["uniform", "K", "evenly", "spread,", "averaged"] for line in lines)


def test_a_file_of_a_benchmark_that_is_no_results_file_says_what_to_give(run: Run, tmp_path: Path) -> None:
    other = write(tmp_path / "speed.json", {"benchmark": "speed", "goals": []})
    assert_refused(run("report", other), "speed.json: not a results file", "make_results.py", "results.json")


def test_no_number_of_a_wide_table_is_cut(run: Run, tmp_path: Path) -> None:
    ranking = [{"data": "val", **{f"auc_{m}": 0.445, f"auc_{m}_low": 0.4, f"auc_{m}_high": 0.49}} for m in "abcde"]
    run("report", write(tmp_path / "a.json", {**only(row("ddl", 5, 80)), "ranking": ranking}))
    assert run.out.count("0.445 (0.400 to 0.490), below chance") == 5


def test_control_characters_of_a_file_do_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    broken = [{"path": "\x1b[2J.jpg", "error": "\x1b[2J"}]
    data = [{"name": "val", "videos": 98, "unreadable": broken}]
    content = only(row("\x1b[2J", 5, 80), row("ddl", 5, 80), data=data, files="\x1b[2J", benchmark="\x1b[2J")
    assert run("report", write(tmp_path / "a.json", content)).code == 0
    assert "\x1b" not in run.out and "could not be read" in run.out


def test_a_page_does_not_replace_weights(run: Run, tmp_path: Path) -> None:
    path, weights = write(tmp_path / "a.json", document()), tmp_path / "base.safetensors"
    weights.write_bytes(b"weights")
    assert_refused(run("report", path, "--html", weights), "base.safetensors", "choose another output")
    assert weights.read_bytes() == b"weights"
