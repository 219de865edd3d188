"""The code of the documentation runs as it is printed: the blocks of a page one after another, in one folder.

The folder holds `video.mp4` and `videos/` with a folder per class. A block after a line `<!-- not run: REASON -->` is
left out, but its commands must have the options that it gives them. A page with a line `<!-- needs: LIBRARY -->` is
left out where that library is missing.
"""

import re
import shlex
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
import typer
from helpers.command_line import Run
from helpers.optional import import_or_skip
from helpers.videos import make_video

from clipselect.commands import app

ROOT = Path(__file__).parents[1]
DIARY = ROOT / "docs" / "research-notes.md"
PAGES = [ROOT / "README.md", *sorted({*ROOT.glob("docs/**/*.md")} - {DIARY})]
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n+)?^ *```(python|sh|console)\n(.*?)```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(video, tmp_path / "video.mp4")
    for name in ("dancing", "running"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        make_video(tmp_path / "videos" / name / "a.mp4", 80)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(language: str, code: str) -> list[list[str]]:
    """The words of every command in a block; in a console those after a prompt."""
    lines = [line.strip() for line in code.replace("\\\n", " ").splitlines()]
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [words for line in lines for part in line.split("&&") if (words := shlex.split(part, comments=True))]


def unknown_words(words: list[str]) -> list[str]:
    """Options, or a command, that `clipselect` does not have."""
    command = typer.main.get_command(app)
    words = words[words.index("clipselect") + 1 :]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return words[:1]
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    return [word for word in words if re.match("--?[a-z]", word) and word.split("=")[0] not in {*known, "--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.usefixtures("folder")
def test_the_code_of_a_page_runs(page: Path, run: Run) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    text = page.read_text("utf-8")
    for library in re.findall(r"<!-- needs: (\w+) -->", text):
        import_or_skip(library)
    for left_out, language, code in BLOCK.findall(text):
        if language == "python":
            compiled = compile(textwrap.dedent(code), page.name, "exec")
            if not left_out:
                exec(compiled, names)
            continue
        for words in commands(language, code):
            if "clipselect" in words and words[0] != "docker":
                assert unknown_words(words) == [], words
            if words[0] == "clipselect" and not left_out:
                assert run(*words[1:]).code == 0, words
            elif not left_out:
                assert words[0] in ("pip", "pytest"), f"{words}: run it in a test, or mark the block as not run"


def test_a_wrong_option_in_a_command_that_is_not_run_is_found() -> None:
    assert unknown_words(["torchrun", "-m", "clipselect", "distill", "--data", "x", "--stepz", "3"]) == ["--stepz"]
    assert unknown_words(["clipselect", "evaluate", "clip"]) == ["clip"]
    assert unknown_words(["clipselect", "score", "a.mp4", "--k", "3", "--csv", "-"]) == []
