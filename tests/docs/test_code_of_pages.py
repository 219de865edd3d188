"""The code of the documentation runs as it is printed: the blocks of a page one after another, in one folder.

The folder holds `video.mp4` and `videos/` with a folder per class. A block after a line `<!-- not run: REASON -->`, or
any after `<!-- not run below: REASON -->`, is left out, but Python must compile, and commands must have the options
that it gives them and take their integers. A page with a line `<!-- needs: LIBRARY -->` is left out where that library
is missing.

Pages are found, not listed: a new one is checked as well.
"""

import re
import shlex
import shutil
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
import typer
from helpers.command_line import Run
from helpers.optional import import_or_skip
from helpers.videos import make_video
from marked_blocks import PAGES, ROOT

from clipselect.commands import app

PAST = {ROOT / "docs" / "research-notes.md", ROOT / "CHANGELOG.md", *ROOT.glob("zoo/*_*.md")}
"""Pages that say what was once run."""
CHECKED = [page for page in PAGES if page not in PAST]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
LEFT_OUT = re.compile(r"<!-- not run: [^>]+ -->\s*\Z")
LEFT_OUT_BELOW = re.compile(r"<!-- not run below: [^>]+ -->")
NO_CODE = ("text", "bibtex", "mermaid")
INLINE = re.compile(r"`([^`\n]+)`")
SCRIPTS = {"run_kinetics": "clips", "run_faces": "faces", "run_reid": "persons"}
"""Benchmarks that pass their options to `clipselect evaluate`."""
RUN = ("pip", "pytest", "python", "ruff", "mkdocs")
"""Other programs whose commands `.ci/run` or a test runs."""


class Block(NamedTuple):
    language: str
    code: str
    left_out: bool


