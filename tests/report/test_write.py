"""A report in one call: what is written where, and what is never written over."""

from pathlib import Path

import pytest
from helpers.report_files import document, only, row, write

import clipselect
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.results import Results
from clipselect.report.write import NAMES


def test_a_folder_is_written_and_can_be_written_again(tmp_path: Path) -> None:
    write(tmp_path / "results.json", only(row("ddl", 5, 80)))
    for _ in range(2):
        made = clipselect.write_report([tmp_path], tmp_path)
        assert {*made.files} == {tmp_path / name for name in NAMES.values()}
    assert {path.name for path in tmp_path.iterdir()} == {*NAMES.values(), "results.json"}
    assert made.summary[0] in (tmp_path / "report.html").read_text()


def test_single_files_take_the_place_of_those_of_the_folder(tmp_path: Path) -> None:
    results = Results.model_validate(document())
    clipselect.write_report([results], tmp_path / "new" / "out", csv=tmp_path / "other.csv")
    assert (tmp_path / "other.csv").read_text().startswith("run,benchmark,")
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {*NAMES.values()} - {"report.csv"}
    assert clipselect.write_report([results]).files == ()


def test_results_are_never_written_over(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a.json", document()), write(tmp_path / "b.json", document("other"))
    (tmp_path / "link.md").symlink_to(one)
    before = one.read_bytes(), other.read_bytes()
    for kind, path in (("json", one), ("json", other), ("markdown", tmp_path / "link.md")):
        with pytest.raises(ClipselectError, match="would be lost"):
            clipselect.write_report([one], **{kind: path})
    assert (one.read_bytes(), other.read_bytes()) == before


def test_outputs_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="does not exist"):
        clipselect.write_report([tmp_path / "none.json"], html=tmp_path / "no" / "a.html")
    with pytest.raises(ArgumentError, match="same file") as refused:
        clipselect.write_report([tmp_path / "none.json"], csv=tmp_path / "o", json=tmp_path / "." / "o")
    assert refused.value.argument == "csv"


@pytest.mark.parametrize(
    ("kind", "name"), [("html", "x.png"), ("markdown", "x.html"), ("csv", "x.json"), ("json", "x.csv")]
)
def test_a_file_named_as_something_else_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(ClipselectError, match=rf"{name}: .* must be named \.{NAMES[kind].split('.')[1]}"):  # type: ignore[index]
        clipselect.write_report([Results.model_validate(document())], **{kind: tmp_path / name})  # type: ignore[arg-type]
    assert not (tmp_path / name).exists()


def test_nothing_is_written_if_the_metric_is_not_known(tmp_path: Path) -> None:
    results = Results.model_validate(document())
    with pytest.raises(ArgumentError, match="top1"):
        clipselect.write_report([results], html=tmp_path / "a.html", metric="top9")
    assert not (tmp_path / "a.html").exists()
