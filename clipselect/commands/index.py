"""`clipselect index`."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from clipselect.commands.common import check, stderr
from clipselect.commands.options import ClipDuration, Device, Fast, Fps, Model, Stride
from clipselect.commands.stages import LINE_EVERY, TOLD_AT_MOST, stoppable
from clipselect.index.builder import IndexBuilder
from clipselect.index.bulk import Decoding, decode, entries
from clipselect.index.decode_workers import decode_in_processes
from clipselect.index.inputs import find_videos
from clipselect.index.score_index import Entry, Scoring, stored_path
from clipselect.media.candidates import exact_seconds
from clipselect.media.cores import usable_cores
from clipselect.media.text import printable
from clipselect.scoring.scorer import Scorer, load_scorer


def index(
    videos: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Videos, folders of videos, quoted globs, lists of paths (.csv, .txt)."),
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.parquet", help="The index to make or to add to.")
    ],
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    model: Model = None,
    device: Device = "auto",
    fps: Fps = 30.0,
    fast: Fast = False,
    prefix: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder that the paths of lists count from. (default: the current one)"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Decoding processes; 0 decodes in this one. (default: one per core)")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray: the machines of a Ray cluster (pip install 'clipselect\\[ray]').")
    ] = "local",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Read videos again that failed and have not changed.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Give up what the index holds if it was made with other options.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Drop videos from the index that are not among those named.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; failures and errors only.")] = False,
) -> None:
    """Score many videos once, into a Parquet file that DDLClipSampler(index=...) reads.

    Videos that have not changed since they were indexed are skipped. A run that was stopped, in whatever way, goes on
    when the same command is given again. Exit code 0: all scored. 1: some could not be. 2: none could be, or wrong
    usage.
    """
    check(workers is None or workers >= 0, f"--workers must be at least 0, got {workers}")
    check(engine in ("local", "ray"), f"--engine must be local or ray, got {engine}")
    check(workers is None or engine == "local", "--workers is for the local engine; Ray has its own")
    check(0.001 <= fps <= 10_000, f"--fps must lie between 0.001 and 10000, got {fps}")
    for value, option in ((clip_duration, "clip_duration"), (stride, "stride")):
        if value is not None:
            exact_seconds(value, option)
    paths = [Path(name) for name in dict.fromkeys(os.path.abspath(path) for path in find_videos(videos, prefix))]  # noqa: PTH100
    check(Path(os.path.abspath(output)) not in paths, f"{output}: is both a video and the index; choose another name")  # noqa: PTH100
    scorer = load_scorer(model, "cpu" if engine == "ray" else device)
    scoring = Scoring.of(scorer, clip_duration, stride, fast)
    with IndexBuilder(output, scoring, overwrite=overwrite) as builder:
        resumed = builder.resumed
        with stderr().status("comparing with the index"):
            todo, failed_before = _to_do(builder, paths, fps, retry_failed)
        failed = failed_before
        if engine == "ray":
            from clipselect.index.ray_engine import entries_by_ray

            found = entries_by_ray(todo, scoring, model, device, fps)
        else:
            found = _local(todo, scoring, scorer, fps, usable_cores() if workers is None else workers)
        if resumed and not quiet:
            stderr().print(Text(f"going on where an earlier run stopped, {resumed} videos are done"))
        with stoppable(output), _Progress(len(paths), len(paths) - len(todo), quiet) as progress:
            for entry in found:
                builder.add(entry)
                failed += entry.error is not None
                progress.advance(entry)
        total = builder.finish({stored_path(path) for path in paths} if prune else None)
    if not quiet:
        scored, unchanged = len(todo) - (failed - failed_before), len(paths) - len(todo) - failed_before
        typer.echo(
            f"{printable(output)}: {scored} videos scored, {unchanged} unchanged, {failed} failed; it now holds {total}"
        )
    if failed:
        again = f" ({failed_before} of them earlier; --retry-failed reads those again)" if failed_before else ""
        stderr().print(
            Text(f"{failed} of {len(paths)} videos failed{again}; column error of {printable(output)} says why")
        )
        raise typer.Exit(2 if failed == len(paths) else 1)


def _to_do(builder: IndexBuilder, paths: list[Path], fps: float, retry_failed: bool) -> tuple[list[Path], int]:
    """The videos that must be read, in their order, and how many of the others are known to fail."""
    failed, wanted = 0, set[Path]()
    for path in sorted(paths):  # as the index is, which makes it quick
        known = builder.known(path, fps)
        if known is None or (known.error and retry_failed):
            wanted.add(path)
        else:
            failed += known.error is not None
    return [path for path in paths if path in wanted], failed


def _local(paths: list[Path], scoring: Scoring, scorer: Scorer, fps: float, workers: int) -> Iterator[Entry]:
    workers = min(workers, len(paths))
    how = Decoding.of(scoring, scorer, fps, threads=1 if workers > 1 else 0)
    if workers == 0:
        return entries(((path, message) for path in paths for message in decode(path, how)), scorer)
    return entries(decode_in_processes(paths, how, workers), scorer)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} videos/s" if task.speed else "")


class _Progress:
    """A bar with rate and remaining time on a terminal, otherwise a line every half minute; failures as they come."""

    def __init__(self, total: int, done: int, quiet: bool) -> None:
        self.console = stderr()
        self.told, self.shown_at, self.begun = 0, time.monotonic(), time.monotonic()
        self.lines = not quiet and not self.console.is_terminal
        self.bar = Progress(
            TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), TextColumn("left"),
            TimeRemainingColumn(), console=self.console, transient=True, disable=quiet or self.lines,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=total, completed=done)
        self.done, self.now, self.total = done, 0, total

    def __enter__(self) -> "_Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def advance(self, entry: Entry) -> None:
        self.now += 1
        self.bar.advance(self.task)
        if entry.error is not None:
            self._tell(Text.assemble(("Error: ", "bold red"), printable(entry.error)))
        for warning in entry.warnings:
            self._tell(Text(f"warning: {printable(entry.path)}: {printable(warning)}"))
        if self.lines and time.monotonic() - self.shown_at > LINE_EVERY:
            self.shown_at = time.monotonic()
            rate = self.now / (self.shown_at - self.begun)
            left = timedelta(seconds=round((self.total - self.done - self.now) / rate))
            self.console.print(Text(f"{self.done + self.now} of {self.total} videos, {rate:.1f} videos/s, {left} left"))

    def _tell(self, line: Text) -> None:
        self.told += 1
        if self.told <= TOLD_AT_MOST:
            self.bar.console.print(line)
        if self.told == TOLD_AT_MOST:
            self.bar.console.print(Text("further failures and warnings are in the index only"))
