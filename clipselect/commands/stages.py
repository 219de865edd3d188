"""What long commands share: a bar or lines for every stage, stopping with a word on how to go on, files that failed."""

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.errors import ClipselectError
from clipselect.media.text import printable

T = TypeVar("T")

LINE_EVERY = 30.0
TOLD_AT_MOST = 20


class Stage:
    """A bar on a terminal, otherwise a line every half minute; nothing if quiet."""

    def __init__(self, name: str, total: int, quiet: bool) -> None:
        self.name, self.total, self.done, self.first = name, total, 0, 0
        self.console = stderr()
        self.lines = not quiet and not self.console.is_terminal
        self.begun = self.told = time.monotonic()
        self.bar = Progress(
            TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            console=self.console, transient=True, disable=quiet or self.lines,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=total, note="")

    def at(self, done: int, loss: float | None = None) -> None:
        """So many are done, whatever was before."""
        self.first = self.first or done - 1
        self.done = done
        note = "" if loss is None else f"loss {loss:.4f}"
        self.bar.update(self.task, completed=done, note=note)
        now = time.monotonic()
        if self.lines and (now - self.told > LINE_EVERY or done == self.total):
            self.told = now
            left = timedelta(seconds=round((now - self.begun) / (done - self.first) * (self.total - done)))
            self.console.print(Text(f"{self.name}: {done} of {self.total}{'  ' + note if note else ''}, {left} left"))

    def more(self, count: int) -> None:
        """So many more are done."""
        self.at(self.done + count)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, each done when the next one is asked for."""
        for item in items:
            yield item
            self.more(1)


@contextmanager
def stage(name: str, total: int, quiet: bool) -> Iterator[Stage]:
    """A stage of a long command."""
    one = Stage(name, total, quiet)
    with one.bar:
        yield one


@contextmanager
def stoppable(kept: Path, tell: bool = True) -> Iterator[None]:
    """SIGINT and SIGTERM end the run with a word on how to go on from what is `kept`."""
    received = signal.SIGINT

    def stop(number: int, _: Any) -> None:
        nonlocal received
        received = signal.Signals(number)
        raise KeyboardInterrupt  # which nothing on the way takes for a video's failure

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        if tell:
            stderr().print(Text(f"stopped: what is finished is kept; the same command goes on with {printable(kept)}"))
        raise typer.Exit(128 + received) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Failures:
    """Videos (or `what` else) that could not be read: named as they come, counted at the end.

    Attributes:
        missing: files that a list names and that are not there.
        quiet: leaves the telling to another process.
    """

    missing: tuple[str, ...] = ()
    quiet: bool = False
    what: str = "videos"
    errors: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, error: ClipselectError) -> None:
        if path in self.errors:
            return
        self.errors[path] = str(error)
        if len(self.errors) <= TOLD_AT_MOST and not self.quiet:
            stderr().print(Text.assemble(("Error: ", "bold red"), printable(error)))

    @property
    def count(self) -> int:
        return len(self.errors) + len(self.missing)

    def tell(self) -> None:
        """The count of what was left out, if anything was."""
        if self.missing:
            named = ", ".join(map(printable, self.missing[:3])) + ", ..." * (len(self.missing) > 3)
            stderr().print(Text(f"{len(self.missing)} {self.what} are listed but not there ({named})"))
        if self.errors:
            stderr().print(Text(f"{len(self.errors)} {self.what} could not be read and were left out"))
