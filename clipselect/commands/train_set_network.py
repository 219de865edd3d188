"""`clipselect train-set-network`: networks that make one feature of a whole set of images, one command each."""

from collections.abc import Callable
from inspect import Parameter, Signature, getdoc, signature
from typing import Annotated, Any

import typer

from clipselect.commands import options
from clipselect.commands.common import Command
from clipselect.commands.progress import Failures, run_training
from clipselect.media.text import printable

Batch = Annotated[int, typer.Option(min=2, help="Sets in a batch, over all processes.")]
ImagesPerSet = Annotated[int, typer.Option(help="Images of a training set.")]
MaxSegment = Annotated[int, typer.Option(help="Longer sets are split into segments of this many images.")]


def _shared(
    *,
    data: options.Identities,
    base: Annotated[
        str, typer.Option(metavar="NETWORK:CHECKPOINT|FILE", help="Embedder to build on; its file is not changed.")
    ],
    output: options.Output,
    shared_names: options.SharedNames = False,
    seed: options.Seed = 0,
    work: options.Work = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    workers: options.Workers = 0,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """DATA is as for train-embedder. Writes the weights and a card. A run that was stopped goes on when the same
    command is given again. `clipselect evaluate faces --set-network FILE` measures what comes of it."""


def _aggregator(
    *,
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
    images_per_set: ImagesPerSet = 5,
    steps: options.Steps = 2000,
    batch: Batch = 64,
    learning_rate: options.LearningRate = 1e-3,
) -> None:
    """Every image and its degraded variants go through the base once; the steps read none. For faces and persons."""


def _lfenet(
    *,
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
    width: Annotated[int, typer.Option(help="Dimensions of queries and keys.")] = 64,
    bottleneck: Annotated[
        int | None,
        typer.Option(
            parser=options.whole_or_none,
            metavar="NUMBER|none",
            help="Dimensions of compressed values; none compresses nothing.",
        ),
    ] = 64,
    max_segment: MaxSegment = 12,
    ending: Annotated[
        str, typer.Option(metavar="NAME", help="own, the base's; or paper: BN-dropout-linear-BN from random weights.")
    ] = "own",
    images_per_set: ImagesPerSet = 3,
    keep_good: Annotated[float, typer.Option(help="Weight of the penalty for moving images that are good.")] = 1.0,
    steps: options.Steps = 4000,
    batch: Batch = 16,
    learning_rate: options.LearningRate = 1e-3,
    backbone_learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Rate of the base; 0 freezes it. (default: 0 for restoration, else a hundredth of the other)"
        ),
    ] = None,
) -> None:
    """For aligned faces."""


def _fan(
    *,
    width: Annotated[int, typer.Option(help="Channels of the aggregator's first convolution.")] = 16,
    discriminator_width: Annotated[int, typer.Option(help="Channels of the discriminator's first convolution.")] = 16,
    reconstruction: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What the image's feature is pulled towards: centre, the moving centre of its person; or average, the "
            "mean feature of its inputs.",
        ),
    ] = "centre",
    discriminative_weight: Annotated[
        float, typer.Option(help="Weight of the discriminative loss; 0 leaves it out.")
    ] = 1.0,
    reconstruction_weight: Annotated[
        float, typer.Option(help="Weight of the reconstruction loss; 0 leaves it out.")
    ] = 0.5,
    adversarial_weight: Annotated[float, typer.Option(help="Weight of the adversarial loss; 0 leaves it out.")] = 1.0,
    total_variation_weight: Annotated[
        float, typer.Option(help="Weight of the loss on differences of neighbouring pixels; 0 leaves it out.")
    ] = 1e-4,
    images_per_set: Annotated[
        int, typer.Option(help="N: images that become one; of a person one more is drawn, the positive.")
    ] = 10,
    max_segment: MaxSegment = 32,
    steps: options.Steps = 20_000,
    batch: Batch = 6,
    learning_rate: Annotated[
        float, typer.Option(help="Rate of both networks; a quarter of it in the second half of the steps.")
    ] = 5e-4,
) -> None:
    """For aligned faces. Grids of samples go to WORK/samples as often as checkpoints; `clipselect faces --aggregate
    FILE` makes such images of a video."""


NETWORKS: dict[str, tuple[Callable[..., None], str]] = {
    "nan": (_aggregator, "NAN: two cascaded attention blocks weigh the base's features of a set."),
    "qan": (_aggregator, "QAN: a quality of every frame, learnt on the base's feature, is its weight in the set."),
    "gfan": (_aggregator, "G-FAN: a graph convolution over the base's features weighs every dimension of every frame."),
    "temporal": (_aggregator, "Temporal attention: a convolution over neighbouring frames weighs the base's features."),
    "lfenet": (_lfenet, "LFENet: the local features of all faces enhance each other before they become embeddings."),
    "fan": (_fan, "FAN: all faces of a set become one image, whose embedding stands for the set."),
}
"""Their own options, which are the fields of their recipes in `clipselect.training.set_training`, and what they are."""


def _command(network: str) -> Callable[..., None]:
    """The command that trains a network: its own options among those that all networks have."""
    own, about = NETWORKS[network]

    def command(**arguments: Any) -> None:
        _train(network, arguments)

    shared, options_of_its_own = (list(signature(f).parameters.values()) for f in (_shared, own))
    needed = [p for p in shared if p.default is Parameter.empty]
    parameters = [*needed, *options_of_its_own, *shared[len(needed) :]]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = f"{about}\n\n{getdoc(own)}\n{getdoc(_shared)}"
    return command


train_set_network = typer.Typer(
    no_args_is_help=True, help="Train a network that makes one feature of a whole set of faces or persons."
)
for name in NETWORKS:
    train_set_network.command(name, cls=Command)(_command(name))


def _train(network: str, arguments: dict[str, Any]) -> None:
    from clipselect.training import set_training
    from clipselect.training.runtime import is_first_process

    failures = Failures("image", quiet=not is_first_process())
    made = run_training(set_training.train_set_network, {"network": network, **arguments}, failures)
    failures.report()
    if not (arguments["quiet"] or failures.quiet):
        own, average = (made.metadata["held_out"]["decidability"][name] for name in (network, "average"))
        measured = ", ".join(f"{name} {own[name]:.2f} ({average[name]:.2f})" for name in own)
        typer.echo(f"{printable(made.weights)}: {network}, decidability (of averaging): {measured}")
