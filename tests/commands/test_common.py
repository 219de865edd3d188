"""What all commands share: what arguments of the library are called on the command line."""

import errno
import warnings
from collections.abc import Sequence
from typing import Annotated

import pytest
import typer

from clipselect.commands.common import Command, option_problem, warnings_shown
from clipselect.commands.exit_codes import run_command
from clipselect.errors import ArgumentError, ArgumentWarning


def test_warnings_and_errors_name_the_option_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command(cls=Command)
    def evaluate(all_videos: Annotated[bool, typer.Option("--all")] = False, min_gap: float = 0) -> None:
        with warnings_shown():
            for _ in range(2):  # said once
                warnings.warn(ArgumentWarning("16 are left out", "all_videos", "takes them, too"), stacklevel=1)

    app([], standalone_mode=False)
    assert capsys.readouterr().err == "warning: 16 are left out; --all takes them, too\n"
    assert option_problem(ArgumentError("all_videos", "must be true")) == "--all must be true"
    assert option_problem(ArgumentError("min_gap", "must be positive")) == "--min-gap must be positive"


def test_the_same_warning_in_python_names_the_argument() -> None:
    assert (
        str(ArgumentWarning("16 are left out", "all_videos", "takes them")) == "16 are left out; all_videos takes them"
    )


@pytest.mark.parametrize(("file", "shown"), [(["out.csv"], "out.csv: "), ([], "")])
def test_an_error_of_the_system_names_its_file(
    file: Sequence[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", *file)

    with pytest.raises(SystemExit) as end:
        run_command(command)
    said = f"Error: {shown}Permission denied; check the disk and the permissions\n"
    assert end.value.code == 2 and capsys.readouterr().err == said
