"""`clipselect distill-frames`."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.text import Text

from clipselect import __version__
from clipselect.commands.common import check, stderr
from clipselect.commands.distill import four_numbers
from clipselect.commands.options import Device, Quiet
from clipselect.commands.stages import Failures, stage, stoppable
from clipselect.commands.training_options import (
    Batch,
    CheckpointMinutes,
    LearningRate,
    Output,
    Precision,
    Seed,
    Steps,
    Work,
    Workers,
    command,
)
from clipselect.data.degradations import DEGRADATIONS, Kind
from clipselect.data.identities import read_identities
from clipselect.data.splits import Split, short_name
from clipselect.media.files import make_folder, write_whole
from clipselect.media.text import printable
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import Contrast, Metric
from clipselect.scoring.checkpoint import save_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.cards import frame_ddnet_card
from clipselect.training.ddnet_training import Loss
from clipselect.training.frame_distillation import FrameRecipe, distil_frames, features_of
from clipselect.training.frame_features import Variants
from clipselect.training.frame_held_out import frame_quality
from clipselect.training.loop import TrainingConfig
from clipselect.training.run import check_outputs
from clipselect.training.runtime import launch
from clipselect.zoo.embedder import NORMALISATIONS
from clipselect.zoo.embedder_loading import load_embedder

Normalisation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Of the base's input: {' or '.join(NORMALISATIONS)}. (default: what a named network was published with, "
        "imagenet for .onnx)",
    ),
]


def distill_frames(
    *,
    data: Annotated[
        list[Path], typer.Option(metavar="DIR", help="Folder of images per identity; may be given several times.")
    ],
    base: Annotated[
        str,
        typer.Option(
            metavar="NETWORK:CHECKPOINT|FILE.onnx|FILE.py:NAME", help="The trained network to distil for; not modified."
        ),
    ],
    output: Output,
    shared_names: Annotated[
        bool,
        typer.Option(
            "--shared-names", help="A name is the same person in every DATA; who is held out of one is held out of all."
        ),
    ] = False,
    degradations: Annotated[
        str, typer.Option(help="What makes frames bad: faces, tracklets (boxes of a person tracker), or none.")
    ] = "faces",
    variants: Annotated[int, typer.Option(min=0, max=99, help="Degraded variants of every image.")] = 5,
    normalisation: Normalisation = None,
    size: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Pixels that the DDNet sees.")] = "112x112",
    widths: Annotated[str, typer.Option(help="Channels of the DDNet's four stages.")] = "8,16,32,48",
    depths: Annotated[str, typer.Option(help="Blocks of the DDNet's four stages.")] = "2,2,2,2",
    stem_stride: Annotated[int, typer.Option(min=1, max=4, help="Stride of the DDNet's stem.")] = 1,
    steps: Steps = 1500,
    batch: Batch = 32,
    learning_rate: LearningRate = 3e-3,
    seed: Seed = 0,
    loss: Annotated[
        str, typer.Option(help="mse (eq. 6), ranking, or both: eq. 6 with a little of the other.")
    ] = "both",
    metric: Annotated[
        str, typer.Option(help="euclidean, or cosine as in the paper, which did worse on sets.")
    ] = "euclidean",
    contrast: Annotated[str, typer.Option(help="ratio (eq. 3) or difference.")] = "ratio",
    work: Work = None,
    device: Device = "auto",
    precision: Precision = "32",
    workers: Workers = 0,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    quiet: Quiet = False,
) -> None:
    """Distil a DDNet for single frames, of faces or of persons: which ones your embedder can tell apart.

    DATA holds one folder of images per identity (in train/ and val/, or without, then a fifth of the identities is held
    out), or images named IDENTITY_*.jpg. Good images are spoilt on purpose, so that the DDNet learns what bad ones look
    like. Writes the weights, a card with what was measured on held-out identities, and the D-scores of all training
    elements as Parquet in the work folder. A run that was stopped goes on when the same command is given again.
    """
    for option, value, known in (
        ("--loss", loss, get_args(Loss)),
        ("--metric", metric, get_args(Metric)),
        ("--contrast", contrast, get_args(Contrast)),
        ("--degradations", degradations, (*DEGRADATIONS, "none")),
    ):
        check(value in known, f"{option} must be one of {', '.join(known)}, got {value}")
    config = DDNetConfig(2, four_numbers(widths, "--widths"), four_numbers(depths, "--depths"), stem_stride)
    sides = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
    check(
        sides is not None and all(16 <= int(side) <= 512 for side in sides.groups()),
        f"--size must be HEIGHTxWIDTH with both in [16, 512], such as 112x112, got {size}",
    )
    assert sides is not None
    check_outputs(output)
    work = work or output.with_suffix(".work")
    make_folder(work)
    runtime = launch(device, precision, work / "logs")
    quiet = quiet or not runtime.is_global_zero
    network = load_embedder(base, str(runtime.device), normalisation=normalisation)
    images, held_out = (read_identities(data, split, shared_names=shared_names) for split in get_args(Split))
    recipe = FrameRecipe(
        config,
        InputSpec(int(sides[1]), int(sides[2]), *NORMALISATIONS["half"]),
        Variants(None if degradations == "none" else cast(Kind, degradations), variants, seed),
        TrainingConfig(steps, batch, learning_rate, 0.02, seed, checkpoint_minutes, workers),
        cast(Loss, loss),
        cast(Metric, metric),
        cast(Contrast, contrast),
    )
    failures = Failures(quiet=not runtime.is_global_zero, what="images")
    stages = partial(stage, quiet=quiet)
    with stoppable(work, runtime.is_global_zero):
        scorer = distil_frames(network, images, recipe, runtime, work, stages=stages, failed=failures.add)
        metadata = {
            "kind": "ddnet",
            "name": output.stem,
            **scorer.metadata,
            "data": ", ".join(map(short_name, data)),
            "clipselect": __version__,
            "command": command(),
            "failed": failures.count,
            "held_out": None,
        }
        if runtime.is_global_zero:
            save_weights(output, scorer.net.state_dict(), metadata)  # before anything else can fail
        features = features_of(
            network, held_out, recipe.variants, work / "features_held_out", runtime, stages, failures.add
        )
        if not runtime.is_global_zero:
            return
        with stages("held-out images", len(held_out.paths)) as progress:
            measured = frame_quality(features, scorer, recipe.metric, recipe.contrast, progress.over)
        metadata |= {"failed": failures.count, "held_out": measured}
        save_weights(output, scorer.net.state_dict(), metadata)
        write_whole(output.with_suffix(".md"), frame_ddnet_card(metadata))
    failures.tell()
    if measured["elements"] > 1 and measured["constant"]:
        stderr().print(Text(f"warning: {scorer.name} gives all images the same score: it has learnt nothing"))
    if not quiet:
        rho = measured["spearman"]
        found = "no held-out images to rank" if rho is None else f"Spearman's rho {rho:.3f} on held-out identities"
        typer.echo(f"{printable(output)}: {found}; {printable(output.with_suffix('.md'))} says more")
        stderr().print(Text(f"{printable(work)} holds what this run needed (D-scores, logs); delete it when you like"))
