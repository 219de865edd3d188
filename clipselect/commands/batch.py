"""One input after the other: what one of them cannot do costs the others nothing, and Ctrl-C keeps what is done."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import av
import typer
from rich.text import Text

from clipselect.commands.common import print_error, stderr
from clipselect.commands.output.results import Result, Scored
from clipselect.commands.outputs import Outputs
from clipselect.errors import ClipselectError
from clipselect.media.text import printable

T = TypeVar("T")

FAILURES = (ClipselectError, av.FFmpegError, OSError, RuntimeError, MemoryError, ValueError)
"""What may go wrong with one input."""


def sentence(path: object, failure: BaseException) -> str:
    """What went wrong with an input, and what to do about it."""
    if isinstance(failure, ClipselectError):
        return str(failure)
    cause = printable(failure) or type(failure).__name__
    return f"{path}: cannot be scored ({cause}); convert it, or try --device cpu"


def run_batch(
    inputs: Sequence[T], score: Callable[[T], Iterable[Result]], outputs: Outputs, what: str
) -> tuple[list[Result], int]:
    """The results of all inputs, shown as they come, and how many inputs Ctrl-C has left undone.

    Args:
        score: one input -> its results; failures are results, too.
        what: the inputs in the plural, such as "videos".
    """
    results: list[Result] = []
    done = 0
    try:
        for one in inputs:
            for result in score(one):
                results.append(result)
                if isinstance(result, Scored):
                    outputs.show(result)
                if result.error is not None:
                    print_error(result.error)
            done += 1
    except KeyboardInterrupt:
        stderr().print(Text(f"interrupted: {done} of {len(inputs)} {what} are in the results"))
    return results, len(inputs) - done


def finish(results: Sequence[Result], undone: int, what: str, skipped: int = 0) -> None:
    """Print how many failed, and end with the exit code that fits.

    Args:
        undone: inputs that Ctrl-C has left undone.
        what: the results in the plural, such as "videos".
        skipped: files that could not be made part of any input.
    """
    failed, wanted = sum(result.error is not None for result in results), len(results) + undone
    if skipped or (failed and wanted > 1):
        parts = [f"{len(results) - failed} of {wanted} {what} scored"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} names could not be read"] if skipped else []
        stderr().print(Text(", ".join(parts)))
    if undone:
        raise typer.Exit(130)
    if failed or skipped:
        nothing = not any(isinstance(result, Scored) for result in results)
        raise typer.Exit(2 if nothing or (failed and wanted == 1) else 1)
