"""The command line, one module per command.

These modules import nothing slow: a command's function imports what it runs with, so that --help and mistakes are
answered at once. Options name in their help what PyTorch would have to be imported for; a test compares the two.
"""

from typing import Annotated

import typer

from clipselect import __version__
from clipselect.commands import evaluate_sets
from clipselect.commands.classify import classify
from clipselect.commands.common import Command
from clipselect.commands.demo import demo
from clipselect.commands.distill import distill
from clipselect.commands.evaluate import ListCommand, evaluate
from clipselect.commands.export import export
from clipselect.commands.faces import faces
from clipselect.commands.index import index
from clipselect.commands.reid import reid
from clipselect.commands.report import report
from clipselect.commands.score import score
from clipselect.commands.train_base import train_base
from clipselect.commands.train_embedder import train_embedder
from clipselect.commands.train_set_network import train_set_network

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Only the clips worth watching: rank the clips of a video by how discriminable they are for your network.",
)
app.command(cls=Command)(score)
app.command(cls=Command)(classify)
app.command(cls=Command)(faces)
app.command(cls=Command)(reid)
app.command(cls=Command)(index)
app.command(cls=Command)(train_base)
app.command(cls=Command)(train_embedder)
app.add_typer(train_set_network, name="train-set-network")
app.command(cls=Command)(distill)
evaluate.command(cls=ListCommand)(evaluate_sets.faces)
evaluate.command(cls=ListCommand)(evaluate_sets.persons)
app.add_typer(evaluate, name="evaluate")
app.command(cls=Command)(report)
app.command(cls=Command)(export)
app.command(cls=Command)(demo)


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
