"""The code in `docs/how-to` runs as it is printed: the blocks of a page one after another, in one folder.

The folder holds `video.mp4` and `videos/` with a folder per class. A block after a line `<!-- not run: REASON -->` is
left out, and a page with a line `<!-- needs: LIBRARY -->` where that library is missing.
"""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import Run
from helpers.optional import import_or_skip
from helpers.videos import make_video

PAGES = sorted((Path(__file__).parents[1] / "docs" / "how-to").glob("*.md"))
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n+)?```(python|sh|console)\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(video, tmp_path / "video.mp4")
    for name in ("dancing", "running"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        make_video(tmp_path / "videos" / name / "a.mp4", 80)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.usefixtures("folder")
def test_the_code_of_a_page_runs(page: Path, run: Run) -> None:
    names: dict[str, Any] = {}
    text = page.read_text("utf-8")
    for library in re.findall(r"<!-- needs: (\w+) -->", text):
        import_or_skip(library)
    for left_out, language, code in BLOCK.findall(text):
        if left_out:
            continue
        if language == "python":
            exec(compile(code, page.name, "exec"), names)
            continue
        for line in code.replace("\\\n", " ").splitlines():
            command = shlex.split(line.removeprefix("$ "), comments=True)
            if command[:1] == ["clipselect"]:
                assert run(*command[1:]).code == 0, line
