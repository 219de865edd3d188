"""What `clipselect report` reads, and what it refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import Run, assert_refused
from helpers.report_files import Document, document, only, row, write

from clipselect.report import report
from clipselect.report.markdown import as_markdown
from clipselect.report.schema import Estimate


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document("schön"), ensure_ascii=False), encoding=encoding)
    assert report.read_runs([path])[0].label == "schön"


def test_optional_parts_may_be_absent_or_null(tmp_path: Path) -> None:
    content = only(row("ddl", None, 80))
    for key in ("settings", "environment", "model", "differences", "classes", "ranking"):
        del content[key]
    assert "80.0" in as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))
    content |= {
        "settings": None,
        "environment": None,
        "model": None,
        "differences": None,
        "classes": None,
        "ranking": None,
    }
    assert "80.0" in as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))


def without(content: Document, *keys: Any) -> Document:
    return changed(content, *keys, None, delete=True)


def changed(content: Document, *keys: Any, delete: bool = False) -> Document:
    *path, last, value = keys
    content = copy.deepcopy(content)
    place: Any = content
    for key in path:
        place = place[key]
    if delete:
        del place[last]
    else:
        place[last] = value
    return content


DOCUMENT = document()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (changed(DOCUMENT, "element", 3), "'element' must be a text"),
        ([], "it must be an object"),
        (without(DOCUMENT, "version"), "the key 'version' is missing"),
        (changed(DOCUMENT, "version", 2), "version 2 of the schema, not 1"),
        (without(DOCUMENT, "base", "name"), "base: the key 'name' is missing"),
        (changed(DOCUMENT, "base", "slow"), "'base' must be an object"),
        (without(DOCUMENT, "rows"), "the key 'rows' is missing"),
        (changed(DOCUMENT, "rows", []), "holds no rows"),
        (changed(DOCUMENT, "rows", 0, 7), "rows[0]: it must be an object"),
        (without(DOCUMENT, "rows", 1, "method"), "rows[1]: the key 'method' is missing"),
        (changed(DOCUMENT, "rows", 1, "sources", -1), "'sources' must be a whole number"),
        (changed(DOCUMENT, "differences", 0, "differing", "few"), "'differing' must be a whole number"),
        (changed(DOCUMENT, "classes", 0, "sources", 0.5), "'sources' must be a whole number"),
        (without(DOCUMENT, "rows", 1, "top1_low"), "rows[1]: it has 'top1_high' but not 'top1_low'"),
        (changed(DOCUMENT, "rows", 1, "top1", "high"), "'top1' must be a number"),
        (changed(DOCUMENT, "rows", 1, "top1", 815), "percentages from 0 to 100"),
        (changed(DOCUMENT, "rows", 1, "top1_low", 99.5), "lies above the other end"),
        (changed(DOCUMENT, "rows", 1, "gflops", -1), "'gflops' must not be negative"),
        (changed(DOCUMENT, "rows", 1, "gflops", True), "'gflops' must be a number"),
        (changed(DOCUMENT, "rows", 1, "gflops", 10**400), "'gflops' must be a number"),
        (changed(DOCUMENT, "rows", 1, "k", 0), "'k' must be at least 1"),
        (changed(DOCUMENT, "rows", 1, "k", 1.5), "'k' must be a whole number"),
        (changed(DOCUMENT, "rows", 1, "k", 1), "has 2 rows of 'ddl' at k 1 on 'val'"),
        (changed(DOCUMENT, "rows", 1, "data", "test"), "'test' is not one of the data sets (val, hard)"),
        (changed(DOCUMENT, "data", 1, "name", "val"), "two data sets are named 'val'"),
        (without(DOCUMENT, "data", 0, "unreadable", 0, "error"), "data[0]: unreadable[0]: the key 'error' is missing"),
        (changed(DOCUMENT, "differences", {}), "'differences' must be a list"),
        (without(DOCUMENT, "differences", 0, "low"), "differences[0]: the key 'low' is missing"),
        (without(DOCUMENT, "classes", 0, "class"), "classes[0]: the key 'class' is missing"),
        (without(DOCUMENT, "ranking", 0, "data"), "ranking[0]: the key 'data' is missing"),
    ],
)  # fmt: skip
def test_what_is_not_as_the_schema_has_it_is_named(run: Run, tmp_path: Path, content: Any, says: str) -> None:
    assert_refused(run("report", write(tmp_path / "a.json", content)), "a.json", says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"rows,of,csv", "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"version": NaN}', "holds NaN"),
        (b'{"version": [-Infinity]}', "holds -Infinity"),
        (b'{"version": 1e999}', "holds 1e999"),
    ],
)
def test_what_is_not_json_is_refused(run: Run, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert_refused(run("report", tmp_path / "a.json"), "a.json", says)


def test_wrong_paths_are_refused(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    assert_refused(run("report", tmp_path / "none.json"), "none.json: no such file")
    assert_refused(run("report", tmp_path), "folder without results.json")
    assert_refused(run("report", path, tmp_path / "." / "a.json"), "is given 2 times")
    assert_refused(run("report", path, "--html", tmp_path / "no" / "a.html"), "does not exist")
    assert_refused(run("report", path, "--csv", "-", "--json", "-"), "only one output")
    assert_refused(run("report", path, "--csv", tmp_path / "o", "--json", tmp_path / "o"), "name the same file")


def test_results_are_never_written_over(run: Run, tmp_path: Path) -> None:
    one, other = write(tmp_path / "a.json", document()), write(tmp_path / "b.json", document("other"))
    (tmp_path / "link.md").symlink_to(one)
    before = one.read_bytes(), other.read_bytes()
    assert_refused(run("report", one, "--json", one), "would be lost")
    assert_refused(run("report", one, "--json", other), "would be lost")
    assert_refused(run("report", one, "--markdown", tmp_path / "link.md"), "would be lost")
    assert (one.read_bytes(), other.read_bytes()) == before


def test_gflops_that_count_otherwise_are_not_set_side_by_side(run: Run, tmp_path: Path) -> None:
    other = {**document("other"), "gflops_convention": "one multiply-add is two"}
    paths = write(tmp_path / "a.json", document()), write(tmp_path / "b.json", other)
    assert_refused(run("report", *paths), "b.json", "one multiply-add is two")


def test_the_documented_example_is_a_results_file(tmp_path: Path) -> None:
    example = (report.__doc__ or "").split("\n\n")[1]
    runs = report.read_runs([write(tmp_path / "a.json", json.loads(example))])
    assert runs[0].rows[0].metrics == {"top1": Estimate(81.5, 78.2, 84.5)} and runs[0].rows[0].numbers["clips"] == 5
