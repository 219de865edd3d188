"""What the commands share: consoles, paths, progress."""

import glob
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
    """Lets `--json` and `--csv` stand without a file name, for standard output."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for i in range(len(args) - 1, -1, -1):
            if args[i] in ("--json", "--csv") and (
                i + 1 == len(args) or (args[i + 1].startswith("-") and args[i + 1] != STDOUT)
            ):
                args.insert(i + 1, STDOUT)
        return super().parse_args(ctx, args)


def expand(patterns: list[str]) -> list[Path]:
    """The paths as they are; those that do not exist and hold wildcards become what they match, sorted.

    Raises:
        ClipselectError: a pattern that matches nothing.
    """
    paths: list[Path] = []
    for pattern in patterns:
        if Path(pattern).exists() or not glob.has_magic(pattern):
            paths.append(Path(pattern))
        elif matches := sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
            paths += map(Path, matches)
        else:
            raise ClipselectError(f"{pattern}: no file matches; check the pattern")
    return paths


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
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ClipselectError(message)
