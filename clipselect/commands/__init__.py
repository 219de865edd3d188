"""The command line, one module per command."""

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import av
import typer

from clipselect import __version__
from clipselect.commands import evaluate_sets
from clipselect.commands.classify import classify
from clipselect.commands.common import OutputCommand, print_error
from clipselect.commands.demo import demo
from clipselect.commands.distill import distill
from clipselect.commands.evaluate import ListCommand, evaluate
from clipselect.commands.faces import faces
from clipselect.commands.index import index
from clipselect.commands.reid import reid
from clipselect.commands.report import report
from clipselect.commands.score import score
from clipselect.commands.train_base import train_base
from clipselect.commands.train_embedder import train_embedder
from clipselect.errors import ArgumentError, ClipselectError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Only the clips worth watching: rank the clips of a video by how discriminable they are for your network.",
)
app.command(cls=OutputCommand)(score)
app.command(cls=OutputCommand)(classify)
app.command(cls=OutputCommand)(faces)
app.command(cls=OutputCommand)(reid)
app.command()(index)
app.command()(train_base)
app.command()(train_embedder)
app.command()(distill)
evaluate.command(cls=ListCommand)(evaluate_sets.faces)
evaluate.command(cls=ListCommand)(evaluate_sets.persons)
app.add_typer(evaluate, name="evaluate")
app.command()(report)
app.command()(demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clipselect {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main(run: Callable[[], Any] = app) -> None:
    """Entry point: any `ClipselectError` becomes one sentence on standard error and exit code 2.

    Args:
        run: the command line, or what else shall show its errors like this.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✔ shows ?
    try:
        run()
        return
    except ArgumentError as e:
        problem = f"--{e.argument.lstrip('-').replace('_', '-')} {e.problem}"
    except ClipselectError as e:
        problem = str(e)
    except BrokenPipeError:  # whoever reads standard output, such as head, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, av.FFmpegError) as e:
        problem = f"{e.strerror or e}; check the disk and the permissions"
    print_error(problem)
    sys.exit(2)
