"""Clips as elements: all candidate clips of labelled videos, of background, or of videos without labels."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.datasets import BACKGROUND, LabelledVideo, shown_class
from clipselect.media.candidate_clips import Clip, Seconds
from clipselect.media.clip_decoding import ClipBatch, clip_grid, map_clips
from clipselect.media.sources import Source, open_source
from clipselect.media.text import utf8
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error
from clipselect.training.augment import resized
from clipselect.training.clip_variants import draw_variant, fixed_variant, variant_outputs
from clipselect.training.elements import NO_CENTROID, DDNetExamples, Elements, Target, joined, repeated
from clipselect.training.frame_cache import FrameCache
from clipselect.training.training_examples import Sample, rounded
from clipselect.zoo.base import Base, background_probability


@dataclass(frozen=True)
class ClipOutputs:
    """Outputs of a base for the candidate clips of one video, in time order.

    Attributes:
        clips: [n].
        features: [n, d] float32, the input of the base's head.
        probabilities: [n, classes] float32.
    """

    clips: list[Clip]
    features: Tensor
    probabilities: Tensor


def clip_outputs(source: Source, base: Base, clip_duration: Seconds, stride: Seconds | None = None) -> ClipOutputs:
    """Run the base on every candidate clip of a video; frames are decoded once, memory does not grow with the video
    but for the outputs.

    Raises:
        VideoError: not one frame decodes.
        NetworkError: the base fails.
    """
    spec = base.input_spec

    def run(batch: ClipBatch) -> tuple[Tensor, Tensor]:
        return base.outputs(batch.frames)

    mapped = map_clips(run, source, clip_grid(clip_duration, stride), spec.view_of(source), spec.clip_frames)
    features, probabilities = zip(*mapped.results, strict=True)
    return ClipOutputs(mapped.clips, torch.cat(features), torch.cat(probabilities))


@dataclass(frozen=True)
class ClipElements(Elements):
    """Clips video by video, as they are in time order, then their variants; `label` is the class of the video that a
    clip stands in.

    Attributes:
        variant: [n] int64, 0 for clips as they are, else see `clipselect.training.clip_variants`.
        start, end: [n] float64 seconds.
        shows: [n] int64, class that the clip shows, or BACKGROUND.
        confidence: [n] float32, the base's largest probability.
        likely: [n, 2] int64, the two classes that the base finds most likely.
        predicted: [n] int64, the class that the base finds most likely, half by the clip and half by its whole video.
        background: [n] float32, the base's probability that the clip shows none of its classes; about 0 for a base that
            has no such output.
    """

    variant: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    shows: NDArray[np.int64]
    confidence: NDArray[np.float32]
    likely: NDArray[np.int64]
    predicted: NDArray[np.int64]
    background: NDArray[np.float32]

    @property
    def answers(self) -> NDArray[np.int64]:
        """[n] what the base says that the clips show: a class or BACKGROUND."""
        return np.where(self.background > 0.5, BACKGROUND, self.predicted)

    def pairs(self, target: Target, known: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The label is that of the video, or the base's answer for the clip if the target is "answers".

        Background of no labelled video is paired with four labels: two that the base finds likely, and two at random.
        """
        if target == "confidence":
            return np.arange(len(self.label)), np.where(self.label == BACKGROUND, self.predicted, self.label)
        label = self.answers if target == "answers" else self.label
        fixed, open_rows = np.flatnonzero(label != BACKGROUND), np.flatnonzero(label == BACKGROUND)
        rng = np.random.default_rng([seed, *self.item[:1]])
        drawn = known[rng.integers(len(known), size=(len(open_rows), 2))]
        likely = self.likely[open_rows][:, [0, -1]]
        tried = np.hstack([np.where(np.isin(likely, known), likely, drawn), drawn])
        rows = np.concatenate([fixed, np.repeat(open_rows, tried.shape[1])])
        return rows, np.concatenate([label[fixed], tried.ravel()])

    def columns(self, classes: Sequence[str], rows: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, Any]:
        def names(indices: NDArray[np.int64]) -> list[str | None]:
            return [None if i == BACKGROUND else utf8(classes[i]) for i in indices.tolist()]

        return {
            "video": self.item[rows],
            "variant": self.variant[rows],
            "start": self.start[rows],
            "end": self.end[rows],
            "label": names(labels),
            "shows": names(self.shows[rows]),
            "confidence": self.confidence[rows],
            "predicted": names(self.predicted[rows]),
        }


