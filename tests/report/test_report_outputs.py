"""What `clipselect report` writes: terminal, Markdown, CSV, JSON and the page."""

import csv
import html.parser
import io
import json
import re
from pathlib import Path

import pytest
from helpers.command_line import Run, assert_refused
from helpers.report_files import document, only, pair, row, write

from clipselect.evaluation.methods import METHODS
from clipselect.report import report
from clipselect.report.markdown import as_markdown
from clipselect.report.page import html_page
from clipselect.report.plots import styles
from clipselect.report.tables import sections


def test_the_terminal_shows_the_headline_and_a_table(run: Run, tmp_path: Path) -> None:
    run("report", write(tmp_path / "a.json", only(row("ddl", 5, 80), row("uniform", 5, 60))))
    assert run.code == 0 and run.err == ""
    assert run.out.startswith("val: ddl at K = 5 is 20.0 points better than uniform, 5 clips")
    assert "ddl at K = 5 reaches 80.0 %" in run.out
    assert re.search(r"method +K +top-1 +GFLOPs", run.out) and re.search(
        r"uniform +5 +60\.0 \(57\.0 to 63\.0\)", run.out
    )


def test_runs_stand_side_by_side_under_their_bases(run: Run, tmp_path: Path) -> None:
    paths = write(tmp_path / "a.json", document("slow")), write(tmp_path / "b.json", document("fast"))
    run("report", *paths, "--markdown", tmp_path / "o.md")
    text = (tmp_path / "o.md").read_text()
    assert "| **ddl** | **5** | **slow** |" in text and "| **ddl** | **5** | **fast** |" in text
    assert "| slow | top-1 | ddl at K = 5 | uniform at K = 5 | +13.5 (+10.0 to +17.0) | yes, better |" in text
    assert "| slow | top-1 | ddl at K = 5 | dense at K = 20 | +1.5 (-1.0 to +4.0) | no |" in text
    assert "| **7 (2 + 5)** | **0.55 (0.3 + 0.05 + 0.2)** |" in text and "torn.mp4" in text


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (["a.json", "b.json"], ["a", "b"]),
        (["one/results.json", "two/results.json"], ["one", "two"]),
        (["x/a.json", "y/a.json"], ["x/a", "y/a"]),
        (["a.json", "a/results.json"], None),
    ],
)
def test_runs_of_one_base_are_told_apart_by_their_files(
    tmp_path: Path, files: list[str], labels: list[str] | None
) -> None:
    paths = [write(tmp_path / file, document()) for file in files]
    found = [run.label for run in report.read_runs(paths)]
    assert len(set(found)) == 2 and labels in (None, found)


def test_a_base_of_its_own_is_the_label_even_beside_runs_of_another(tmp_path: Path) -> None:
    bases = {"a.json": "slow", "b.json": "slow", "c.json": "a"}
    runs = report.read_runs([write(tmp_path / file, document(base)) for file, base in bases.items()])
    assert len({run.label for run in runs}) == 3 and runs[2].label == "a"


def test_csv_has_one_line_per_run_row_and_metric(run: Run, tmp_path: Path) -> None:
    content = document()
    content["rows"][0] |= {"top5": 90.0, "top5_low": 88.0, "top5_high": 92.0}
    run("report", write(tmp_path / "a.json", content), "--csv", "-", "--quiet")
    lines = list(csv.DictReader(io.StringIO(run.out)))
    assert len(lines) == len(content["rows"]) + 1 and next(iter(lines[0])) == "run"
    assert [(line["metric"], line["value"]) for line in lines[:2]] == [("top1", "66.0"), ("top5", "90.0")]
    assert lines[0]["seconds"] == "" and lines[3]["seconds"] == "0.55"


def test_json_holds_the_documents(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document())
    run("report", path, "--json", "-", "--quiet")
    combined = json.loads(run.out)
    assert combined["version"] == 1
    assert combined["runs"] == [{"run": "narrow_slow", "file": str(path), **document()}]


def test_a_folder_is_written_and_can_be_written_again(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "results.json", only(row("ddl", 5, 80)))
    for _ in range(2):
        assert run("report", tmp_path, "--out", tmp_path, "--quiet").code == 0 and run.out == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "report.csv", "report.html", "report.json", "report.md", "results.json",
    ]  # fmt: skip


def test_another_metric_can_be_the_one_to_go_by(run: Run, tmp_path: Path) -> None:
    better = {"map": 50.0, "map_low": 45.0, "map_high": 55.0}
    worse = {"map": 20.0, "map_low": 15.0, "map_high": 25.0}
    path = write(tmp_path / "a.json", only(row("ddl", 1, 60, **better), row("ddl", 5, 80, **worse)))
    assert "ddl at K = 5" in run("report", path).out
    assert "ddl at K = 1 reaches 50.0 % (45.0 to 55.0) mAP" in run("report", path, "--metric", "map").out
    assert_refused(run("report", path, "--metric", "top9"), "--metric top9", "top1, map")


