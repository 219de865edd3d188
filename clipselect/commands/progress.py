"""What long commands show on standard error: how far they are, which files were left out, how to continue after a stop.

The library reports what it does through two callbacks, and these are what a command passes for them:

    failures = Failures("video")
    with stoppable(work), ProgressDisplay(quiet) as display:
        train_base(data, output, progress=display, on_error=failures.add)
    failures.report()
"""

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import rich.progress
import typer
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as RemainingColumn
from rich.text import Text

from clipselect.commands.common import print_error, stderr, warnings_shown
from clipselect.errors import ClipselectError, MissingFileError
from clipselect.media.progress import Progress
from clipselect.media.text import count, printable

T = TypeVar("T")
D = TypeVar("D", bound="ProgressDisplay")

SECONDS_BETWEEN_LINES = 30.0
MAX_LISTED = 20
"""Files left out that are named; the others are counted."""


class _RateColumn(ProgressColumn):
    def render(self, task: rich.progress.Task) -> Text:
        return Text(_rate(task.speed or 0.0))


class ProgressDisplay:
    """A `ProgressCallback` that shows a bar for the current stage on a terminal, and writes lines elsewhere.

    A line is written every half minute and at the end of a stage.

    Args:
        quiet: show nothing.
        lines: False also shows nothing where standard error is no terminal, as suits commands of a few seconds.
    """

    def __init__(self, quiet: bool = False, lines: bool = True) -> None:
        self.quiet, self.console = quiet, stderr()
        self.lines = lines and not quiet and not self.console.is_terminal
        self.bar = rich.progress.Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False), _RateColumn(),
            TimeElapsedColumn(), TextColumn("left"), RemainingColumn(),
            console=self.console, transient=True, disable=quiet or not self.console.is_terminal,
        )  # fmt: skip
        self.shown: Progress | None = None
        self.task = rich.progress.TaskID(0)
        self.done_before, self.began, self.last_line = 0, 0.0, 0.0

    def __enter__(self: D) -> D:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        last, self.shown, now = self.shown, progress, time.monotonic()
        if last is None or (last.stage, last.total) != (progress.stage, progress.total) or last.done > progress.done:
            if last is not None:
                self.bar.remove_task(self.task)
            self.task = self.bar.add_task(
                progress.stage, total=progress.total, completed=progress.done, note=progress.note
            )
            self.done_before, self.began, self.last_line = progress.done, now, now
        elif last == progress:
            return
        self.bar.update(self.task, completed=progress.done, note=progress.note)
        ended = progress.done == progress.total > 0
        if self.lines and (ended or now - self.last_line > SECONDS_BETWEEN_LINES):
            self.last_line = now
            self.print(Text(self._line(progress, now - self.began)))

    def print(self, text: Text) -> None:
        """A line of its own, above the bar if there is one."""
        self.bar.console.print(text)

    def _line(self, progress: Progress, seconds: float) -> str:
        rate = (progress.done - self.done_before) / max(seconds, 1e-3)
        note = f"  {progress.note}" if progress.note else ""
        if progress.done == progress.total or not rate:
            return f"{progress.stage}: {progress.done} of {progress.total}{note}"
        left = timedelta(seconds=round((progress.total - progress.done) / rate))
        return f"{progress.stage}: {progress.done} of {progress.total}{note}, {_rate(rate)}, {left} left"


def _rate(per_second: float) -> str:
    if per_second <= 0:
        return ""
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{1 / per_second:.1f} s each"


class Failures:
    """The files that a command left out: the first `MAX_LISTED` are shown as they come, all are counted at the end.

    Args:
        what: what each file is, such as "video".
        quiet: shows nothing, since another process of the same run does.

    Attributes:
        errors: why a file could not be read, by its path.
        missing: files that a list names and that are not there.
    """

    def __init__(self, what: str = "video", quiet: bool = False) -> None:
        self.what, self.quiet = what, quiet
        self.errors: dict[str, str] = {}
        self.missing: list[str] = []

    def add(self, path: str, error: ClipselectError) -> None:
        """The `on_error` callback; a file that fails again counts once."""
        if path in self.errors or path in self.missing:
            return
        if isinstance(error, MissingFileError):
            self.missing.append(path)
            return
        self.errors[path] = str(error)
        if len(self.errors) <= MAX_LISTED and not self.quiet:
            print_error(error)

    def report(self) -> None:
        """Show how many files were left out, if any were."""
        if self.missing and not self.quiet:
            listed = ", ".join(map(printable, self.missing[:3])) + ", ..." * (len(self.missing) > 3)
            stderr().print(Text(f"listed but not there: {count(len(self.missing), self.what)} ({listed})"))
        if self.errors and not self.quiet:
            stderr().print(Text(f"left out: {count(len(self.errors), self.what)} that could not be read"))


@contextmanager
def stoppable(kept: Path, quiet: bool = False) -> Iterator[None]:
    """SIGINT and SIGTERM end the command with exit code 130 or 143 and a sentence on how to continue from `kept`, if it
    is there."""
    received = signal.SIGINT

    def stop(number: int, _: Any) -> None:
        nonlocal received
        received = signal.Signals(number)
        raise KeyboardInterrupt  # which nothing on the way takes for a video's failure

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        if not quiet:
            found = f"what is finished is kept in {printable(kept)}; give the same command again to go on"
            stderr().print(Text(f"stopped: {found if kept.exists() else 'nothing was finished yet'}"))
        raise typer.Exit(128 + received) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_training(train: Callable[..., T], arguments: dict[str, Any], failures: Failures) -> T:
    """What a training function makes of all options of its command; of several processes the first shows how far it is.

    Args:
        failures: quiet in the other processes.
    """
    given = {name: value for name, value in arguments.items() if name != "quiet"}
    started = "torchrun -m " if "TORCHELASTIC_RUN_ID" in os.environ else ""
    command = started + shlex.join(["clipselect", *sys.argv[1:]])  # for the card
    work = given.get("work") or given["output"].with_suffix(".work")
    quiet = arguments["quiet"] or failures.quiet
    with stoppable(work, failures.quiet), warnings_shown(), ProgressDisplay(quiet) as display:
        return train(**given, command=command, progress=display, on_error=failures.add)
