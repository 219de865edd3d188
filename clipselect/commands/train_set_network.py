"""`clipselect train-set-network`: networks that make one feature of a whole set of faces, one command each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from clipselect.commands import options
from clipselect.commands.progress import Failures, run_training
from clipselect.media.text import printable
from clipselect.sets.lfenet import ENDINGS
from clipselect.sets.transfer import RELATIONS
from clipselect.training import set_training
from clipselect.training.lfenet_training import LOSSES, LFENetRecipe
from clipselect.training.runtime import is_first_process

train_set_network = typer.Typer(
    no_args_is_help=True, help="Train a network that makes one feature of a whole set of faces."
)
OWN = LFENetRecipe()
"""The defaults."""


def lfenet(
    *,
    data: Annotated[
        list[Path],
        typer.Option(metavar="DIR", help="Folder with a folder of images per identity; may be given several times."),
    ],
    base: Annotated[
        str,
        typer.Option(metavar="NETWORK:CHECKPOINT|FILE", help="Embedder of faces to build on; it is not changed."),
    ],
    output: options.Output,
    loss: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"One of {', '.join(LOSSES)}; all but the first need thousands of identities."
        ),
    ] = OWN.loss,
    relation: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(RELATIONS)}.")] = OWN.relation,
    width: Annotated[int, typer.Option(help="Numbers per query and key.")] = OWN.width,
    bottleneck: Annotated[int | None, typer.Option(help="Numbers per compressed value.")] = OWN.bottleneck,
    max_segment: Annotated[int, typer.Option(help="Longer sets are split into segments of this many images.")] = (
        OWN.max_segment
    ),
    ending: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(ENDINGS)}.")] = OWN.ending,
    images_per_set: Annotated[int, typer.Option(help="Images of a training set.")] = OWN.images_per_set,
    keep_good: Annotated[float, typer.Option(help="Weight of the penalty for moving images that are good.")] = (
        OWN.keep_good
    ),
    steps: options.Steps = OWN.steps,
    batch: Annotated[int, typer.Option(min=2, help="Sets in a batch, over all processes.")] = OWN.batch,
    learning_rate: options.LearningRate = OWN.learning_rate,
    backbone_learning_rate: Annotated[
        float | None,
        typer.Option(help="Of the base; 0 freezes it. (default: 0 for restoration, else a hundredth of the other)"),
    ] = None,
    seed: options.Seed = 0,
    work: options.Work = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    workers: options.Workers = 0,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """LFENet: the local features of all faces of a set repair each other before each is compressed to an embedding.

    DATA is as for train-embedder. Writes the weights and a card. A run that was stopped goes on when the same command
    is given again. `clipselect evaluate faces --set-network FILE` measures what comes of it.
    """
    _train("lfenet", dict(locals()))


def _train(network: str, arguments: dict[str, Any]) -> None:
    failures = Failures("images", quiet=not is_first_process())
    made = run_training(set_training.train_set_network, {"network": network, **arguments}, failures)
    failures.report()
    if not (arguments["quiet"] or failures.quiet):
        own, average = (made.metadata["held_out"]["decidability"][name] for name in (network, "average"))
        measured = ", ".join(f"{name} {own[name]:.2f} ({average[name]:.2f})" for name in own)
        typer.echo(f"{printable(made.weights)}: {network}, decidability (of averaging): {measured}")