@dataclass(frozen=True)
class ClipData:
    """The candidate clips of some videos, and the base that they are distilled for.

    Attributes:
        clip_duration, stride: seconds.
        fps: frames per second of folders of frames.
        domains: domain by path of those videos that are background, such as "street".
        variants: further elements of every clip, see `clipselect.training.clip_variants`.
        answers: whether centroids are of what the base says that clips show, not of what labels say.
    """

    videos: Sequence[LabelledVideo]
    base: Base
    clip_duration: Fraction
    stride: Fraction
    fps: float = 30.0
    domains: Mapping[str, str] = field(default_factory=dict)
    variants: int = 0
    answers: bool = False

    element_type: ClassVar[type[ClipElements]] = ClipElements
    items: ClassVar[str] = "videos"
    items_per_file: ClassVar[int] = 16
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("video", pa.int64()), ("path", pa.string()), ("variant", pa.int64()),
            ("start", pa.float64()), ("end", pa.float64()),
            ("label", pa.string()), ("shows", pa.string()), ("discriminability", pa.float64()),
            ("d_score", pa.float64()), ("confidence", pa.float32()), ("predicted", pa.string()),
        ]
    )  # fmt: skip

    @cached_property
    def paths(self) -> list[str]:
        return [video.path for video in self.videos]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.base.classes

    @property
    def settings(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for video in self.videos:
            digest.update(repr((video.path, video.labels, video.segments)).encode("utf-8", "surrogateescape"))
        return {
            "base": self.base.identity,
            "videos": digest.hexdigest(),
            "clip_duration": str(self.clip_duration),
            "stride": str(self.stride),
            "fps": self.fps,
            "variants": self.variants,
        }

    @property
    def required(self) -> frozenset[int]:
        """Those that videos are labelled with; others are classes of the base alone."""
        return frozenset() if self.answers else frozenset(label for video in self.videos for label in video.labels)

    def read(self, items: Iterable[int], on_error: OnError) -> list[ClipElements]:
        found = []
        for item in items:
            video = self.videos[item]
            try:
                source = open_source(video.path, fps=self.fps)
                outputs = clip_outputs(source, self.base, self.clip_duration, self.stride)
                elements = elements_from_outputs(item, video, outputs)
                if self.variants:
                    elements = self._with_variants(source, elements)
            except UNREADABLE as e:
                on_error(video.path, as_clipselect_error(video.path, e))
            else:
                found.append(elements)
        return found

    def _with_variants(self, source: Source, plain: ClipElements) -> ClipElements:
        """The clips of one video and their variants, which stand in the same video and show the same class."""
        spans, item = [*zip(plain.start.tolist(), plain.end.tolist(), strict=True)], int(plain.item[0])
        numbers = range(1, self.variants + 1)
        drawn = [fixed_variant(*span, item, number) for number in numbers for span in spans]
        features, probabilities = variant_outputs(source, self.base, drawn)
        likely = _likely(probabilities)
        variants = replace(
            repeated(plain, self.variants),
            variant=np.repeat(np.array(numbers, dtype=np.int64), len(spans)),
            features=features.numpy(), confidence=likely.values[:, 0].numpy(), likely=likely.indices.numpy(),
        )  # fmt: skip
        return joined([plain, variants])

    @property
    def centroid_count(self) -> int:
        """Of every class, of the background within labelled videos, and of every domain: streets and stadiums share no
        centroid that would mean anything."""
        return len(self.classes) + 1 + len(self._domain_rows)

    def centroid_rows(self, elements: Elements) -> NDArray[np.int64]:
        assert isinstance(elements, ClipElements)
        paths = [self.paths[item] for item in elements.item.tolist()]
        background = [
            self._domain_rows[self.domains[path]] if path in self.domains else len(self.classes) for path in paths
        ]
        shows = elements.answers if self.answers else elements.shows
        rows = np.where(shows == BACKGROUND, np.array(background, dtype=np.int64), shows)
        return np.where(elements.variant == 0, rows, NO_CENTROID)

    @cached_property
    def _domain_rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(sorted(set(self.domains.values())), start=len(self.classes) + 1)}


def elements_from_outputs(item: int, video: LabelledVideo, outputs: ClipOutputs) -> ClipElements:
    """The elements of one video."""
    clips, n = outputs.clips, len(outputs.clips)
    label = video.labels[0] if video.labels else BACKGROUND
    shows = np.array([shown_class(clip, video) for clip in clips], dtype=np.int64)
    likely = _likely(outputs.probabilities)
    return ClipElements(
        item=np.full(n, item),
        label=np.where(shows == BACKGROUND, label, shows),
        features=outputs.features.numpy(),
        variant=np.zeros(n, dtype=np.int64),
        start=np.array([float(c.start) for c in clips]),
        end=np.array([float(c.end) for c in clips]),
        shows=shows,
        confidence=likely.values[:, 0].numpy(),
        likely=likely.indices.numpy(),
        predicted=(outputs.probabilities + outputs.probabilities.mean(0)).argmax(1).numpy(),
        background=background_probability(outputs.probabilities).numpy(),
    )


def _likely(probabilities: Tensor) -> torch.return_types.topk:
    """The two largest of probabilities [n, classes], or the only one."""
    return probabilities.topk(min(2, probabilities.shape[1]), dim=1)


def base_accuracy(parts: Iterable[Elements]) -> float | None:
    """How often the base is right about the training videos, clip by clip, in [0, 1]; None if none have labels."""
    right = total = 0
    for elements in parts:
        assert isinstance(elements, ClipElements)
        labelled = (elements.shows != BACKGROUND) & (elements.variant == 0)
        right += int((elements.likely[labelled, 0] == elements.shows[labelled]).sum())
        total += int(labelled.sum())
    return right / total if total else None


@dataclass
class ClipExamples(DDNetExamples):
    """Clips and their variants as the base saw them, but for flips; without variants, each in one of its own."""

    cache: FrameCache
    has_variants: bool

    COLUMNS = ("video", "variant", "start", "end")

    def draw(self, n: int, height: int, width: int, rng: np.random.Generator) -> Sample:
        item, number, start, end = (self.table[name][n] for name in self.COLUMNS)
        path, frames = self.paths[item], self.input_spec.clip_frames

        def read() -> Tensor:
            if self.has_variants and not number:
                pixels = resized(self.cache.clip(path, rounded(start), rounded(end - start), frames), height)
            else:
                variant = fixed_variant(start, end, int(item), int(number)) if number else draw_variant(start, end, rng)
                pixels = variant.augmentation(self.cache.clip(path, variant.start, variant.length, frames), height)
            return pixels.flip(-1) if rng.random() < 0.5 else pixels

        return Sample(path, self.target(n), read)
