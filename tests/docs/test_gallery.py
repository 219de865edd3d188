"""The gallery and the README show recipes and outputs as they are."""

import re

import make_gallery
import pytest
from helpers.command_line import Run
from marked_blocks import ROOT, blocks

PAGE = make_gallery.PAGE.read_text("utf-8")
RANKED = re.compile(r"^ +\d+ +(\S+) +(\S+) +\d+ +(\S+) +p(\d+)(.*)$", re.MULTILINE)


def test_the_recipes_on_the_page_are_those_of_the_files() -> None:
    assert make_gallery.with_the_code_of_now(PAGE) == PAGE, "run python docs/make_gallery.py"
    forged = PAGE.replace("from clipselect import", "from clipselekt import")
    assert forged != PAGE == make_gallery.with_the_code_of_now(forged)


def test_every_recipe_of_the_page_has_an_output() -> None:
    found = blocks(PAGE)
    assert found.keys() == make_gallery.RECIPES.keys()
    assert [name for name, block in found.items() if not re.search(r"```text\n.+\n```", block, re.DOTALL)] == []


def test_the_clips_in_the_readme_are_those_of_the_demo(here: make_gallery.Path, run: Run) -> None:
    readme = RANKED.findall(blocks((ROOT / "README.md").read_text("utf-8"))["first_lines"])
    assert run("demo").code == 0
    assert run("score", "clipselect-demo/demo.mp4", "--k", "3").code == 0
    printed = {(start, end): rest for start, end, *rest in RANKED.findall(run.out)}
    assert len(readme) == 4
    for start, end, score, percentile, picked in readme:  # other processors and decoders may differ a little
        of_now = printed[start, end]
        assert float(of_now[0]) == pytest.approx(float(score), abs=0.01), "run python docs/make_gallery.py first_lines"
        assert float(of_now[1]) == pytest.approx(float(percentile), abs=2)
        assert of_now[2].strip() == picked.strip()
