"""What the commands share: consoles, paths, progress."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from clipselect.errors import ClipselectError

STDOUT = "-"


def stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


class OutputCommand(TyperCommand):
    """Lets `--json` and `--csv` stand without a file name, for standard output, even right before a video."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for i in reversed(range(len(args))):
            if args[i] in ("--json", "--csv") and not _names_an_output(args[i + 1 : i + 2]):
                args.insert(i + 1, STDOUT)
        return super().parse_args(ctx, args)


def _names_an_output(following: list[str]) -> bool:
    """Whether the next word is the option's file rather than another option or a video that is there."""
    if not following or following[0] == STDOUT or following[0].startswith("-"):
        return following == [STDOUT]
    return Path(following[0]).suffix.lower() in (".json", ".csv", ".txt") or not os.path.isfile(following[0])


@contextmanager
def progress_bar(enabled: bool) -> Iterator[Progress]:
    """A bar on standard error, gone when done; silent if not `enabled` or not a terminal."""
    console = stderr()
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not (enabled and console.is_terminal),
    )  # fmt: skip
    with bar:
        yield bar


def write_stdout(text: str) -> None:
    """UTF-8 whatever the terminal's encoding, so that file names survive."""
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ClipselectError(message)
