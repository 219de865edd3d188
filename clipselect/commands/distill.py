"""`clipselect distill`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.text import Text

from clipselect import __version__
from clipselect.commands.common import check, stderr
from clipselect.commands.options import ClipDuration, Device, Fps, Quiet, Stride
from clipselect.commands.stages import Failures, stage, stoppable
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
from clipselect.data.datasets import Dataset, LabelledVideo, read_background, read_dataset
from clipselect.data.splits import Split
from clipselect.data.unlabelled import read_unlabelled_split
from clipselect.media.candidates import exact_seconds
from clipselect.media.files import make_folder, write_whole
from clipselect.media.text import printable
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import Contrast, Metric
from clipselect.scoring.checkpoint import Metadata, save_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.scorer import Scorer
from clipselect.training.cards import ddnet_card
from clipselect.training.ddnet_training import Loss
from clipselect.training.distillation import Recipe, distil
from clipselect.training.frame_cache import frame_cache
from clipselect.training.held_out import outputs_of, quality
from clipselect.training.loop import TrainingConfig
from clipselect.training.run import check_outputs
from clipselect.training.runtime import launch
from clipselect.training.targets import Target
from clipselect.zoo.base import MEAN, STD, Base
from clipselect.zoo.loading import load_base, read_classes


def distill(
    *,
    data: Data,
    base: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH|NETWORK:CHECKPOINT|FILE.py:NAME", help="The trained network to distil for; not modified."
        ),
    ],
    output: Output,
    background: Background = None,
    prefix: Prefix = None,
    unlabelled: Annotated[
        bool,
        typer.Option("--unlabelled", help="Use no labels: the base's own answers and its head's rows stand for them."),
    ] = False,
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of a checkpoint's outputs in their order, one a line.")
    ] = None,
    base_size: Annotated[
        int | None, typer.Option(min=32, max=1024, help="Pixels of a clip's side as a NETWORK:CHECKPOINT sees it.")
    ] = None,
    base_frames: Annotated[
        int | None, typer.Option(min=1, max=256, help="Frames of a clip that a NETWORK:CHECKPOINT sees.")
    ] = None,
    clip_duration: ClipDuration = None,
    stride: Stride = None,
    size: Annotated[int, typer.Option(min=32, max=512, help="Pixels of a clip's side that the DDNet sees.")] = 112,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Frames of a clip that the DDNet sees.")] = 8,
    widths: Annotated[str, typer.Option(help="Channels of the DDNet's four stages.")] = "8,16,32,48",
    depths: Annotated[str, typer.Option(help="Blocks of the DDNet's four stages.")] = "2,2,2,2",
    stem_stride: Annotated[int, typer.Option(min=1, max=4, help="Spatial stride of the DDNet's stem.")] = 2,
    steps: Steps = 2000,
    batch: Batch = 32,
    learning_rate: LearningRate = 3e-3,
    seed: Seed = 0,
    loss: Annotated[
        str, typer.Option(help="mse (eq. 6), ranking, or both: eq. 6 with a little of the other.")
    ] = "both",
    target: Annotated[
        str, typer.Option(help="labels (the paper), head (as --unlabelled), or confidence: the base's own.")
    ] = "labels",
    metric: Annotated[str, typer.Option(help="cosine (the paper) or euclidean.")] = "cosine",
    contrast: Annotated[str, typer.Option(help="ratio (eq. 3) or difference.")] = "ratio",
    max_held_out: Annotated[int, typer.Option(min=0, help="Held-out videos that the card is measured on.")] = 2000,
    work: Work = None,
    device: Device = "auto",
    precision: Precision = "32",
    workers: Workers = 0,
    cache_gigabytes: CacheGigabytes = 20.0,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    fps: Fps = 30.0,
    quiet: Quiet = False,
) -> None:
    """Distil a DDNet for a base of yours: what is discriminable for it, learnt from its own training videos.

    DATA as for train-base; with --unlabelled any folder or list of videos. Writes the weights, a card with what was
    measured on held-out videos, and the D-scores of all training clips as Parquet in the work folder. A run that was
    stopped goes on when the same command is given again; torchrun starts it in several processes.
    """
    target = "head" if unlabelled and target == "labels" else target
    for option, value, known in (
        ("--loss", loss, get_args(Loss)),
        ("--target", target, get_args(Target)),
        ("--metric", metric, get_args(Metric)),
        ("--contrast", contrast, get_args(Contrast)),
    ):
        check(value in known, f"{option} must be one of {', '.join(known)}, got {value}")
    config = DDNetConfig(3, four_numbers(widths, "--widths"), four_numbers(depths, "--depths"), stem_stride)
    check_outputs(output)
    work = work or output.with_suffix(".work")
    make_folder(work)
    runtime = launch(device, precision, work / "logs")
    quiet = quiet or not runtime.is_global_zero
    names = read_classes(classes) if classes else None
    network = load_base(base, str(runtime.device), classes=names, size=base_size, frames=base_frames)
    length = exact_seconds(network.clip_duration if clip_duration is None else clip_duration, "clip_duration")
    training, held_out, network = _videos(data, prefix, network, unlabelled, max_held_out)
    videos, domains = _with_background(training.videos, background, "train")
    seen, elsewhere = _with_background(_evenly(held_out.videos, max_held_out), background, "val", max_held_out)
    recipe = Recipe(
        length,
        exact_seconds(length if stride is None else stride, "stride"),
        config,
        InputSpec(size, size, MEAN, STD, frames),
        TrainingConfig(steps, batch, learning_rate, 0.02, seed, checkpoint_minutes, workers),
        cast(Loss, loss),
        cast(Target, target),
        cast(Metric, metric),
        cast(Contrast, contrast),
        fps,
    )
    store = frame_cache(work, recipe.input_spec, length, cache_gigabytes, fps)
    failures = Failures((*training.missing, *held_out.missing), quiet=not runtime.is_global_zero)
    stages = partial(stage, quiet=quiet)
    with stoppable(work, runtime.is_global_zero):
        scorer, measure = distil(
            network, videos, recipe, runtime, store, work, domains=domains, stages=stages, failed=failures.add
        )
        if not runtime.is_global_zero:
            return
        metadata = {
            "kind": "ddnet",
            "name": output.stem,
            **scorer.metadata,
            "data": training.name,
            "clipselect": __version__,
            "command": command(),
            "failed": failures.count,
            "held_out": None,
        }
        save_weights(output, scorer.net.state_dict(), metadata)  # before anything else can fail
        with stages("held-out videos", len(seen)) as progress:
            outputs = outputs_of(
                progress.over(seen), network, scorer, measure, length, recipe.stride, fps, failures.add
            )
        metadata |= {"failed": failures.count, "held_out": quality(outputs, elsewhere, network, scorer, seed)}
        save_weights(output, scorer.net.state_dict(), metadata)
        write_whole(output.with_suffix(".md"), ddnet_card(metadata))
    failures.tell()
    _doubt(scorer, metadata)
    if not quiet:
        rho = metadata["held_out"]["spearman"]
        found = "no held-out clips to rank" if rho is None else f"Spearman's rho {rho:.3f} on held-out clips"
        typer.echo(f"{printable(output)}: {found}; {printable(output.with_suffix('.md'))} says more")
        stderr().print(Text(f"{printable(work)} holds what this run needed (D-scores, logs); delete it when you like"))


def four_numbers(text: str, option: str) -> tuple[int, int, int, int]:
    """Four whole numbers of an option's text, as the shape of a DDNet has them."""
    parts = text.split(",")
    check(
        len(parts) == 4 and all(part.strip().isdecimal() and int(part) >= 1 for part in parts),
        f"{option} must be four whole numbers such as 8,16,32,48, got {text}",
    )
    a, b, c, d = map(int, parts)
    return a, b, c, d


