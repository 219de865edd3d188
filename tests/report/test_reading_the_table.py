"""docs/reading_the_table.md lists the methods as the table of methods has them."""

import re
from pathlib import Path

from clipselect.evaluation.methods import METHODS
from clipselect.report.findings import MAX_LOSS, MIN_DIFFERING

DOCS = Path(__file__).parents[2] / "docs"
DOC = (DOCS / "reading_the_table.md").read_text()


def test_every_method_is_listed_once_with_its_description() -> None:
    clips = [method for method in METHODS.values() if "clip" in method.elements]
    frames = [method for method in METHODS.values() if "clip" not in method.elements]
    assert re.findall(r"^\| `(.+?)` \| (.+?) \| .+ \|$", DOC, re.MULTILINE) == [
        (method.name, method.description) for method in [*clips, *frames]
    ]


def test_the_limits_are_those_of_the_code() -> None:
    assert (MAX_LOSS, MIN_DIFFERING) == (1, 6)
    assert "at most 1 point below it" in (DOCS / "how-to" / "choose-k.md").read_text()
    assert "fewer than six sources" in DOC
