"""What all commands share: consoles and sentences on them."""

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand

from clipselect.errors import ArgumentError, ArgumentWarning, ClipselectError, ClipselectWarning
from clipselect.media.text import printable

STDOUT = "-"
OPTIONS: dict[str, str] = {}
"""Of the command that runs: options by the names of their parameters, where they are called otherwise."""


def stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(problem: object) -> None:
    """One line on standard error that begins with "Error:"."""
    stderr().print(Text.assemble(("Error: ", "bold red"), printable(problem)))


def print_warning(sentence: object) -> None:
    """One line on standard error that begins with "warning:"."""
    stderr().print(Text(f"warning: {printable(sentence)}"))


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Warnings of the library as one line each, said once, without the place in the code that Python shows."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ClipselectWarning)
        before, said = warnings.showwarning, set[str]()

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if not issubclass(category, ClipselectWarning):
                before(message, category, *place, **more)
            elif str(message) not in said:
                said.add(str(message))
                if isinstance(message, ArgumentWarning):
                    message = f"{message.problem}; {option(message.argument)} {message.remedy}"
                print_warning(message)

        warnings.showwarning = show
        yield


def option(argument: str) -> str:
    """What an argument of the library is called on the command line, by the command that runs.

    >>> option("clip_duration")
    '--clip-duration'
    """
    return OPTIONS.get(argument, f"--{argument.lstrip('-').replace('_', '-')}")


def option_problem(error: ArgumentError) -> str:
    """The sentence of an error of the library, with the option in the place of the argument.

    >>> option_problem(ArgumentError("clip_duration", "must be positive"))
    '--clip-duration must be positive'
    """
    return f"{option(error.argument)} {error.problem}"


class Command(TyperCommand):
    """A command that starts quickly: what it needs beyond its options is imported when it runs.

    It refuses empty words, which as a path would be the current folder and as a model the default, and options without
    their value, which would take the next option for it.
    """

    def invoke(self, ctx: Any) -> Any:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # from now on it keeps what is done
        return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = [p for p in self.params if p.param_type_name == "option"]
        names = {name for p in options for name in [*p.opts, *p.secondary_opts]}
        OPTIONS.clear()
        OPTIONS.update({p.name: p.opts[0] for p in options if f"--{p.name.replace('_', '-')}" not in p.opts})
        with_value = {name for p in options if not getattr(p, "is_flag", False) for name in p.opts}
        for before, word in zip(["", *args], [*args, None], strict=True):
            if before in with_value and (word is None or word in names):
                hint = ": a file, or - for standard output" if before in ("--json", "--csv") else ""
                raise ClipselectError(f"{before} needs a value{hint}")
            option = before if not word else word.removesuffix("=")
            if word == "" or (word is not None and word.endswith("=") and option in with_value):
                name = option if option in with_value else self._argument
                raise ClipselectError(f"{name} must not be empty; give a value or leave it out")
        return super().parse_args(ctx, args)

    @property
    def _argument(self) -> str:
        """What the help calls the words that belong to no option."""
        return next((str(p.metavar).rstrip(".") for p in self.params if p.param_type_name == "argument"), "an argument")


def write_stdout(text: str) -> None:
    """UTF-8 whatever the terminal's encoding, so that file names survive."""
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ClipselectError(message)