class Elements(html.parser.HTMLParser):
    """What elements a page has, and what it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    content = document("<b>odd</b>")
    names = ("ddl", "uniform", "<script>alert(1)</script>", "_x $a$ 漢字")
    content["rows"] += [row(name, 5, 70) for name in names[2:]]
    content["classes"] += [
        {"data": "hard", "class": f"class {i} $x$ <i>", "videos": 3, "method": method, "k": 5, "top1": i / 4 * sign}
        for i in range(400)
        for method, sign in (("ddl", 1), ("uniform", 0))
    ]
    content["settings"]["list"] = "[red]<b>"
    return html_page(report.read_runs([write(tmp_path_factory.mktemp("page") / "a.json", content)]))


def test_the_page_stands_alone(page: str) -> None:
    elements = Elements(page)
    assert all(reference.startswith("#") for reference in elements.references)
    assert "script" not in elements.tags and "link" not in elements.tags and "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_page_has_plots_tables_and_what_was_run(page: str) -> None:
    elements = Elements(page)
    # val: accuracy against GFLOPs and seconds, what both are spent on, classes; hard: the same without seconds
    assert elements.tags.count("svg") == 5 + 3
    assert elements.tags.count("h1") == 1 and 'class="marked"' in page
    assert "Of the videos 1 could not be read" in page
    for words in (
        "torn.mp4",
        "How to read this",
        "a cpu",
        "0.913",
        "0.445 (0.400 to 0.490), below chance",
        "the smallest that is not told apart",
    ):
        assert words in page


def test_the_page_escapes_what_files_hold(page: str) -> None:
    elements = Elements(page)
    assert "b" not in elements.tags and "i" not in elements.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "_x $a$" in page


def test_of_many_classes_the_page_shows_both_ends(page: str) -> None:
    assert "Of 400 classes, 399 gain and 0 lose" in page
    assert "class 399 $x$ &lt;i&gt;" in page and "class 0 $x$" in page
    assert not any(f"class {i} $x$" in page for i in range(15, 385))


def test_a_method_looks_the_same_whatever_stands_beside_it(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a.json", only(row("ddl", 5, 80), row("mine", 5, 60))),
        write(tmp_path / "b.json", document("b")),
    ]
    style = styles(report.read_runs(paths))
    assert style["ddl"] == METHODS["ddl"].style and style["dense"] == METHODS["dense"].style
    used = ("ddl", "uniform", "dense", "mine")
    assert len({style[method] for method in used}) == len(used)


def test_markdown_keeps_odd_names_in_their_cells(tmp_path: Path) -> None:
    content = only(row("a|b\n<script>`", 5, 80), row("ddl", 5, 80))
    text = as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))
    assert "| a\\|b?&lt;script&gt;\\` | 5 |" in text and "<script>" not in text


def test_runs_that_measured_different_things_are_said_to(tmp_path: Path) -> None:
    other = document("other")
    other["data"][0]["videos"] = 50
    other["environment"]["cpu"] = "another cpu"
    runs = report.read_runs([write(tmp_path / "a.json", document()), write(tmp_path / "b.json", other)])
    notes = " ".join(sections(runs)[0].notes)
    assert "differ in videos (narrow_slow 98, other 50)" in notes and "different machines" in notes
    assert sections(runs)[1].notes == []


def test_variants_stand_apart_and_are_folded_on_the_page(tmp_path: Path) -> None:
    rows = [row("ddl", 5, 80), row("uniform", 5, 60), row("ddl_literal", 5, 77.7)]
    runs = report.read_runs([write(tmp_path / "a.json", only(*rows))])
    (part,) = sections(runs)
    assert [(t.title, t.folded, len(t.rows)) for t in part.tables] == [
        ("Accuracy and cost", False, 2),
        ("Variants", True, 1),
    ]
    page = html_page(runs)
    assert page.index("<details><summary>Variants") < page.index("77.7") < page.index("</details>")
    assert "### Variants" in as_markdown(runs)


def test_sources_are_shown_where_they_are_not_the_videos(tmp_path: Path) -> None:
    content = document()
    assert "| sources |" not in as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))
    for entry in content["rows"] + content["classes"]:
        entry["sources"] = 7
    runs = report.read_runs([write(tmp_path / "a.json", content)])
    assert "| sources |" in as_markdown(runs) and "fights -5.0 (7 sources)" in as_markdown(runs)
    assert "falls (7)" in html_page(runs) and "number of source videos" in html_page(runs)


def test_of_many_differences_those_of_the_chosen_k_and_to_the_best_are_shown(tmp_path: Path) -> None:
    told = [pair(5, "uniform", 5, 1, 2, 3), pair(3, "uniform", 3, 1, 2.2, 3), pair(3, "ddl", 5, -9, -8.8, -7)]
    other = {**told[0], "metric": "top5", "difference": 2.9}
    content = only(row("ddl", 3, 70), row("ddl", 5, 80), row("uniform", 5, 60), differences=[*told, other])
    text = as_markdown(report.read_runs([write(tmp_path / "a.json", content)]))
    assert "+2.0 (+1.0 to +3.0)" in text and "-8.8" in text and "+2.2" not in text and "+2.9" not in text
    few = only(row("ddl", 5, 80), differences=[{**told[0], "differing": 2}])
    text = as_markdown(report.read_runs([write(tmp_path / "a.json", few)]))
    assert "| +2.0 (+1.0 to +3.0) | too few videos to tell |" in text


def test_a_ddnet_of_another_base_is_noted(tmp_path: Path) -> None:
    model = {"name": "ddnet", "base": "fast", "base_sha256": "12"}
    for sha256, notes in (("34", ["The DDNet was distilled for another base (fast), not for slow."]), ("12", [])):
        content = only(row("ddl", 5, 80), base={"name": "slow", "sha256": sha256}, model=model)
        (part,) = sections(report.read_runs([write(tmp_path / "a.json", content)]))
        assert part.notes == notes


def test_several_runs_share_a_plot(tmp_path: Path) -> None:
    one = report.read_runs([write(tmp_path / "a.json", document())])
    two = report.read_runs([write(tmp_path / "a.json", document()), write(tmp_path / "b.json", document("b"))])
    assert "All runs against" not in html_page(one)
    # val against GFLOPs and seconds, hard against GFLOPs
    assert html_page(two).count("All runs against") == 3 and "uniform, b" in html_page(two)
