"""`clipselect distill`."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.commands.options import ClipDuration, Device, Quiet, Stride
from clipselect.commands.progress import Failures, ProgressDisplay, stoppable
from clipselect.commands.training_options import (
    Background,
    Batch,
    CheckpointMinutes,
    LearningRate,
    Output,
    Precision,
    Prefix,
    Seed,
    Work,
    Workers,
    command,
)
from clipselect.errors import check_argument
from clipselect.media.text import printable
from clipselect.training.distillation import distill as distill_ddnet
from clipselect.training.runtime import is_first_process
from clipselect.zoo.embedder import NORMALISATIONS
from clipselect.zoo.loading import read_classes

Data = Annotated[
    list[Path],
    typer.Option(
        metavar="DIR|LIST|JSON",
        help="Clips: a folder of class folders, a list of paths and labels (.csv, .txt), or ActivityNet JSON. "
        "Frames: a folder of images per identity; may be given several times.",
    ),
]
Base = Annotated[
    str,
    typer.Option(
        metavar="NAME|PATH|NETWORK:CHECKPOINT|FILE.onnx|FILE.py:NAME",
        help="The trained network to distil for; not modified.",
    ),
]
Elements = Annotated[
    str | None, typer.Option(metavar="clips|frames", help="What is distilled. (default: what the data hold)")
]
Unlabelled = Annotated[
    bool,
    typer.Option(
        "--unlabelled", help="Clips: use no labels; the base's own answers and its head's rows stand for them."
    ),
]
Classes = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Clips: names of a checkpoint's outputs in their order, one a line.")
]
BaseSize = Annotated[
    int | None,
    typer.Option(min=32, max=1024, help="Clips: pixels of a clip's side as a NETWORK:CHECKPOINT sees it."),
]
BaseFrames = Annotated[
    int | None, typer.Option(min=1, max=256, help="Clips: frames of a clip that a NETWORK:CHECKPOINT sees.")
]
Size = Annotated[
    str, typer.Option(metavar="PIXELS|HEIGHTxWIDTH", help="Of the DDNet's input, such as 112, or for frames 128x64.")
]
Frames = Annotated[
    int | None, typer.Option(min=1, max=64, help="Clips: frames of a clip that the DDNet sees. (default: 8)")
]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Batches to train on. (default: 2000 for clips, 1500 for frames)")
]
Target = Annotated[
    str | None,
    typer.Option(help="Clips: labels (the paper, and the default), head (as --unlabelled), or confidence: the base's."),
]
MaxHeldOut = Annotated[
    int | None, typer.Option(min=0, help="Clips: held-out videos that the card is measured on. (default: 2000)")
]
SharedNames = Annotated[
    bool,
    typer.Option(
        "--shared-names",
        help="Frames: a name is the same person in every DATA; who is held out of one is held out of all.",
    ),
]
Degradations = Annotated[
    str | None,
    typer.Option(help="Frames: what makes them bad: faces (default), tracklets (boxes of a person tracker), or none."),
]
Variants = Annotated[
    int | None, typer.Option(min=0, max=99, help="Frames: degraded variants of every image. (default: 5)")
]
Normalisation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Frames: of the base's input, {' or '.join(NORMALISATIONS)}. (default: what a named network was "
        "published with, imagenet for .onnx)",
    ),
]
CacheGigabytes = Annotated[
    float | None, typer.Option(min=0, help="Clips: disk for frames of training videos. (default: 20)")
]
Fps = Annotated[float | None, typer.Option(help="Clips: frames per second of folders of frames. (default: 30)")]


def distill(
    *,
    data: Data,
    base: Base,
    output: Output,
    elements: Elements = None,
    background: Background = None,
    prefix: Prefix = None,
    unlabelled: Unlabelled = False,
    classes: Classes = None,
    base_size: BaseSize = None,
    base_frames: BaseFrames = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    size: Size = "112",
    frames: Frames = None,
    target: Target = None,
    shared_names: SharedNames = False,
    degradations: Degradations = None,
    variants: Variants = None,
    normalisation: Normalisation = None,
    steps: Steps = None,
    batch: Batch = 32,
    learning_rate: LearningRate = 3e-3,
    seed: Seed = 0,
    max_held_out: MaxHeldOut = None,
    work: Work = None,
    device: Device = "auto",
    precision: Precision = "32",
    workers: Workers = 0,
    cache_gigabytes: CacheGigabytes = None,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    fps: Fps = None,
    quiet: Quiet = False,
) -> None:
    """Distil a DDNet for a base of yours: what is discriminable for it, learnt from its own training data.

    For clips, DATA is as for train-base; with --unlabelled any folder or list of videos. For frames of faces or
    persons, DATA holds a folder of images per identity, or images named IDENTITY_*.jpg; they are degraded on purpose.
    Where DATA holds no train/ and val/, a fifth of every class, or of the identities, is held out.

    Writes the weights, a card with what was measured on held-out data, and the D-scores of all training elements as
    Parquet in the work folder. A run that was stopped goes on when the same command is given again; torchrun starts it
    in several processes.
    """
    arguments: dict[str, Any] = {**locals(), "size": _size(size), "classes": classes and read_classes(classes)}
    quiet, work = arguments.pop("quiet") or not is_first_process(), work or output.with_suffix(".work")
    in_recipe = ("clip_duration", "stride", "frames", "target", "degradations", "variants", "steps")
    given = {name: value for name, value in arguments.items() if name not in in_recipe or value is not None}
    failures = Failures("files", quiet=not is_first_process())
    with stoppable(work, quiet=failures.quiet), ProgressDisplay(quiet) as display:
        result = distill_ddnet(**given, command=command(), progress=display, on_error=failures.add)
    if failures.quiet:
        return
    failures.what = "videos" if result.elements == "clips" else "images"
    failures.report()
    for doubt in result.doubts:
        stderr().print(Text(f"warning: {printable(doubt)}"))
    if not quiet:
        rho = result.held_out["spearman"]
        found = (
            f"no held-out {result.elements} to rank"
            if rho is None
            else f"Spearman's rho {rho:.3f} on held-out {result.elements}"
        )
        typer.echo(f"{printable(output)}: {found}; {printable(result.card)} says more")
        stderr().print(Text(f"{printable(work)} holds what this run needed (D-scores, logs); delete it when you like"))


def _size(text: str) -> int | tuple[int, int]:
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    check_argument(sides is not None, "size", f"must be PIXELS or HEIGHTxWIDTH, such as 112 or 128x64, got {text}")
    assert sides is not None
    return (int(sides[1]), int(sides[2])) if sides[2] else int(sides[1])
