"""The page "Which one should I use?": its tables are those of the results and of the methods."""

import json
import re
from pathlib import Path

import choice_tables
import make_results
import pytest
import result_cells
from marked_blocks import ROOT, filled

from clipselect.evaluation.methods import METHODS

PAGE = ROOT / "docs" / "how-to" / "which-one.md"


def test_the_page_is_what_the_script_makes_of_the_results() -> None:
    text = PAGE.read_text("utf-8")
    assert filled(text, make_results.BLOCKS) == text, "run python docs/make_results.py"


def test_what_needs_the_base_on_every_frame_is_said_to_save_nothing() -> None:
    text = PAGE.read_text("utf-8").partition("## Faces and persons")[2]
    rows = [line.split("|")[1:4] for line in text.splitlines() if re.match(r"\| .*`", line)]
    saves = {name: cells[2].strip() for cells in rows for name in re.findall(r"`(\w+)`", cells[1])}
    assert {name for name, what in saves.items() if what == "nothing"} == {
        method.name
        for method in METHODS.values()
        if "frame" in method.elements and (method.base_passes or method.name in ("average", "ddl_all"))
    }
    for name in saves.keys() - {"average", "ddl_all", "fan"}:
        assert bool(METHODS[name].base_passes) == (saves[name] == "nothing")


@pytest.mark.parametrize(
    ("low", "high", "says"), [(0.1, 9.0, "worse"), (-9.0, -0.1, "better"), (-1.0, 9.0, "no difference shown")]
)
def test_a_baseline_is_better_or_worse_where_no_interval_holds_0(
    low: float, high: float, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((result_cells.RESULTS / "shipped.json").read_text())
    for one in document["differences"]:
        if one["than"] == "motion":
            one.update(low=low, difference=(low + high) / 2, high=high)
    (tmp_path / "shipped.json").write_text(json.dumps(document))
    monkeypatch.setattr(result_cells, "RESULTS", tmp_path)
    rows = [line for line in choice_tables.choose_clips().splitlines() if "`motion`" in line]
    assert len(rows) == 1 and rows[0].endswith(f"| {says} |")
    assert "not compared" in choice_tables.choose_clips()  # confidence


@pytest.mark.parametrize(
    ("method", "than", "low", "high", "says"),
    [
        ("ddl", "average", 1.0, 2.0, ("better", "")), ("ddl", "average", -2.0, -1.0, ("worse", "")),
        ("ddl", "average", -1.0, 1.0, ("", "")), ("even", "average", -2.0, -1.0, ("worse", "worse")),
        ("ddl", "even", -2.0, -1.0, ("worse", "better")),
    ],
)  # fmt: skip
def test_frames_are_compared_with_the_average_and_with_ddl(
    method: str,
    than: str,
    low: float,
    high: float,
    says: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = json.loads((result_cells.RESULTS / "faces.json").read_text())
    known = {("even", "average"): (-2.0, -1.0), ("ddl", "even"): (1.0, 2.0), (method, than): (low, high)}
    for one in document["differences"]:
        if ends := known.get((one["method"], one["than"])):
            one.update(low=ends[0], difference=sum(ends) / 2, high=ends[1])
    (tmp_path / "faces.json").write_text(json.dumps(document))
    monkeypatch.setattr(result_cells, "RESULTS", tmp_path)
    of = "even" if "even" in (method, than) else "ddl"
    heads, _, *lines = (
        [cell.strip() for cell in line.split("|")] for line in choice_tables.choose_faces().splitlines()
    )
    (cells,) = (line for line in lines if line[1].startswith(f"`{of}`"))
    of_data = zip(heads[2:-2], cells[2:-2], strict=True)
    said = {cell.partition(", ")[2] for head, cell in of_data if head not in choice_tables.COSTS}
    assert said == {says[0]} and cells[-2] == says[1]
