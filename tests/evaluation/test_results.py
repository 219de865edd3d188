"""The results document: what is kept of it, and what is refused in which place."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from helpers.report_files import Document, document, only, row, write

from clipselect.errors import ClipselectError
from clipselect.evaluation.fields import Estimate
from clipselect.evaluation.result_entries import DataSet, Network, Row, UnreadableFile
from clipselect.evaluation.results import RESULTS_NAME, Results, read_results, write_results

BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
COMMITTED = [
    path for path in sorted(BENCHMARKS.glob("*.json")) if path.name != "speed.json"
]  # which has other contents
DOCUMENT = document()


def without(content: Document, *keys: Any) -> Document:
    content = copy.deepcopy(content)
    place: Any = content
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return content


def changed(content: Document, *keys: Any) -> Document:
    *path, last, value = keys
    content = copy.deepcopy(content)
    place: Any = content
    for key in path:
        place = place[key]
    place[last] = value
    return content


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_results_are_read_and_written_without_a_change(path: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "again.json", read_results(path))
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(path.read_text())


def test_what_python_makes_is_what_is_read(tmp_path: Path) -> None:
    made = Results(
        benchmark="kinetics",
        base=Network(name="slow", gflops=0.9),
        data=[DataSet(name="val", videos=98, unreadable=[UnreadableFile(path="t\udcffrn.mp4", error="not a video")])],
        rows=[Row(data="val", method="ddl", k=5, videos=98, metrics={"top1": Estimate(81.5, 78, 84)}, seconds=0.5)],
    )
    write_results(tmp_path / RESULTS_NAME, made)
    content = json.loads((tmp_path / RESULTS_NAME).read_text())
    assert content["version"] == 1 and content["gflops_convention"] == "one multiply-add is one"
    assert content["rows"] == [
        {"data": "val", "method": "ddl", "k": 5, "videos": 98, "top1": 81.5, "top1_low": 78, "top1_high": 84,
         "seconds": 0.5}
    ]  # fmt: skip
    read = read_results(tmp_path)
    assert read.rows == made.rows and read.data == made.data
    assert read.rows[0].costs == {"seconds": 0.5} and read.rows[0].source_count == 98


def test_nothing_that_is_not_finite_is_written(tmp_path: Path) -> None:
    head = {"benchmark": "kinetics", "base": Network(name="slow"), "data": [DataSet(name="val", videos=1)]}
    with pytest.raises(ValueError, match="seconds"):
        Row(data="val", method="ddl", k=5, videos=1, seconds=math.nan)
    results = Results(**head, rows=[Row(data="val", method="ddl", k=5, videos=1, seconds=1.0, further=math.inf)])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(tmp_path / "a.json", results)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document("schön"), ensure_ascii=False), encoding=encoding)
    assert read_results(path).base.name == "schön"


def test_optional_parts_may_be_absent_or_null(tmp_path: Path) -> None:
    content = only(row("ddl", None, 80, top5=None, top5_low=None, top5_high=None))
    parts = ("settings", "environment", "model", "differences", "classes", "ranking")
    for key in parts:
        del content[key]
    for document_ in (content, content | dict.fromkeys(parts)):
        (only_row,) = read_results(write(tmp_path / "a.json", document_)).rows
        assert only_row.metrics == {"top1": Estimate(80, 77, 83)}


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ([], "a.json: not a results file", "version"),
        (without(DOCUMENT, "version"), "not a results file", "version"),
        (without(DOCUMENT, "gflops_convention"), "not a results file", "gflops_convention"),
        (changed(DOCUMENT, "version", 2), "version 2", "use the clipselect that wrote it"),
        (changed(DOCUMENT, "element", 3), "element", "text"),
        (without(DOCUMENT, "base", "name"), "base.name", "missing"),
        (changed(DOCUMENT, "base", "slow"), "base", "dictionary"),
        (without(DOCUMENT, "rows"), "rows", "missing"),
        (changed(DOCUMENT, "rows", []), "rows", "at least 1"),
        (changed(DOCUMENT, "rows", 0, 7), "rows[0]", "dictionary"),
        (without(DOCUMENT, "rows", 1, "method"), "rows[1].method", "missing"),
        (without(DOCUMENT, "rows", 1, "k"), "rows[1].k", "missing"),
        (changed(DOCUMENT, "rows", 1, "method", " "), "rows[1].method", "text"),
        (changed(DOCUMENT, "rows", 1, "sources", -1), "rows[1].sources", "greater than or equal to 0"),
        (changed(DOCUMENT, "differences", 0, "differing", "few"), "differences[0].differing", "integer"),
        (changed(DOCUMENT, "classes", 0, "sources", 0.5), "classes[0].sources", "integer"),
        (without(DOCUMENT, "rows", 1, "top1_low"), "rows[1]", "top1_low is missing"),
        (changed(DOCUMENT, "rows", 1, "top1", "high"), "rows[1].top1.value", "number"),
        (changed(DOCUMENT, "rows", 1, "top1", 815), "rows[1].top1", "percentages from 0 to 100"),
        (changed(DOCUMENT, "rows", 1, "top1_low", 99.5), "rows[1].top1", "the other end"),
        (changed(DOCUMENT, "rows", 1, "gflops", -1), "rows[1].gflops", "greater than or equal to 0"),
        (changed(DOCUMENT, "rows", 1, "gflops", True), "rows[1].gflops", "number"),
        (changed(DOCUMENT, "rows", 1, "gflops", 10**400), "rows[1].gflops", "number"),
        (changed(DOCUMENT, "rows", 1, {"data": "val", "method": "ddl", "k": 3, "videos": 9}), "rows[1]", "cost"),
        (changed(DOCUMENT, "rows", 1, "k", 0), "rows[1].k", "greater than or equal to 1"),
        (changed(DOCUMENT, "rows", 1, "k", 1.5), "rows[1].k", "integer"),
        (changed(DOCUMENT, "rows", 1, "k", 1), "two rows", "'ddl' at k 1 on 'val'"),
        (changed(DOCUMENT, "rows", 1, "data", "test"), "rows[1]", "'test' is not one of the data sets (val, hard)"),
        (changed(DOCUMENT, "data", 1, "name", "val"), "two data sets", "'val'"),
        (without(DOCUMENT, "data", 0, "unreadable", 0, "error"), "data[0].unreadable[0].error", "missing"),
        (changed(DOCUMENT, "differences", {}), "differences", "list"),
        (without(DOCUMENT, "differences", 0, "low"), "differences[0].low", "missing"),
        (changed(DOCUMENT, "differences", 0, "low", 99.0), "differences[0]", "the other end"),
        (without(DOCUMENT, "classes", 0, "class"), "classes[0].class", "missing"),
        (without(DOCUMENT, "ranking", 0, "data"), "ranking[0].data", "missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_schema_is_named(tmp_path: Path, content: Any, place: str, problem: str) -> None:
    with pytest.raises(ClipselectError) as refused:
        read_results(write(tmp_path / "a.json", content))
    sentence = str(refused.value)
    assert sentence.startswith(f"{tmp_path / 'a.json'}: ") and place in sentence and problem in sentence
    assert "\n" not in sentence and "; " in sentence  # one sentence, and after the semicolon the remedy


@pytest.mark.parametrize(
    ("content", "problem"),
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
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ClipselectError, match=problem):
        read_results(tmp_path / "a.json")


def test_wrong_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match=r"none\.json: no such file"):
        read_results(tmp_path / "none.json")
    with pytest.raises(ClipselectError, match=r"without results\.json"):
        read_results(tmp_path)
