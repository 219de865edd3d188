"""The page: complete, escaped, without outside references."""

import html.parser
import re

import pytest
from helpers.report_files import document, only, report_of, row

from clipselect.report.page import as_html


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
def page() -> str:
    content = document("<b>odd</b>")
    content["rows"] += [row(name, 5, 70) for name in ("<script>alert(1)</script>", "_x $a$ 漢字")]
    content["classes"] += [
        {"data": "hard", "class": f"class {i} $x$ <i>", "videos": 3, "method": method, "k": 5, "top1": i / 4 * sign}
        for i in range(400)
        for method, sign in (("ddl", 1), ("uniform", 0))
    ]
    content["settings"]["list"] = "[red]<b>"
    content["group"] = 'x"><script>alert(1)</script>'
    return as_html(report_of(content))


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
    for words in ("torn.mp4", "How to read this", "a cpu", "0.913", "0.445 (0.400 to 0.490), below chance"):
        assert words in page


def test_the_verdict_is_the_first_thing_on_the_page(page: str) -> None:
    assert page.index("<h1><span>val: is it worth it? ") < page.index("<section>")


def test_the_methods_are_explained_before_the_figures(page: str) -> None:
    words = page[page.index('class="words"') : page.index("<section>")]
    assert "<dt>ddl</dt><dd>the K best by the DDNet" in words.replace("&#39;", "'")
    assert all(f"<dt>{word}</dt>" in words for word in ("uniform", "K", "top-1", "GFLOPs"))


def test_the_page_escapes_what_files_hold(page: str) -> None:
    elements = Elements(page)
    assert "b" not in elements.tags and "i" not in elements.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "_x $a$" in page


def test_of_many_classes_the_page_shows_both_ends(page: str) -> None:
    assert "Of 400 classes, 399 gain and 0 lose" in page
    assert "class 399 $x$ &lt;i&gt;" in page and "class 0 $x$" in page
    assert not any(f"class {i} $x$" in page for i in range(15, 385))


def test_variants_are_folded() -> None:
    page = as_html(report_of(only(row("ddl", 5, 80), row("uniform", 5, 60), row("ddl_literal", 5, 77.7))))
    assert page.index("<details><summary>Variants") < page.index("77.7") < page.index("</details>")


def test_classes_made_from_few_sources_say_so() -> None:
    content = document()
    for entry in content["rows"] + content["classes"]:
        entry["sources"] = 7
    page = as_html(report_of(content))
    assert "falls (7)" in page and "number of source videos" in page


def test_costs_alone_make_a_page_too() -> None:
    costs = [{"data": "val", "method": "dense", "k": 30, "videos": 5, "seconds": 2.0}]
    assert "No accuracy was measured" in as_html(report_of(only(*costs)))
