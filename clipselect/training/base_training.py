"""Training a base from labelled videos: small, honest, and enough for those who have none."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.media.sources import open_source
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import normalised, training_size
from clipselect.training.features import UNREADABLE, clip_outputs, unreadable
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import Example
from clipselect.training.training_examples import TrainingClip, clip_example, rounded
from clipselect.zoo.base import MEAN, STD, Base

BACKGROUND_SHARE = 3
"""Every third example of a batch is background, where there is some."""
SMOOTHING = 0.05


@dataclass(frozen=True)
class Footage:
    """Where one thing can be seen: a window of a video, in seconds."""

    path: str
    start: Fraction
    end: Fraction


@dataclass(frozen=True)
class BaseExamples:
    """The examples that a base is trained on; callable as `clipselect.training.loop.train` wants it.

    Attributes:
        classes: footage of every class, one list per class.
        background: footage of none of them, one list per domain; its label is len(classes).
    """

    store: FrameCache
    classes: list[list[Footage]]
    background: list[list[Footage]]
    clip_duration: Fraction
    input_spec: InputSpec
    batch: int
    steps: int
    seed: int

    def __call__(self, step: int, i: int) -> Example:
        size = training_size(self.input_spec.size, step, self.steps)
        return clip_example(partial(self._draw, i), self.store, self.input_spec.frames, size, (self.seed, step, i))

    def _draw(self, i: int, rng: np.random.Generator) -> TrainingClip:
        is_background = bool(self.background) and i % BACKGROUND_SHARE == 0
        kinds = self.background if is_background else self.classes
        kind = int(rng.integers(len(kinds)))
        footage = kinds[kind][int(rng.integers(len(kinds[kind])))]
        length = min(footage.end - footage.start, self.clip_duration * rounded(rng.uniform(0.8, 1.25)))
        start = footage.start + (footage.end - footage.start - length) * rounded(rng.random())
        return TrainingClip(footage.path, start, length, torch.tensor(len(self.classes) if is_background else kind))


def base_loss(net: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of clips [n, 3, T, size, size] in [0, 1] with labels [n]."""
    logits = net(normalised(inputs, MEAN, STD))
    return nn.functional.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING)


def find_footage(
    videos: Iterable[LabelledVideo],
    classes: tuple[str, ...],
    store: FrameCache,
    failed: Callable[[str, ClipselectError], Any],
) -> list[list[Footage]]:
    """Footage of every class: the segments of its videos, or all of them where segments are not known.

    Args:
        failed: called with the path of every video that cannot be read, which is left out.

    Raises:
        ClipselectError: a class of which not one video can be read.
    """
    found: list[list[Footage]] = [[] for _ in classes]
    for video in videos:
        if (duration := _duration(video.path, store, failed)) is None:
            continue
        if not video.segments:
            found[video.label].append(Footage(video.path, Fraction(0), duration))
        for segment in video.segments:
            start, end = (min(rounded(t), duration) for t in (segment.start, segment.end))
            if start < end:
                found[segment.label].append(Footage(video.path, start, end))
    for name, footage in zip(classes, found, strict=True):
        if not footage:
            raise ClipselectError(f"class {name!r}: not one of its training videos can be read; repair or remove it")
    return found


def find_background(
    domains: Iterable[Iterable[str]], store: FrameCache, failed: Callable[[str, ClipselectError], Any]
) -> list[list[Footage]]:
    """Footage of background by domain; what cannot be read is left out."""
    found = [
        [
            Footage(path, Fraction(0), duration)
            for path in paths
            if (duration := _duration(path, store, failed)) is not None
        ]
        for paths in domains
    ]
    return [footage for footage in found if footage]


def fingerprint_of(footage: Iterable[Iterable[Footage]]) -> str:
    """SHA-256 of all footage in its order."""
    digest = hashlib.sha256()
    for kind in footage:
        for one in kind:
            digest.update(f"{one.path!r} {one.start} {one.end}".encode("utf-8", "surrogateescape"))
        digest.update(b"|")
    return digest.hexdigest()


def _duration(path: str, store: FrameCache, failed: Callable[[str, ClipselectError], Any]) -> Fraction | None:
    try:
        return store.duration(path)
    except UNREADABLE as e:
        unreadable(path, e, failed)
        return None


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy in percent over whole videos, the mean over all their clips.

    Attributes:
        top1: None where not one video could be read.
        videos: that could be read.
        confusion: [classes, outputs] counts, true class by answer.
    """

    top1: float | None
    videos: int
    confusion: np.ndarray[Any, np.dtype[np.int64]]


def accuracy(
    base: Base, videos: Iterable[LabelledVideo], fps: float, failed: Callable[[str, ClipselectError], Any]
) -> Accuracy:
    """How often the base is right about videos that it was not trained on."""
    confusion = np.zeros((len(base.classes), len(base.classes)), dtype=np.int64)
    right = total = 0
    for video in videos:
        try:
            outputs = clip_outputs(open_source(video.path, fps=fps), base, base.clip_duration)
        except UNREADABLE as e:
            unreadable(video.path, e, failed)
            continue
        answer = int(outputs.probabilities.mean(0).argmax())
        confusion[video.label, answer] += 1
        right += answer in video.labels
        total += 1
    return Accuracy(100 * right / total if total else None, total, confusion)
