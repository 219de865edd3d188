"""`clipselect index`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.text import Text

from clipselect.commands.common import print_error, print_warning, stderr
from clipselect.commands.options import ClipDuration, Device, Fast, Fps, ListPrefix, Model, Stride, Threads
from clipselect.commands.progress import MAX_LISTED, ProgressDisplay, stoppable
from clipselect.errors import ClipselectError
from clipselect.media.progress import Progress
from clipselect.media.text import count, printable

if TYPE_CHECKING:
    from clipselect.index.build_index import Engine, IndexSummary


def index(
    videos: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Videos, folders of videos, quoted globs, lists of paths (.csv, .txt)."),
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.parquet", help="The index to make or to add to.")
    ],
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    scorer: Model = None,
    device: Device = "auto",
    fps: Fps = 30.0,
    fast: Fast = False,
    prefix: ListPrefix = None,
    workers: Annotated[
        int | None, typer.Option(help="Decoding processes; 0 decodes in this one. (default: one per core)")
    ] = None,
    threads: Threads = None,
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
    from clipselect.index.build_index import build_index
    from clipselect.index.unfinished import unfinished_path

    with stoppable(unfinished_path(output)), _Display(quiet) as display:
        summary = build_index(
            videos, output, clip_duration=clip_duration, stride=stride, scorer=scorer, device=device, fps=fps,
            fast=fast, prefix=prefix, workers=workers, engine=cast("Engine", engine), retry_failed=retry_failed,
            overwrite=overwrite, prune=prune,
            progress=display, on_error=display.error, on_warning=display.warning,
        )  # fmt: skip
    _report(summary, output, quiet)


def _report(summary: "IndexSummary", output: Path, quiet: bool) -> None:
    """One line of counts and, if videos failed, where it says why and the exit code."""
    if not quiet:
        typer.echo(
            f"{printable(output)}: {count(summary.scored, 'video')} scored, {summary.unchanged:,} unchanged, "
            f"{summary.failed:,} failed; it now holds {summary.total:,}"
        )
    if summary.failed:
        named, earlier = summary.scored + summary.unchanged + summary.failed, summary.failed_earlier
        again = f" ({earlier} of them earlier; --retry-failed reads those again)" if earlier else ""
        stderr().print(
            Text(f"{summary.failed} of {named} videos failed{again}; column error of {printable(output)} says why")
        )
        raise typer.Exit(2 if summary.failed == named else 1)


class _Display(ProgressDisplay):
    """Shows progress, and the first failures and warnings as they come; a note becomes a line."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet)
        self.listed = 0

    def __call__(self, progress: Progress) -> None:
        if progress.note and not self.quiet:
            self.print(Text(progress.note))
        super().__call__(replace(progress, note=""))

    def error(self, _path: str, error: ClipselectError) -> None:
        self._list(print_error, error)

    def warning(self, path: str, warning: str) -> None:
        self._list(print_warning, f"{path}: {warning}")

    def _list(self, show: Callable[[object], None], problem: object) -> None:
        self.listed += 1
        if self.listed <= MAX_LISTED:
            show(problem)
        elif self.listed == MAX_LISTED + 1:
            self.print(Text("further failures and warnings are in the index only"))
