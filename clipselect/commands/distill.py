"""`clipselect distill`."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from clipselect.commands import options
from clipselect.commands.common import print_warning, stderr
from clipselect.commands.progress import Failures, run_training
from clipselect.errors import ArgumentError
from clipselect.media.text import printable

clip_option = partial(typer.Option, rich_help_panel="For clips only")
frame_option = partial(typer.Option, rich_help_panel="For frames only")

Data = Annotated[
    list[Path],
    typer.Option(
        metavar="DIR|LIST|JSON",
        help="For clips a folder of class folders, a list of paths and labels (.csv, .txt), or ActivityNet JSON. "
        "For frames a folder of images per identity; may be given several times.",
    ),
]
Base = Annotated[
    str,
    typer.Option(
        metavar=f"{options.BASE}|FILE.onnx",
        help="The trained network to distil for; not modified.",
    ),
]
Elements = Annotated[
    str | None,
    typer.Option(
        metavar="clips|frames",
        help="What is distilled. (default: what the base is for; for FILE.py:NAME what the data hold)",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS|HEIGHTxWIDTH",
        help="Side of the DDNet's input, or for frames such as 128x64. (default: 80 for clips, 112 for frames)",
    ),
]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Batches to train on. (default: 2000 for clips, 1500 for frames)")
]
Variants = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=99,
        help="Augmented variants of every clip (default: 3), or degraded ones of every image (default: 5), that the "
        "base sees too.",
    ),
]

Unlabelled = Annotated[
    bool, clip_option("--unlabelled", help="Use no labels: the base's own answers are the labels (pseudo-labels).")
]
Classes = Annotated[
    Path | None, clip_option(metavar="FILE", help="Names of a checkpoint's outputs in their order, one a line.")
]
BaseSize = Annotated[
    int | None, clip_option(min=32, max=1024, help="Pixels of a clip's side as a NETWORK:CHECKPOINT sees it.")
]
BaseFrames = Annotated[int | None, clip_option(min=1, max=256, help="Frames of a clip that a NETWORK:CHECKPOINT sees.")]
BaseGeometry = Annotated[
    str | None, clip_option(metavar="GEOMETRY", help=f"{options.BASE_GEOMETRY} {options.TRAINED_ON}")
]
BasePrecision = Annotated[str | None, clip_option(metavar="32|bf16", help=options.BASE_PRECISION)]
Frames = Annotated[int | None, clip_option(min=1, max=64, help="Frames of a clip that the DDNet sees. (default: 4)")]
Target = Annotated[
    str | None,
    clip_option(
        metavar="labels|answers|confidence",
        help="D-scores by the labels (the paper, and the default with labels), by the base's own answers (as "
        "--unlabelled), or its confidence.",
    ),
]
MaxHeldOut = Annotated[
    int | None, clip_option(min=0, help="Held-out videos that the card is measured on. (default: 2000)")
]
CacheGigabytes = Annotated[float | None, clip_option(min=0, help="Disk for frames of training videos. (default: 20)")]
Fps = Annotated[float | None, clip_option(help="Frames per second of folders of frames. (default: 30)")]

SharedNames = Annotated[bool, frame_option("--shared-names", help=options.SHARED_NAMES)]
Degradations = Annotated[
    str | None,
    frame_option(
        metavar="faces|tracklets|none",
        help="What makes frames bad; tracklets are boxes of a person tracker. (default: faces)",
    ),
]
Normalisation = Annotated[
    str | None,
    frame_option(
        metavar="NAME",
        help="How the base's input is normalised: imagenet, half, unit or bytes. (default: what a named network was "
        "published with, imagenet for .onnx)",
    ),
]


def distill(
    *,
    data: Data,
    base: Base,
    output: options.Output,
    elements: Elements = None,
    background: options.Background = None,
    prefix: options.Prefix = None,
    unlabelled: Unlabelled = False,
    classes: Classes = None,
    base_size: BaseSize = None,
    base_frames: BaseFrames = None,
    base_geometry: BaseGeometry = None,
    base_precision: BasePrecision = None,
    clip_duration: options.BaseClipDuration = None,
    stride: options.Stride = None,
    size: Size = None,
    frames: Frames = None,
    target: Target = None,
    shared_names: SharedNames = False,
    degradations: Degradations = None,
    variants: Variants = None,
    normalisation: Normalisation = None,
    steps: Steps = None,
    batch: options.Batch = 32,
    learning_rate: options.LearningRate = 3e-3,
    seed: options.Seed = 0,
    max_held_out: MaxHeldOut = None,
    work: options.Work = None,
    device: options.Device = "auto",
    precision: options.Precision = "32",
    workers: options.Workers = 0,
    cache_gigabytes: CacheGigabytes = None,
    checkpoint_minutes: options.CheckpointMinutes = 5.0,
    overwrite: options.Overwrite = False,
    fps: Fps = None,
    quiet: options.Quiet = False,
) -> None:
    """Distil a DDNet for a base of yours: what is discriminable for it, learnt from its own training data.

    For clips, DATA is as for train-base; with --unlabelled any folder or list of videos. For frames of faces or
    persons, DATA holds a folder of images per identity, or images named IDENTITY_*.jpg; they are degraded on purpose.
    Where DATA holds no train/ and val/, a fifth of every class, or of the identities, is held out.

    Writes the weights, a card with what was measured on held-out data, and the D-scores of all training elements as
    Parquet in the work folder. A run that was stopped goes on when the same command is given again; torchrun starts it
    in several processes.
    """
    arguments: dict[str, Any] = {**locals(), "size": size and _size(size)}
    from clipselect.training.distillation import distill as distill_ddnet
    from clipselect.training.runtime import is_first_process
    from clipselect.zoo.loading import read_classes

    arguments["classes"] = classes and read_classes(classes)
    given = {name: value for name, value in arguments.items() if value is not None}
    failures = Failures(quiet=not is_first_process())
    made = run_training(distill_ddnet, given, failures)
    failures.what = "video" if made.elements == "clips" else "image"
    failures.report()
    if failures.quiet:
        return
    for doubt in made.doubts:
        print_warning(doubt)
    if not quiet:
        rho, what = made.held_out["spearman"], f"held-out {made.elements}"
        found = f"no {what} to rank" if rho is None else f"Spearman's rho {rho:.3f} on {what}"
        typer.echo(f"{printable(made.weights)}: {found}; {printable(made.card)} says more")
        folder = printable(made.d_scores.parent)
        stderr().print(Text(f"{folder} holds what this run needed (D-scores, logs); delete it when you like"))


def _size(text: str) -> int | tuple[int, int]:
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if sides is None:
        raise ArgumentError("size", f"must be PIXELS or HEIGHTxWIDTH, such as 112 or 128x64, got {text}")
    return (int(sides[1]), int(sides[2])) if sides[2] else int(sides[1])
