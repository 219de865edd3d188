"""The reference pages hold every public name and every command."""

import inspect
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

import clipselect

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "api"


def test_every_public_name_is_on_one_page_of_the_reference() -> None:
    found = [name for page in sorted(API.glob("*.md")) for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)]
    assert len(found) == len({*found})
    assert {f"clipselect.{name}" for name in clipselect.__all__} <= {*found}


def test_every_command_and_option_is_in_the_command_reference() -> None:
    pytest.importorskip("mkdocs")
    import typer
    from site_hooks import command_reference

    from clipselect.commands import app

    text = command_reference()
    sections = dict(re.findall(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    commands = {"clipselect": typer.main.get_command(app)}
    while commands:
        name, command = commands.popitem()
        children = getattr(command, "commands", {})
        commands.update({f"{name} {child}": made for child, made in children.items()})
        options = [] if children else [option for parameter in command.params for option in parameter.opts]
        missing = [option for option in options if option.startswith("-") and f"{option}" not in sections[name]]
        assert not missing, name


def test_what_works_where_is_said_of_every_command() -> None:
    import typer

    from clipselect.commands import app

    text = (ROOT / "docs" / "platforms.md").read_text("utf-8")
    named = {word for row in re.findall(r"^\| (.+?) \|", text, re.M) for word in re.findall(r"`([\w-]+)", row)}
    assert {*typer.main.get_command(app).commands} - named == set()


def broken_links(page: Path, site: Path) -> list[str]:
    """Relative links of a page of the site that lead to no file of it."""
    links = set(re.findall(r"""(?:href|src)="?([^" >]+)""", page.read_text("utf-8")))
    relative = [link.partition("#")[0] for link in links if not re.match("[a-z]+:|/|#", link)]
    return [link for link in relative if not (page.parent / unquote(link)).exists()]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_asks_no_other_server(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    pages = [*tmp_path.rglob("*.html")]
    assert len(pages) > 30
    asked = re.compile(
        r"""(?:<(?:script|img|iframe|source)[^>]+src|<link[^>]+rel="stylesheet"[^>]+href)="?(https?:[^" >]+)"""
    )
    assert {found for page in pages for found in asked.findall(page.read_text("utf-8"))} == set()

    assert [(page.name, link) for page in pages for link in broken_links(page, tmp_path)] == []
    assert 'id="clipselect.discriminability"' in (tmp_path / "api" / "method" / "index.html").read_text("utf-8")


def test_the_arguments_that_the_page_on_torchcodec_names_are_those_of_select() -> None:
    text = (ROOT / "docs" / "how-to" / "torchcodec.md").read_text("utf-8")
    (names,) = re.findall(r"^- ((?:`\w+`(?:, | and )?)+) and the others are those of `clipselect\.select`", text, re.M)
    assert {*re.findall(r"\w+", names.replace(" and ", " "))} <= {*inspect.signature(clipselect.select).parameters}
