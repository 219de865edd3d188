"""`clipselect train-base`."""

from typing import Annotated

import typer

from clipselect.commands.options import ClipDuration, Device, Fps, Quiet
from clipselect.commands.progress import Failures, ProgressDisplay, stoppable
from clipselect.commands.training_options import (
    Background,
    Batch,
    CacheGigabytes,
    CheckpointMinutes,
    Data,
    LearningRate,
    Output,
    Precision,
    Prefix,
    Seed,
    Steps,
    Work,
    Workers,
    command,
)
from clipselect.media.text import printable
from clipselect.training import base_training
from clipselect.training.cards import in_percent
from clipselect.training.runtime import is_first_process
from clipselect.zoo.networks import NETWORKS


def train_base(
    *,
    data: Data,
    output: Output,
    network: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(NETWORKS)}.")] = "narrow_slow",
    background: Background = None,
    prefix: Prefix = None,
    clip_duration: ClipDuration = None,
    size: Annotated[
        int | None, typer.Option(help="Pixels of a clip's side. (default: 112 for narrow networks)")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Frames of a clip. (default: what the network is made for)")
    ] = None,
    steps: Steps = 1500,
    batch: Batch = 32,
    learning_rate: LearningRate = 2e-3,
    seed: Seed = 0,
    work: Work = None,
    device: Device = "auto",
    precision: Precision = "auto",
    workers: Workers = 0,
    cache_gigabytes: CacheGigabytes = 20.0,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    fps: Fps = 30.0,
    quiet: Quiet = False,
) -> None:
    """Train a base from labelled videos, for those who have none of their own yet.

    DATA is a folder with one folder of videos per class (in train/ and val/, or without, then a fifth is held out), a
    list of paths and labels (.csv, .txt), or an ActivityNet JSON. Writes the weights and a card with the accuracy on
    the held-out videos. A run that was stopped goes on when the same command is given again.
    """
    arguments = dict(locals())
    first, quiet = is_first_process(), arguments.pop("quiet") or not is_first_process()
    failures = Failures("videos", quiet=not first)
    with stoppable(work or output.with_suffix(".work"), quiet=not first), ProgressDisplay(quiet) as display:
        made = base_training.train_base(**arguments, command=command(), progress=display, on_error=failures.add)
    failures.report()
    if not quiet:
        accuracy, classes = made.metadata["accuracy"], made.metadata["classes"]
        typer.echo(
            f"{printable(output)}: {network}, {len(classes)} classes, top-1 {in_percent(accuracy['top1'])} on "
            f"{accuracy['videos']} held-out videos"
        )