def blocks(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        left_out = bool(LEFT_OUT.search(before) or LEFT_OUT_BELOW.search(before))
        found.append(Block(match[2], textwrap.dedent(match[3]), left_out))
    return found


def indented(text: str) -> list[str]:
    """The first lines of code that is indented instead of fenced."""
    paragraphs = re.split(r"\n\s*\n", FENCE.sub("", text))
    lists = [bool(re.match(r" *([-*]|\d+\.) ", paragraph)) for paragraph in [*paragraphs[:1], *paragraphs[:-1]]]
    pairs = zip(paragraphs, lists, strict=True)
    return [paragraph for paragraph, after_list in pairs if paragraph.startswith("    ") and not after_list]


def commands(language: str, code: str) -> list[list[str]]:
    """The words of every command in a block; in a console those after a prompt."""
    lines = [line.strip() for line in code.replace("\\\n", " ").splitlines()]
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [words for line in lines for part in line.split("&&") if (words := shlex.split(part, comments=True))]


def unknown_words(words: list[str]) -> list[str]:
    """Options, or a command, that `clipselect` does not have; or a script, or options of it, that are not there."""
    if words[0] == "python" and words[1].startswith("benchmarks/"):
        script = ROOT / words[1]
        if not script.exists():
            return [words[1]]
        if script.stem not in SCRIPTS:
            text = script.read_text("utf-8")
            return [word for word in words[2:] if word.startswith("--") and f'"{word}"' not in text]
        words = ["clipselect", "evaluate", SCRIPTS[script.stem], *words[2:]]
    if "clipselect" not in words or words[0] == "docker":
        return []
    command = typer.main.get_command(app)
    words = words[words.index("clipselect") + 1 :]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return words[:1]
        command, words = command.commands[words[0]], words[1:]
    unknown = [word for word in words if re.match("--?[a-z]", word) and word.split("=")[0] not in options(command)]
    return unknown + wrong_numbers(command, words)


def wrong_numbers(command: Any, words: list[str]) -> list[str]:
    """Values of options for integers that are none; capital letters stand for a value."""
    hints = get_type_hints(command.callback) if command.callback else {}
    integers = {name for option in command.params for name in option.opts if takes_integers(hints.get(option.name))}
    return [value for word, value in pairwise(words) if word in integers and not re.fullmatch(r"-?\d+|[A-Z]+", value)]


def takes_integers(hint: Any) -> bool:
    """Of int, list[int], int | None and list[int] | None."""
    return hint is int or any(map(takes_integers, get_args(hint)))


def options(command: Any) -> set[str]:
    """Of a command, and of all below it."""
    own = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    return own.union({"--help"}, *(options(child) for child in getattr(command, "commands", {}).values()))


def sides(diff: str) -> list[str]:
    """What a diff was made from, and what it makes."""
    lines = diff.splitlines()
    return ["\n".join(line[1:] for line in lines if not line.startswith(other)) for other in "+-"]


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_all_code_of_a_page_can_be_checked(page: Path) -> None:
    text = page.read_text("utf-8")
    assert indented(text) == [], "put it between ``` lines, with a language"
    for block in blocks(text):
        assert block.language in ("python", "sh", "console", "diff", *NO_CODE), block
        for side in sides(block.code) if block.language == "diff" else []:
            compile(side, page.name, "exec")
        if block.language == "python":
            compile(block.code, page.name, "exec")
        for words in commands(*block[:2]) if block.language in ("sh", "console") else []:
            assert unknown_words(words) == [], words
    for code in INLINE.findall(FENCE.sub("", text)):
        if code.startswith("clipselect "):
            assert unknown_words(code.replace("|", " ").split()) == [], code


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.usefixtures("folder")
def test_the_code_of_a_page_runs(page: Path, run: Run) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    text = page.read_text("utf-8")
    for library in re.findall(r"<!-- needs: (\w+) -->", text):
        import_or_skip(library)
    for language, code, left_out in blocks(text):
        if left_out:
            continue
        if language == "python":
            exec(compile(code, page.name, "exec"), names)
        for words in commands(language, code) if language in ("sh", "console") else []:
            if words[0] == "clipselect":
                assert run(*words[1:]).code == 0, words
            else:
                assert words[0] in RUN, f"{words}: run it in a test, or mark the block as not run"


@pytest.fixture
def folder(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(video, tmp_path / "video.mp4")
    for name in ("dancing", "running"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        make_video(tmp_path / "videos" / name / "a.mp4", 80)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_wrong_option_in_a_command_that_is_not_run_is_found() -> None:
    assert unknown_words(["torchrun", "-m", "clipselect", "distill", "--data", "x", "--stepz", "3"]) == ["--stepz"]
    assert unknown_words(["clipselect", "evaluate", "clip"]) == ["clip"]
    assert unknown_words(["clipselect", "score", "a.mp4", "--k", "3", "--csv", "-"]) == []
    assert unknown_words(["python", "benchmarks/run_faces.py", "--set-size", "3", "--setsize", "3"]) == ["--setsize"]
    assert unknown_words(["python", "benchmarks/run_cost.py", "--video", "x", "--vidoe", "x"]) == ["--vidoe"]
    assert unknown_words(["clipselect", "evaluate", "clips", "--k", "1,3", "--out", "x"]) == ["1,3"]
    assert unknown_words(["clipselect", "evaluate", "clips", "--k", "1", "3", "--limit", "N"]) == []
    assert unknown_words(["python", "benchmarks/run_nothing.py"]) == ["benchmarks/run_nothing.py"]


def test_code_that_would_not_be_checked_is_found() -> None:
    text = "# Page\n\n    pip install x\n\n- a list\n\n    goes on\n\n```\nno language\n```\n"
    assert indented(text) == ["    pip install x"]
    assert [block.language for block in blocks(text)] == [""]


def test_what_is_left_out_is_marked_right_before_it_or_above_all() -> None:
    fence = "```sh\nls\n```\n"
    assert [block.left_out for block in blocks(f"<!-- not run: needs data -->\n{fence}\n{fence}")] == [True, False]
    assert [block.left_out for block in blocks(f"{fence}\n<!-- not run below: data -->\n\n{fence}")] == [False, True]
