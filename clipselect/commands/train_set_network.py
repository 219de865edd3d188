"""`clipselect train-set-network`: networks that make one feature of a whole set of faces, one command each."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from clipselect.commands import options
from clipselect.commands.progress import Failures, run_training
from clipselect.media.text import printable

Data = Annotated[
    list[Path],
    typer.Option(metavar="DIR", help="Folder with a folder of images per identity; may be given several times."),
]
Base = Annotated[str, typer.Option(metavar="NETWORK:CHECKPOINT|FILE", help="Embedder to build on; it is not changed.")]

train_set_network = typer.Typer(
    no_args_is_help=True, help="Train a network that makes one feature of a whole set of faces or persons."
)

AGGREGATORS = {
    "nan": "NAN: two cascaded attention blocks weigh the base's features of a set.",
    "qan": "QAN: a quality of every frame, learnt on the base's feature, is its weight in the set.",
    "gfan": "G-FAN: a graph convolution over the base's features of a set weighs every number of every frame.",
}


def aggregator(network: str) -> Callable[..., None]:
    """The command that trains a network on the base's features."""

    def command(
        *,
        data: Data,
        base: Base,
        output: options.Output,
        loss: Annotated[
            str,
            typer.Option(
                metavar="NAME",
                help="One of centroid, softmax, arcface, cosface, sphereface; all but the first need thousands of "
                "identities.",
            ),
        ] = "centroid",
        degradations: Annotated[str, typer.Option(metavar="NAME", help="One of faces, tracklets.")] = "faces",
        variants: Annotated[int, typer.Option(help="Degraded variants of every image.")] = 4,
        images_per_set: Annotated[int, typer.Option(help="Images of a training set.")] = 5,
        steps: options.Steps = 2000,
        batch: Annotated[int, typer.Option(min=2, help="Sets in a batch, over all processes.")] = 64,
        learning_rate: options.LearningRate = 1e-3,
        seed: options.Seed = 0,
        work: options.Work = None,
        device: options.Device = "auto",
        precision: options.Precision = "auto",
        workers: options.Workers = 0,
        checkpoint_minutes: options.CheckpointMinutes = 5.0,
        overwrite: options.Overwrite = False,
        quiet: options.Quiet = False,
    ) -> None:
        _train(network, dict(locals()))

    command.__doc__ = f"""{AGGREGATORS[network]}

    DATA is as for train-embedder. Every image and its degraded variants go through the base once; the steps read none.
    Writes the weights and a card. A run that was stopped goes on when the same command is given again.
    `clipselect evaluate faces --set-network FILE` (or `persons`) measures what comes of it.
    """
    return command


def lfenet(
    *,
    data: Data,
    base: Base,
    output: options.Output,
    loss: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One of restoration, softmax, arcface, cosface, sphereface; all but the first need thousands of "
            "identities.",
        ),
    ] = "restoration",
    relation: Annotated[
        str, typer.Option(metavar="NAME", help="One of softmax_a, softmax_b, scaled_dot.")
    ] = "softmax_b",
    width: Annotated[int, typer.Option(help="Numbers per query and key.")] = 64,
    bottleneck: Annotated[int | None, typer.Option(help="Numbers per compressed value.")] = 64,
    max_segment: Annotated[int, typer.Option(help="Longer sets are split into segments of this many images.")] = 12,
    ending: Annotated[
        str, typer.Option(metavar="NAME", help="own, the base's; or paper: BN-dropout-linear-BN from random weights.")
    ] = "own",
    images_per_set: Annotated[int, typer.Option(help="Images of a training set.")] = 3,
    keep_good: Annotated[float, typer.Option(help="Weight of the penalty for moving images that are good.")] = 1.0,
    steps: options.Steps = 4000,
    batch: Annotated[int, typer.Option(min=2, help="Sets in a batch, over all processes.")] = 16,
    learning_rate: options.LearningRate = 1e-3,
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
    from clipselect.training import set_training
    from clipselect.training.runtime import is_first_process

    failures = Failures("images", quiet=not is_first_process())
    made = run_training(set_training.train_set_network, {"network": network, **arguments}, failures)
    failures.report()
    if not (arguments["quiet"] or failures.quiet):
        own, average = (made.metadata["held_out"]["decidability"][name] for name in (network, "average"))
        measured = ", ".join(f"{name} {own[name]:.2f} ({average[name]:.2f})" for name in own)
        typer.echo(f"{printable(made.weights)}: {network}, decidability (of averaging): {measured}")
