"""What a release needs says the same everywhere."""

import re
from pathlib import Path

import clipselect

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_same_everywhere() -> None:
    version = re.escape(clipselect.__version__)
    for name, line in {
        "CITATION.cff": f"^version: {version}$",
        "docs/cite.md": f"version = {{{version}}}",
        "CHANGELOG.md": f"^## {version}",
    }.items():
        assert re.search(line, (ROOT / name).read_text("utf-8"), re.MULTILINE), name


def test_actions_of_workflows_are_named_by_hash() -> None:
    uses = [
        line
        for workflow in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in re.findall(r"uses: (.+)", workflow.read_text("utf-8"))
    ]
    assert len(uses) > 8
    assert [line for line in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", line)] == []
