"""Every link in the documentation leads somewhere, and own addresses are those of files that are there."""

import re
from pathlib import Path

import pytest
from marked_blocks import PAGES, ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
OWN = {
    "https://github.com/clipselect/clipselect/blob/main/": "",
    "https://github.com/clipselect/clipselect/tree/main/": "",
    "https://raw.githubusercontent.com/clipselect/clipselect/main/": "",
}
SITE = "https://clipselect.github.io/clipselect/"
MADE = {"commands", "results", "changelog", "contributing", "security", "zoo"}
"""Pages of the site that have no file under docs/."""


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]+`", "`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


def problem(page: Path, link: str) -> str | None:
    address, _, anchor = link.partition("#")
    for prefix in OWN:
        if address.startswith(prefix):
            return None if (ROOT / address.removeprefix(prefix)).exists() else link
    if address.startswith(SITE):
        name = address.removeprefix(SITE).strip("/")
        found = [ROOT / "docs" / f"{name or 'index'}.md", ROOT / "docs" / name / "index.md"]
        return None if name.split("/")[0] in MADE or any(path.is_file() for path in found) else link
    if re.match(r"[a-z]+:", address):
        return None
    target = (page.parent / address).resolve() if address else page
    if not target.exists():
        return link
    return None if not anchor or target.suffix != ".md" or anchor in anchors(target) else link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    found = LINK.findall(without_code(page.read_text("utf-8")))
    assert [link for link in found if problem(page, link)] == []


def test_a_broken_link_is_found() -> None:
    page = ROOT / "docs" / "faq.md"
    broken = ["nothing.md", "#nothing", "concepts.md#nothing", f"{SITE}nothing/", f"{next(iter(OWN))}nothing.py"]
    assert [link for link in broken if not problem(page, link)] == []
    assert problem(page, "concepts.md#glossary") is None


def test_the_readme_can_be_read_elsewhere() -> None:
    """PyPI shows it without the repository around it."""
    links = LINK.findall(without_code((ROOT / "README.md").read_text("utf-8")))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
