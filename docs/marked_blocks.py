"""What scripts write into pages: between `<!-- made: NAME -->` and `<!-- end -->`, a block or a part of a line."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from clipselect.media.files import write_whole

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "zoo/*.md", "examples/*.md", "benchmarks/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
"""All pages of the repository."""
BLOCK = re.compile(r"(<!-- made: (\w+) -->)(.*?)(<!-- end -->)", re.DOTALL)


def blocks(text: str) -> dict[str, str]:
    """What stands in the blocks of a page, by their names."""
    return {name: content.removeprefix("\n") for _, name, content, _ in BLOCK.findall(text)}


def filled(text: str, makers: Mapping[str, Callable[[], str]]) -> str:
    """The page with the blocks that have a maker made again; the others stay.

    >>> filled("about <!-- made: cost -->1 G<!-- end --> a clip", {"cost": lambda: "2 G"})
    'about <!-- made: cost -->2 G<!-- end --> a clip'
    """

    def made(match: re.Match[str]) -> str:
        start, name, before, end = match.groups()
        newline = "\n" if before.startswith("\n") else ""
        return f"{start}{newline}{makers[name]()}{end}"

    return BLOCK.sub(lambda match: made(match) if match[2] in makers else match[0], text)


def fill_pages(makers: Mapping[str, Callable[[], str]]) -> None:
    """Make these blocks again on all pages that have them."""
    for page in PAGES:
        if not makers.keys().isdisjoint(blocks(text := page.read_text("utf-8"))):
            write_whole(page, filled(text, makers).encode())


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown, every line with its end."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, ["---"] * len(columns), *rows))
