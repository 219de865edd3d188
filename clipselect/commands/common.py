"""What all commands share: consoles and sentences on them."""

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand

from clipselect.errors import ClipselectError
from clipselect.media.text import printable

STDOUT = "-"


def stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(problem: object) -> None:
    """One line on standard error that begins with "Error:"."""
    stderr().print(Text.assemble(("Error: ", "bold red"), printable(problem)))


def print_warning(sentence: object) -> None:
    """One line on standard error that begins with "warning:"."""
    stderr().print(Text(f"warning: {printable(sentence)}"))


class Command(TyperCommand):
    """Refuses empty words: as a path an empty word would be the current folder, as a model the default."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = {name for p in self.params if not getattr(p, "is_flag", False) for name in p.opts}
        for before, word in zip(["", *args], args, strict=False):
            option = before if not word else word.removesuffix("=")
            if not word or (word.endswith("=") and option in options):
                name = option if option in options else self._argument
                raise ClipselectError(f"{name} must not be empty; give a value or leave it out")
        return super().parse_args(ctx, args)

    @property
    def _argument(self) -> str:
        """What the help calls the words that belong to no option."""
        return next((str(p.metavar).rstrip(".") for p in self.params if p.param_type_name == "argument"), "an argument")


class OutputCommand(Command):
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


def write_stdout(text: str) -> None:
    """UTF-8 whatever the terminal's encoding, so that file names survive."""
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ClipselectError(message)
