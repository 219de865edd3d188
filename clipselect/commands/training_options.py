"""The options that the training commands share."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Option(
        metavar="DIR|LIST|JSON",
        help="Folder of class folders, list of paths and labels (.csv, .txt), or ActivityNet JSON.",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The weights to write; a card goes beside.")
]
Background = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Videos that show none of the classes, in one folder per kind of place."),
]
Prefix = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that the paths of a list, or the files of a JSON, count from."),
]
Steps = Annotated[int, typer.Option(min=1, help="Batches to train on.")]
Batch = Annotated[int, typer.Option(min=2, help="Clips or images in a batch, over all processes.")]
LearningRate = Annotated[float, typer.Option(min=0, help="The highest learning rate of the one-cycle schedule.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of everything random: the same seed, the same weights.")]
Work = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for checkpoints, frames and TensorBoard logs; delete it afterwards. (default: beside the output)",
    ),
]
Precision = Annotated[str, typer.Option(help="32, bf16, or auto: bf16 where the hardware is fast at it.")]
Workers = Annotated[
    int, typer.Option(min=0, help="Processes that prepare batches; with a GPU, as many as there are cores.")
]
CacheGigabytes = Annotated[
    float, typer.Option(min=0, help="Disk for frames of training videos; what does not fit is decoded every time.")
]
CheckpointMinutes = Annotated[float, typer.Option(min=0, help="Between checkpoints.")]


def command() -> str:
    """What was typed, for the card: typed again, it makes the same weights."""
    started = "torchrun -m " if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return started + shlex.join(["clipselect", *sys.argv[1:]])
