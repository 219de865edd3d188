"""The gallery and the README show recipes and outputs as they are."""

import re

import make_gallery
from helpers.command_line import Run
from marked_blocks import ROOT, blocks

PAGE = make_gallery.PAGE.read_text("utf-8")
PICKED = re.compile(r"^ +\d+ +(\S+) +(\S+) .*✔", re.MULTILINE)


def test_the_recipes_on_the_page_are_those_of_the_files() -> None:
    assert make_gallery.with_the_code_of_now(PAGE) == PAGE, "run python docs/make_gallery.py"
    forged = PAGE.replace("from clipselect import", "from clipselekt import")
    assert forged != PAGE == make_gallery.with_the_code_of_now(forged)


def test_every_recipe_of_the_page_has_an_output() -> None:
    found = blocks(PAGE)
    assert found.keys() == make_gallery.RECIPES.keys()
    assert [name for name, block in found.items() if not re.search(r"```text\n.+\n```", block, re.DOTALL)] == []


def test_the_picks_in_the_readme_are_those_of_the_demo(here: make_gallery.Path, run: Run) -> None:
    shown = blocks((ROOT / "README.md").read_text("utf-8"))["first_lines"]
    assert run("demo").code == 0
    assert run("score", "clipselect-demo/demo.mp4", "--k", "3").code == 0
    assert len(PICKED.findall(shown)) == 3
    assert sorted(PICKED.findall(shown)) == sorted(PICKED.findall(run.out)), (
        "run python docs/make_gallery.py first_lines"
    )
