"""docs/reading_the_table.md lists the methods as the table of methods has them."""

import re
from pathlib import Path

from clipselect.evaluation.methods import METHODS
from clipselect.report.findings import MAX_LOSS, MIN_DIFFERING

DOC = (Path(__file__).parents[2] / "docs" / "reading_the_table.md").read_text()


def test_every_method_is_listed_once_with_its_description() -> None:
    clips = [method for method in METHODS.values() if "clip" in method.elements]
    frames = [method for method in METHODS.values() if "clip" not in method.elements]
    assert re.findall(r"^\| `(.+?)` \| (.+?) \| .+ \|$", DOC, re.MULTILINE) == [
        (method.name, method.description) for method in [*clips, *frames]
    ]


def test_the_limits_are_those_of_the_code() -> None:
    assert (MAX_LOSS, MIN_DIFFERING) == (1, 6)
    assert "at most 1 point\n   below it" in DOC and "fewer than six sources" in DOC
