"""Where results go: files and standard output, checked before the work and written whole after it."""

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from rich.console import Console

from clipselect.commands.common import STDOUT, check, print_warning, stderr, write_stdout
from clipselect.commands.output import plots, shown
from clipselect.commands.output.records import VIDEOS, Kind, Record, Result, Scored, as_csv, as_json
from clipselect.commands.output.terminal import print_video
from clipselect.errors import ClipselectError
from clipselect.index.inputs import refuse_data_file
from clipselect.media import files
from clipselect.samplers.picks import Picks

AGGREGATE_NAME = "aggregate.png"
SAVED_NAME = re.compile(
    rf"_rank\d+_\d+\.\d\ds-\d+\.\d\ds\.mp4|\d{{3}}_-?\d+\.\d{{3}}_\d{{5,}}\.png|^{re.escape(AGGREGATE_NAME)}$"
)
"""Names of the clips, frames and aggregated images that are saved to the folder."""


@dataclass(frozen=True)
class Outputs(ABC):
    """Files that the user wants to have; a ClipselectError at once if one of them cannot be written."""

    kind: ClassVar[Kind]

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
            refuse_data_file(path)
        if self.plot is not None:
            plots.check_plot(self.plot)
        named: dict[files.Kind, Path | None] = {"json": self.json, "csv": self.csv, "html": self.html}
        for kind, file in named.items():
            if file is not None:
                files.check_name(file, kind)
        check(
            len({path.resolve() for path in self._files}) == len(self._files),
            "two of --json, --csv, --plot, --html and --index name the same file; give each its own",
        )
        if self.folder is not None:
            files.make_folder(self.folder)

    @property
    def _files(self) -> list[Path]:
        """The files to write, standard output not among them."""
        paths = (self.json, self.csv, self.plot, self.html)
        return [path for path in paths if path is not None and str(path) != STDOUT]

    def refuse_overwrite(self, *inputs: Path | str | None) -> None:
        """Raise a ClipselectError if a file to write is one that is about to be read: a video, a list, weights."""
        names = [str(name) for name in inputs if name is not None]
        parts = [part for name in names for part in (name, name.rpartition(":")[0], name.partition(":")[2]) if part]
        read = {Path(part).resolve() for part in parts}  # FILE, FILE.py:NAME and NETWORK:FILE
        for path in self._files:
            if path.exists() and path.resolve() in read:
                raise ClipselectError(f"{path}: is both an input and a file to write; choose another output")

    @property
    def console(self) -> Console:
        """Where people read: standard output, unless machines do."""
        return stderr() if STDOUT in (str(self.json), str(self.csv)) else Console(highlight=False)

    @abstractmethod
    def show(self, result: Scored) -> None:
        """Print a result as soon as it is there."""

    @staticmethod
    @abstractmethod
    def drawn(results: Sequence[Result], suffix: str) -> bytes: ...

    @staticmethod
    @abstractmethod
    def page(results: Sequence[Result], settings: Record, folder: Path) -> str: ...

    def save(self, results: Sequence[Result], settings: Record) -> None:
        """Write all files, and nothing if not one result has scores; one that fails does not keep the others."""
        if not any(isinstance(result, Scored) for result in results):
            return
        wanted: tuple[tuple[Path | None, Callable[[], str | bytes]], ...] = (
            (self.json, lambda: as_json(self.kind, results, settings)),
            (self.csv, lambda: as_csv(self.kind, results)),
            (self.plot, lambda: self.drawn(results, Path(self.plot or "").suffix)),
            (self.html, lambda: self.page(results, settings, Path(self.html or "").parent)),
        )
        failure: ClipselectError | None = None
        for path, content in wanted:
            try:
                if path is not None:
                    write(path, content())
            except ClipselectError as e:
                failure = failure or e
        self._name_stale(results)
        if failure is not None:
            raise failure

    def _name_stale(self, results: Sequence[Result]) -> None:
        """Warn of files that another run saved to the folder: whoever takes all files takes those, too."""
        if self.folder is None:
            return
        records = [record for result in results for record in (*result.elements, result.facts.get("aggregate"))]
        saved = {Path(record["file"]) for record in records if record and record["file"]}
        stale = sorted(p for p in self.folder.rglob("*") if SAVED_NAME.search(p.name) and p not in saved)
        if stale:
            count = f"{len(stale)} file{'s' if len(stale) > 1 else ''} of another run"
            named = ", ".join(path.name for path in stale[:2]) + ", ..." * (len(stale) > 2)
            print_warning(f"{self.folder}: holds {count} ({named}); remove what you no longer need")


@dataclass(frozen=True)
class VideoOutputs(Outputs):
    """Those of scored videos; picked clips are extracted to the folder."""

    kind = VIDEOS
    drawn = staticmethod(plots.clips_plot)

    extracted: set[Path] = field(default_factory=set)

    @staticmethod
    def page(results: Sequence[Result], settings: Record, folder: Path) -> str:
        from clipselect.commands.output.pages import clips_page

        return clips_page(results, settings, folder)

    def show(self, result: Scored) -> None:
        if not self.quiet:
            print_video(self.console, result)
            return
        for warning in (*result.facts["warnings"], *result.facts["doubts"]):
            print_warning(f"{result.title}: {warning}")

    def thumbnails(self, picks: Picks, videos: int) -> dict[int, bytes]:
        """Pictures of the clips that the page shows, if one is wanted.

        Args:
            videos: on the page.
        """
        return {} if self.html is None else shown.thumbnails(picks, videos)

    def extract(self, picks: Picks) -> Iterator[tuple[int, Path]]:
        """Write the picked clips of a video, if wanted; the index and the file of every clip, once it is written.

        Videos of the same name in one call get a number.
        """
        if self.folder is None:
            return
        own = picks.scores.source.path.stem
        stems = itertools.chain([own], (f"{own}-{number}" for number in itertools.count(2)))
        stem = next(stem for stem in stems if self.extracted.isdisjoint(picks.clip_paths(self.folder, stem)))
        for i, path in zip(picks.picked.ordered.tolist(), picks.saved(self.folder, stem), strict=True):
            self.extracted.add(path)
            yield i, path


def write(path: Path, content: str | bytes) -> None:
    """To a file, whole or not at all, or to standard output."""
    if str(path) == STDOUT and isinstance(content, str):
        write_stdout(content)
    else:
        files.write_whole(path, content)
