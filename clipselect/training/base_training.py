"""Training a base from labelled videos: small, honest, and enough for those who have none."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.data.datasets import LabelledVideo, read_background, read_dataset
from clipselect.errors import check_argument
from clipselect.media.candidate_clips import Seconds, exact_seconds
from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import save_weights
from clipselect.training.augment import normalised
from clipselect.training.base_examples import BaseExamples, durations_of, find_background, find_footage, fingerprint_of
from clipselect.training.cards import base_card
from clipselect.training.clip_elements import clip_outputs
from clipselect.training.frame_cache import frame_cache
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.run import TrainingRun, TrainResult, to_half_precision
from clipselect.training.training_call import TrainingCall
from clipselect.zoo.base import MEAN, STD, Base
from clipselect.zoo.networks import NETWORKS

LABEL_SMOOTHING = 0.05
WEIGHT_DECAY = 0.05


def train_base(
    data: Path | str,
    output: Path | str,
    *,
    network: str = "narrow_slow",
    background: Path | str | None = None,
    prefix: Path | str | None = None,
    clip_duration: Seconds | None = None,
    size: int | None = None,
    frames: int | None = None,
    base_geometry: str | None = None,
    steps: int = 1500,
    batch: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
    work: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    workers: int = 0,
    cache_gigabytes: float = 20.0,
    checkpoint_minutes: float = 5.0,
    fps: float = 30.0,
    overwrite: bool = False,
    command: str | None = None,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> TrainResult:
    """Train a base from labelled videos and measure it on held-out ones. The same arguments give the same weights.

    Called again with the same arguments, a run that was stopped or killed continues. Under `torchrun` every process
    calls this; all get the same result, and only the first one reports.

    >>> result = train_base("videos", "base.safetensors", network="narrow_r3d", steps=500)      # doctest: +SKIP
    >>> result.metadata["accuracy"]                                                             # doctest: +SKIP
    {'top1': 61.5, 'videos': 130}

    Args:
        data: folder with one folder of videos per class, a list, or JSON; see `clipselect.data.datasets`.
        output: the weights to write, as FILE.safetensors; the card goes beside them as FILE.md.
        network: a name of `clipselect.zoo.networks.NETWORKS`.
        background: folder of videos that show none of the classes, in one folder per domain; they become a
            further output of the base.
        prefix: folder that the paths of a list or the files of a JSON are relative to.
        clip_duration: seconds of a clip; by default what the network is made for.
        size, frames: a clip is [3, frames, size, size]; by default what the network is made for.
        base_geometry: what the base sees of a frame, see `clipselect.media.geometry.Geometry`; by default the whole
            frame squashed. It is trained on random crops of the same scale, and remembers how it was trained.
        steps: number of batches.
        batch: clips in a batch, over all processes.
        learning_rate: the highest of the one-cycle schedule.
        seed: of everything random, in [0, 2**32).
        work: folder for checkpoints, cached frames and TensorBoard logs, which may be deleted afterwards; by default
            beside the output, as FILE.work.
        device: "auto", "cpu", "cuda", "cuda:1", ...
        precision: "32", "bf16", or "auto" for bf16 where the hardware is fast at it.
        workers: processes that prepare batches, for every training process; 0 prepares them in between.
        cache_gigabytes: disk space for frames of training videos; what does not fit is decoded every time.
        checkpoint_minutes: time between checkpoints.
        fps: frames per second of folders of frames.
        overwrite: replace finished weights that other arguments made.
        command: how to make the weights again, as the card says it; by default this call.
        progress: called with how far the work is.
        on_error: called with the path of every video that is left out, and why.

    Raises:
        ArgumentError: an argument out of its range.
        ClipselectError: data, output or work folder that cannot be used, a class without readable videos, a loss that
            is not a number.
    """
    call = TrainingCall.from_arguments(train_base, locals())
    check_argument(network in NETWORKS, "network", f"must be one of {', '.join(NETWORKS)}, got {network}")
    architecture = NETWORKS[network]
    length = exact_seconds(architecture.seconds if clip_duration is None else clip_duration, "clip_duration")
    size, frames = architecture.size if size is None else size, architecture.frames if frames is None else frames
    check_argument(32 <= size <= 1024, "size", f"must lie in [32, 1024], got {size}")
    check_argument(1 <= frames <= 256, "frames", f"must lie in [1, 256], got {frames}")
    geometry = SQUASH if base_geometry is None else Geometry.parse(base_geometry, size)
    input_spec = InputSpec(size, size, MEAN, STD, frames, geometry)
    config = TrainingConfig(steps, batch, learning_rate, WEIGHT_DECAY, seed, checkpoint_minutes, workers)
    read = [data, background] if background else [data]
    call.check_outputs(read)
    dataset = read_dataset(data, "train", prefix=prefix)
    held_out = read_dataset(data, "val", prefix=prefix, classes=dataset.classes)
    domains = [*read_background(background, "train").values()] if background else []
    run = TrainingRun.begin(call)
    run.report_missing([*dataset.missing, *held_out.missing])
    cache = frame_cache(run.work, input_spec, length, cache_gigabytes, fps)
    paths = [video.path for video in dataset.videos] + [path for domain in domains for path in domain]
    durations = run.runtime.from_first(lambda: durations_of(paths, cache, run.progress, run.left_out))
    footage = find_footage(dataset.videos, dataset.classes, durations)
    elsewhere = find_background(domains, durations)
    torch.manual_seed(seed)
    trained = train(
        architecture.build(len(dataset.classes) + bool(elsewhere)),
        BaseExamples(cache, footage, elsewhere, length, input_spec, batch, steps, seed),
        base_loss,
        config,
        run.runtime,
        checkpoint=run.work / "base.ckpt",
        settings={
            "network": network,
            "classes": dataset.classes,
            "clip_duration": str(length),
            **asdict(input_spec),
            "config": asdict(config.deterministic_part()),
            "footage": fingerprint_of([*footage, *elsewhere]),
        },
        stage="training the base",
        progress=run.progress,
    )

    def measure_and_write() -> TrainResult:
        tensors = to_half_precision(trained)
        metadata = {
            **run.origin("base", dataset.name, seed, steps),
            "network": network,
            "outputs": len(dataset.classes) + bool(elsewhere),
            "classes": dataset.classes,
            **asdict(input_spec),
            "clip_duration": float(length),
            "accuracy": None,
        }
        save_weights(run.output, tensors, metadata)  # before anything else can fail
        base = Base.from_module(
            trained, input_spec, float(length), name=run.output.stem, classes=dataset.classes,
            device=str(run.runtime.device),
        )  # fmt: skip
        videos = tracked(held_out.videos, "the held-out videos", len(held_out.videos), run.progress)
        measured = accuracy(base, videos, fps, run.left_out)
        metadata["accuracy"] = {"top1": measured.top1, "videos": measured.videos}
        return run.finish(tensors, metadata, base_card(metadata, measured.confusion))

    return run.runtime.from_first(measure_and_write)


def base_loss(net: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of clips [n, 3, T, size, size] in [0, 1] with labels [n]."""
    logits = net(normalised(inputs, MEAN, STD))
    return nn.functional.cross_entropy(logits.float(), labels, label_smoothing=LABEL_SMOOTHING)


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy in percent over whole videos, the mean over all their clips.

    Attributes:
        top1: None where not one video could be read.
        videos: that could be read.
        confusion: [classes, classes] counts, true class by answer; background is never an answer.
    """

    top1: float | None
    videos: int
    confusion: NDArray[np.int64]


def accuracy(base: Base, videos: Iterable[LabelledVideo], fps: float, on_error: OnError) -> Accuracy:
    """How often the base is right about videos that it was not trained on."""
    confusion = np.zeros((len(base.classes), len(base.classes)), dtype=np.int64)
    right = total = 0
    for video in videos:
        try:
            outputs = clip_outputs(open_source(video.path, fps=fps), base, base.clip_duration)
        except UNREADABLE as e:
            on_error(video.path, as_clipselect_error(video.path, e))
            continue
        answer = int(outputs.probabilities.mean(0).argmax())
        confusion[video.label, answer] += 1
        right += answer in video.labels
        total += 1
    return Accuracy(100 * right / total if total else None, total, confusion)