def _doubt(scorer: Scorer, metadata: Metadata) -> None:
    """Say what makes the result doubtful."""
    right, held_out, classes = metadata["base_right_on_training_clips"], metadata["held_out"], metadata["classes"]
    if right is not None and right < min(3 / len(classes), 1 / len(classes) + 0.1):
        stderr().print(
            Text(
                f"warning: the base is right about {100 * right:.1f} % of its own training clips, little more than "
                "chance; are its outputs in the order of the data's classes? --classes names them"
            )
        )
    if held_out["elements"] > 1 and held_out["constant"]:
        stderr().print(Text(f"warning: {scorer.name} gives all clips the same score: it has learnt nothing"))


def _videos(
    data: Path, prefix: Path | None, base: Base, unlabelled: bool, most_held_out: int
) -> tuple[Dataset, Dataset, Base]:
    """Training and held-out videos, and the base with the names of its classes, which a checkpoint does not know."""
    if unlabelled:
        return (*read_unlabelled_split(data, prefix=prefix, most_held_out=most_held_out), base)
    if base.has_names:
        return (
            read_dataset(data, "train", prefix=prefix, classes=base.classes),
            read_dataset(data, "val", prefix=prefix, classes=base.classes),
            base,
        )
    training = read_dataset(data, "train", prefix=prefix)
    if all(name in base.classes for name in training.classes):  # numbers of outputs, as PyTorchVideo's lists have them
        training, named = read_dataset(data, "train", prefix=prefix, classes=base.classes), base
    else:
        named = base.named(training.classes)
    return training, read_dataset(data, "val", prefix=prefix, classes=named.classes), named


def _with_background(
    videos: Sequence[LabelledVideo], folder: Path | None, split: Split, most: int | None = None
) -> tuple[list[LabelledVideo], dict[str, str]]:
    """The videos and those of the background, which have no labels, with the domains of the latter by path."""
    domains = (
        {path: domain for domain, paths in read_background(folder, split).items() for path in paths} if folder else {}
    )
    chosen = _evenly([LabelledVideo(path, ()) for path in domains], len(domains) if most is None else most)
    return [*videos, *chosen], domains


def _evenly(videos: list[LabelledVideo], most: int) -> list[LabelledVideo]:
    return videos if len(videos) <= most else [videos[i * len(videos) // most] for i in range(most)]
