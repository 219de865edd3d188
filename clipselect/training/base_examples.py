"""The clips that a base is trained on: footage of classes and of background, and what is drawn from it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.media.progress import ProgressCallback, tracked
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import Augmentation, random_square, training_size
from clipselect.training.frame_cache import FrameCache
from clipselect.training.loop import Example
from clipselect.training.training_examples import Sample, readable_example, rounded

BACKGROUND_PERIOD = 3
"""Every third example of a batch is background, where there is some."""


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

    cache: FrameCache
    classes: list[list[Footage]]
    background: list[list[Footage]]
    clip_duration: Fraction
    input_spec: InputSpec
    batch: int
    steps: int
    seed: int

    def __call__(self, step: int, i: int) -> Example:
        size = training_size(self.input_spec.size, step, self.steps)
        return readable_example(lambda rng: self._draw(i, size, rng), (self.seed, step, i))

    def _draw(self, i: int, size: int, rng: np.random.Generator) -> Sample:
        is_background = bool(self.background) and i % BACKGROUND_PERIOD == 0
        kinds = self.background if is_background else self.classes
        kind = int(rng.integers(len(kinds)))
        footage = kinds[kind][int(rng.integers(len(kinds[kind])))]
        length = min(footage.end - footage.start, self.clip_duration * rounded(rng.uniform(0.8, 1.25)))
        start = footage.start + (footage.end - footage.start - length) * rounded(rng.random())

        def read() -> Tensor:
            clip = self.cache.clip(footage.path, start, length, self.input_spec.clip_frames)
            return Augmentation.draw(rng)(random_square(clip, rng), size)

        return Sample(footage.path, torch.tensor(len(self.classes) if is_background else kind), read)


def durations_of(
    paths: Sequence[str], cache: FrameCache, progress: ProgressCallback, on_error: OnError
) -> dict[str, Fraction]:
    """Seconds of every video that can be read, by path; `on_error` is called with the others."""
    durations: dict[str, Fraction] = {}
    for path in tracked(paths, "reading the videos", len(paths), progress):
        try:
            durations[path] = cache.duration(path)
        except UNREADABLE as e:
            on_error(path, as_clipselect_error(path, e))
    return durations


def find_footage(
    videos: Iterable[LabelledVideo], classes: tuple[str, ...], durations: Mapping[str, Fraction]
) -> list[list[Footage]]:
    """Footage of every class: the segments of its videos, or all of them where segments are not known.

    Args:
        durations: seconds of the videos by path; a video that is not among them is left out.

    Raises:
        ClipselectError: a class without footage.
    """
    found: list[list[Footage]] = [[] for _ in classes]
    for video in videos:
        if (duration := durations.get(video.path)) is None:
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


def find_background(domains: Iterable[Iterable[str]], durations: Mapping[str, Fraction]) -> list[list[Footage]]:
    """Footage of background by domain; what has no duration, and domains of nothing else, are left out."""
    found = [[Footage(path, Fraction(0), durations[path]) for path in paths if path in durations] for paths in domains]
    return [footage for footage in found if footage]


def fingerprint_of(footage: Iterable[Iterable[Footage]]) -> str:
    """SHA-256 of all footage in its order."""
    digest = hashlib.sha256()
    for kind in footage:
        for one in kind:
            digest.update(f"{one.path!r} {one.start} {one.end}".encode("utf-8", "surrogateescape"))
        digest.update(b"|")
    return digest.hexdigest()
