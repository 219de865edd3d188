"""The options that `train-base` and `distill` share."""

import os
import shlex
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from clipselect.commands.common import check
from clipselect.media.files import check_writable
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.cards import CARD
from clipselect.training.frame_cache import FrameCache

MARGIN, DENSITY = 1.15, 2
"""Training frames are kept a little larger than the clips, which are crops of them, and twice as dense in time."""

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


def check_outputs(output: Path) -> None:
    """Refuse at once what could not be written in the end."""
    check(
        output.suffix not in (".md", ".work"),
        f"{output}: is the name of the card or the work folder; end it in .safetensors",
    )
    check_writable(output)
    card = output.with_suffix(".md")
    check_writable(card)
    own = not card.is_file() or CARD in card.read_text("utf-8", "replace")
    check(own, f"{card}: is no card of weights and would be lost; choose another output")


def command() -> str:
    """What was typed, fit to be typed again."""
    started = "torchrun -m " if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return started + shlex.join(["clipselect", *sys.argv[1:]])


def frame_cache(work: Path, input_spec: InputSpec, clip_duration: Fraction, gigabytes: float, fps: float) -> FrameCache:
    """Where the frames for training on such clips are kept."""
    check(0.001 <= fps <= 10_000, f"--fps must lie between 0.001 and 10000, got {fps}")
    rate = DENSITY * input_spec.frames / clip_duration
    return FrameCache(work / "frames", round(MARGIN * input_spec.size), rate, int(min(gigabytes, 1e9) * 1e9), fps)
