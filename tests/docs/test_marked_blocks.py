"""What scripts write into pages is found again, and nothing else is touched."""

import make_gallery
import make_results
import make_zoo
from marked_blocks import PAGES, ROOT, blocks, filled

TEXT = "costs <!-- made: cost -->1 G<!-- end -->\n\n<!-- made: rows -->\n| a |\n<!-- end -->\n\nrest <!-- end -->"


def test_a_block_keeps_its_place_in_the_line_or_between_lines() -> None:
    made = filled(TEXT, {"cost": lambda: "2 G", "rows": lambda: "| b |\n"})
    assert made == TEXT.replace("1 G", "2 G").replace("| a |", "| b |")
    assert blocks(made) == {"cost": "2 G", "rows": "| b |\n"}


def test_blocks_without_a_maker_stay() -> None:
    assert filled(TEXT, {"cost": lambda: "1 G"}) == TEXT


def test_every_block_of_every_page_has_a_script() -> None:
    made = {**make_results.BLOCKS, **make_zoo.BLOCKS, **make_gallery.RECIPES, "first_lines": None}
    found = {name: page for page in PAGES for name in blocks(page.read_text("utf-8"))}
    assert {name: page.relative_to(ROOT) for name, page in found.items() if name not in made} == {}
    assert made.keys() == found.keys()
