"""`clipselect train-embedder`."""

from pathlib import Path
from typing import Annotated

import typer

from clipselect.commands import options
from clipselect.commands.progress import Failures, run_training
from clipselect.media.text import printable

NOT_MEASURED = (
    "not measured: no two identities with two images each are held out; give more identities, or more in val/"
)


def train_embedder(
    *,
    data: options.Identities,
    output: options.Output,
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One of reid_resnet50, reid_resnet50_last_stride_1, reid_resnet50_ibn, narrow_reid, ir_18, ir_34, "
            "ir_50, ir_101, mobilefacenet, mobilefacenet_foamliu.",
        ),
    ] = "reid_resnet50",
    loss: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One of arcface, cosface, sphereface, softmax, triplet; triplet is batch-hard triplets and softmax.",
        ),
    ] = "triplet",
    bag_of_tricks: Annotated[
        bool, typer.Option("--bag-of-tricks", help="Random erasing and label smoothing, for triplet and softmax.")
    ] = False,
    initial: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINT", help="Weights to begin from, such as torchvision's of ImageNet."),
    ] = None,
    height: Annotated[int | None, typer.Option(help="Pixels. (default: what the network is made for)")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels. (default: what the network is made for)")] = None,
    steps: options.Steps = 3000,
    batch: Annotated[int, typer.Option(min=2, help="Images in a batch, over all processes.")] = 64,
    images_per_identity: Annotated[
        int, typer.Option(min=2, help="Images of every identity in a batch, for the loss triplet.")
    ] = 4,
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
    """Train a base for faces or persons, for those who have none of their own yet.

    DATA is a folder with one folder of images per identity (in train/ and val/, or without, then a fifth of the
    identities is held out), or of images named IDENTITY_*.jpg. Writes the weights and a card with how well held-out
    identities are found again. A run that was stopped goes on when the same command is given again.
    """
    arguments = dict(locals())
    from clipselect.training import embedder_training
    from clipselect.training.cards import in_percent
    from clipselect.training.runtime import is_first_process

    failures = Failures("image", quiet=not is_first_process())
    made = run_training(embedder_training.train_embedder, arguments, failures)
    failures.report()
    if not (quiet or failures.quiet):
        held_out, measured = made.metadata["held_out"], NOT_MEASURED
        if held_out:
            measured = f"rank 1 {in_percent(held_out['rank1'])} on {held_out['queries']} held-out images"
        typer.echo(f"{printable(output)}: {network}, {made.metadata['identities']} identities, {measured}")
