"""`clipselect train-base`."""

from typing import Annotated

import typer

from clipselect.commands import options
from clipselect.commands.progress import Failures, run_training
from clipselect.media.text import printable


def train_base(
    *,
    data: options.Data,
    output: options.Output,
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One of slowfast_r50, r2plus1d_r50, slow_r50, x3d_xs, x3d_s, x3d_m, narrow_r3d, narrow_slowfast, "
            "narrow_r2plus1d, narrow_slow.",
        ),
    ] = "narrow_slow",
    background: options.Background = None,
    prefix: options.Prefix = None,
    clip_duration: options.BaseClipDuration = None,
    size: Annotated[
        int | None, typer.Option(help="Pixels of a clip's side. (default: 112 for narrow networks)")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Frames of a clip. (default: what the network is made for)")
    ] = None,
    base_geometry: Annotated[
        str | None, typer.Option(metavar="GEOMETRY", help=f"{options.BASE_GEOMETRY} (default: squash)")
    ] = None,
    steps: options.Steps = 1500,
    batch: options.Batch = 32,
    learning_rate: options.LearningRate = 2e-3,
    seed: options.Seed = 0,
    work: options.Work = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    workers: options.Workers = 0,
    cache_gigabytes: options.CacheGigabytes = 20.0,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    overwrite: options.Overwrite = False,
    fps: options.Fps = 30.0,
    quiet: options.Quiet = False,
) -> None:
    """Train a base from labelled videos, for those who have none of their own yet.

    DATA is a folder with one folder of videos per class (in train/ and val/, or without, then a fifth is held out), a
    list of paths and labels (.csv, .txt), or an ActivityNet JSON. Writes the weights and a card with the accuracy on
    the held-out videos. A run that was stopped goes on when the same command is given again.
    """
    arguments = dict(locals())
    from clipselect.training import base_training
    from clipselect.training.cards import in_percent
    from clipselect.training.runtime import is_first_process

    failures = Failures("video", quiet=not is_first_process())
    made = run_training(base_training.train_base, arguments, failures)
    failures.report()
    if not (quiet or failures.quiet):
        accuracy, classes = made.metadata["accuracy"], made.metadata["classes"]
        typer.echo(
            f"{printable(output)}: {network}, {len(classes)} classes, top-1 {in_percent(accuracy['top1'])} on "
            f"{accuracy['videos']} held-out videos"
        )
