"""Where results go: files and standard output, checked before the work and written whole after it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from clipselect import pages, results
from clipselect.commands.common import STDOUT, check, stderr, write_stdout
from clipselect.display import print_result, shown
from clipselect.errors import ClipselectError
from clipselect.extract import clip_file_name, extract_clip
from clipselect.results import Result
from clipselect.selection import ranking


@dataclass(frozen=True)
class Outputs:
    """What the user wants to have; a ClipselectError at once if one of them cannot be written."""

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    extract: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        both = str(self.json) == str(self.csv) == STDOUT
        check(not both, "--json and --csv cannot both go to standard output; give one of them a file")
        for path in (self.json, self.csv, self.plot, self.html):
            if path is not None and str(path) != STDOUT:
                results.check_writable(path)
        if self.extract is not None:
            make_folder(self.extract)

    @property
    def console(self) -> Console:
        """Where people read: standard output, unless machines do."""
        return stderr() if STDOUT in (str(self.json), str(self.csv)) else Console(highlight=False)

    def show(self, result: Result) -> None:
        """Show a result as soon as it is there; quietly only its warnings."""
        if result.scores is None:
            return
        if not self.quiet:
            print_result(self.console, result)
            return
        for warning in result.scores.source.warnings:
            stderr().print(Text(f"warning: {shown(result.path)}: {warning}"))

    def save(self, outcomes: Sequence[Result], settings: dict[str, Any]) -> None:
        """Write all files; nothing if not one video could be scored."""
        if all(r.error is not None for r in outcomes):
            return
        if self.json is not None:
            write_text(self.json, results.as_json(outcomes, settings))
        if self.csv is not None:
            write_text(self.csv, results.as_csv(outcomes))
        if self.plot is not None:
            results.write_whole(self.plot, pages.plot_png(outcomes))
        if self.html is not None:
            results.write_whole(self.html, pages.html_page(outcomes, settings))

    def with_files(self, result: Result, earlier: Sequence[Result]) -> Result:
        """The result with its picked clips extracted, if wanted; videos of the same name in one call get a number."""
        if self.extract is None:
            return result
        assert result.scores is not None and result.selection is not None
        twins = sum(r.path.stem == result.path.stem for r in earlier)
        stem = f"{result.path.stem}-{twins + 1}" if twins else result.path.stem
        rank = {int(i): r for r, i in enumerate(ranking(result.scores.scores), start=1)}
        files = {}
        for i in result.selection.ordered.tolist():
            clip = result.scores.clips[i]
            files[i] = self.extract / clip_file_name(stem, rank[i], clip)
            extract_clip(result.scores.source, clip, files[i])
        return replace(result, files=files)


def write_text(path: Path, text: str) -> None:
    """To a file, whole or not at all, or to standard output."""
    if str(path) == STDOUT:
        write_stdout(text)
    else:
        results.write_whole(path, text)


def make_folder(folder: Path) -> None:
    """Create a folder that can be written to, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ClipselectError(f"{folder}: cannot be made a folder ({e.strerror}); choose another place") from e
    results.check_writable(folder / "file")
