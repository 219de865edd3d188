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
MADE = {
    "commands": ROOT / "clipselect" / "commands",  # from the commands themselves
    "results": ROOT / "benchmarks" / "README.md",
    "zoo": ROOT / "zoo" / "README.md",
    **{f"zoo/{card.stem}": card for card in ROOT.glob("zoo/*_*.md")},
    **{name: ROOT / f"{name.upper()}.md" for name in ("changelog", "contributing", "security")},
}
"""Pages of the site that have no file under docs/, and what they are made of."""


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
        target = source_of(address.removeprefix(SITE).strip("/"))
    elif re.match(r"[a-z]+:", address):
        return None
    else:
        target = (page.parent / address).resolve() if address else page
    if not target.exists():
        return link
    return None if not anchor or target.suffix != ".md" or anchor in anchors(target) else link


def source_of(name: str) -> Path:
    """What a page of the site is made of."""
    index = ROOT / "docs" / name / "index.md"
    return MADE.get(name) or (index if index.is_file() else ROOT / "docs" / f"{name}.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    found = LINK.findall(without_code(page.read_text("utf-8")))
    assert [link for link in found if problem(page, link)] == []


def test_a_broken_link_is_found() -> None:
    page = ROOT / "docs" / "faq.md"
    broken = ["nothing.md", "#nothing", "concepts.md#nothing", f"{next(iter(OWN))}nothing.py"]
    broken += [f"{SITE}{address}" for address in ("nothing/", "zoo/nothing/", "code/#nothing", "results/#nothing")]
    assert [link for link in broken if not problem(page, link)] == []
    for link in ("concepts.md#glossary", SITE, f"{SITE}concepts/#glossary", f"{SITE}results/#faces"):
        assert problem(page, link) is None


def test_the_readme_can_be_read_elsewhere() -> None:
    """PyPI shows it without the repository around it."""
    links = LINK.findall(without_code((ROOT / "README.md").read_text("utf-8")))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
