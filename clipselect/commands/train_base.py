"""`clipselect train-base`."""

from dataclasses import asdict
from typing import Annotated

import torch
import typer

from clipselect import __version__
from clipselect.commands.common import check
from clipselect.commands.options import ClipDuration, Device, Fps, Quiet
from clipselect.commands.outputs import make_folder
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
    check_outputs,
    command,
    frame_cache,
)
from clipselect.data.datasets import read_background, read_dataset
from clipselect.media.candidates import exact_seconds
from clipselect.media.files import write_whole
from clipselect.media.text import printable
from clipselect.scoring.checkpoint import save_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.base_training import (
    BaseExamples,
    accuracy,
    base_loss,
    find_background,
    find_footage,
    fingerprint_of,
)
from clipselect.training.cards import base_card, share
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.runtime import launch
from clipselect.zoo.base import MEAN, STD, Base
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
    check(network in NETWORKS, f"--network must be one of {', '.join(NETWORKS)}, got {network}")
    architecture = NETWORKS[network]
    length = exact_seconds(architecture.seconds if clip_duration is None else clip_duration, "--clip-duration")
    size, frames = architecture.size if size is None else size, architecture.frames if frames is None else frames
    check(32 <= size <= 1024, f"--size must lie in [32, 1024], got {size}")
    check(1 <= frames <= 256, f"--frames must lie in [1, 256], got {frames}")
    input_spec = InputSpec(size, size, MEAN, STD, frames)
    check_outputs(output)
    work = work or output.with_suffix(".work")
    dataset = read_dataset(data, "train", prefix=prefix)
    held_out = read_dataset(data, "val", prefix=prefix, classes=dataset.classes)
    domains = [*read_background(background, "train").values()] if background else []
    make_folder(work)
    runtime = launch(device, precision, work / "logs")
    store = frame_cache(work, input_spec, length, cache_gigabytes, fps)
    failures = Failures((*dataset.missing, *held_out.missing), quiet=not runtime.is_global_zero)
    quiet = quiet or not runtime.is_global_zero
    with stoppable(work, runtime.is_global_zero):
        paths = len(dataset.videos) + sum(map(len, domains))
        found = None
        if runtime.is_global_zero:  # the others would read the same, and might not agree
            with stage("reading the videos", paths, quiet) as step:
                footage = find_footage(step.over(dataset.videos), dataset.classes, store, failures.add)
                found = footage, find_background(map(step.over, domains), store, failures.add)
        footage, elsewhere = runtime.broadcast(found)
        classes = len(dataset.classes) + bool(elsewhere)
        torch.manual_seed(seed)
        net = architecture.build(classes)
        schedule = TrainingConfig(steps, batch, learning_rate, 0.05, seed, checkpoint_minutes, workers)
        examples = BaseExamples(store, footage, elsewhere, length, input_spec, batch, steps, seed)
        settings = {
            "network": network, "classes": dataset.classes, "clip_duration": str(length), **asdict(input_spec),
            "schedule": [steps, batch, learning_rate, seed], "footage": fingerprint_of([*footage, *elsewhere]),
            "precision": runtime.precision, "processes": runtime.world_size,
        }  # fmt: skip
        with stage("training the base", steps, quiet) as step:
            averaged = train(
                net, examples, base_loss, schedule, runtime,
                checkpoint=work / "base.ckpt", settings=settings,
                progress=lambda now: step.at(now.done, float(now.note.split()[-1])) if now.note else None,
            )  # fmt: skip
        if not runtime.is_global_zero:
            return
        metadata = {
            "kind": "base",
            "name": output.stem,
            "network": network,
            "outputs": classes,
            "classes": dataset.classes,
            **asdict(input_spec),
            "clip_duration": float(length),
            "seed": seed,
            "steps": steps,
            "data": dataset.name,
            "clipselect": __version__,
            "command": command(),
            "accuracy": None,
        }
        halves = {n: t.half() if t.is_floating_point() else t for n, t in averaged.state_dict().items()}
        save_weights(output, halves, metadata)  # before anything else can fail
        averaged.load_state_dict({n: t.to(averaged.state_dict()[n].dtype) for n, t in halves.items()})
        base = Base.from_module(
            averaged, input_spec, float(length), name=output.stem, classes=dataset.classes, device=str(runtime.device)
        )
        with stage("the held-out videos", len(held_out.videos), quiet) as step:
            measured = accuracy(base, step.over(held_out.videos), fps, failures.add)
        metadata["accuracy"] = {"top1": measured.top1, "videos": measured.videos}
        save_weights(output, halves, metadata)
        write_whole(output.with_suffix(".md"), base_card(metadata, measured.confusion))
    failures.tell()
    if not quiet:
        typer.echo(
            f"{printable(output)}: {network}, {len(dataset.classes)} classes, top-1 {share(measured.top1)} on "
            f"{measured.videos} held-out videos"
        )
