"""Where results go: files and standard output, checked before the work and written whole after it."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from clipselect.commands.common import STDOUT, check, stderr, write_stdout
from clipselect.commands.output import pages, results
from clipselect.commands.output.display import print_result
from clipselect.commands.output.results import Result
from clipselect.errors import ClipselectError
from clipselect.media import files
from clipselect.media.extract import clip_file_name, extract_clip
from clipselect.media.files import make_folder
from clipselect.media.sources import Source
from clipselect.media.text import printable
from clipselect.method.selection import ranks


@dataclass(frozen=True)
class OutputFiles:
    """Files that the user wants to have; a ClipselectError at once if one of them cannot be written."""

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    folder: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        both = str(self.json) == str(self.csv) == STDOUT
        check(not both, "--json and --csv cannot both go to standard output; give one of them a file")
        for path in self._files:
            files.check_writable(path)
        targets = {path.resolve() for path in self._files}
        check(
            len(targets) == len(self._files),
            "two of --json, --csv, --plot and --html name the same file; give each its own",
        )
        if self.folder is not None:
            make_folder(self.folder)

    @property
    def _files(self) -> list[Path]:
        """The files to write, standard output not among them."""
        paths = (self.json, self.csv, self.plot, self.html)
        return [path for path in paths if path is not None and str(path) != STDOUT]

    def spare(self, inputs: Sequence[Path]) -> None:
        """Refuse to write over a file that is about to be read."""
        for path in self._files:
            if path.exists() and any(path.resolve() == video.resolve() for video in inputs):
                raise ClipselectError(f"{path}: is both a video to score and a file to write; choose another output")

    @property
    def console(self) -> Console:
        """Where people read: standard output, unless machines do."""
        return stderr() if STDOUT in (str(self.json), str(self.csv)) else Console(highlight=False)

    def write_all(
        self,
        as_json: Callable[[], str],
        as_csv: Callable[[], str],
        as_plot: Callable[[], bytes],
        as_html: Callable[[], str],
    ) -> None:
        """Write those that are wanted; one that fails does not keep the others."""
        failure: ClipselectError | None = None
        wanted = ((self.json, as_json), (self.csv, as_csv), (self.plot, as_plot), (self.html, as_html))
        for path, content in wanted:
            try:
                if path is not None:
                    write(path, content())
            except ClipselectError as e:
                failure = failure or e
        if failure is not None:
            raise failure


@dataclass(frozen=True)
class Outputs(OutputFiles):
    """Those of scored videos; clips are extracted to the folder."""

    def show(self, result: Result) -> None:
        """Show a result as soon as it is there; quietly only its warnings."""
        if result.scores is None:
            return
        if self.quiet:
            print_warnings(result.scores.source)
        else:
            print_result(self.console, result)

    def save(self, outcomes: Sequence[Result], settings: dict[str, Any]) -> None:
        """Write all files; nothing if not one video could be scored."""
        if all(r.scores is None for r in outcomes):
            return
        self.write_all(
            lambda: results.as_json(outcomes, settings),
            lambda: results.as_csv(outcomes),
            lambda: pages.plot_png(outcomes),
            lambda: pages.html_page(outcomes, settings),
        )

    def with_files(self, result: Result, earlier: Sequence[Result]) -> Result:
        """The result with its picked clips extracted, if wanted; videos of the same name in one call get a number."""
        if self.folder is None:
            return result
        assert result.scores is not None and result.selection is not None
        rank = ranks(result.scores.scores).tolist()
        clips = {i: result.scores.clips[i] for i in result.selection.ordered.tolist()}
        taken = {file for r in earlier for file in r.files.values()}
        for number in itertools.count(1):
            stem = result.path.stem if number == 1 else f"{result.path.stem}-{number}"
            files = {i: self.folder / clip_file_name(stem, rank[i], clip) for i, clip in clips.items()}
            if taken.isdisjoint(files.values()):
                break
        for i, clip in clips.items():
            extract_clip(result.scores.source, clip, files[i])
        return replace(result, files=files)


def print_warnings(source: Source) -> None:
    """On standard error, a line each."""
    for warning in source.warnings:
        stderr().print(Text(f"warning: {printable(source.path)}: {warning}"))


def write(path: Path, content: str | bytes) -> None:
    """To a file, whole or not at all, or to standard output."""
    if str(path) == STDOUT and isinstance(content, str):
        write_stdout(content)
    else:
        files.write_whole(path, content)
