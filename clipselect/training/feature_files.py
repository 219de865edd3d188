"""Features of all training elements, kept in files of a few videos each, so that neither memory nor a crash matters.

See `clipselect.training.array_files` for the files, and `Elements` for what stands in them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.media.candidates import Clip, Seconds
from clipselect.media.sources import open_source
from clipselect.training.array_files import ArrayFiles, read_arrays
from clipselect.training.features import UNREADABLE, ClipOutputs, clip_outputs, unreadable
from clipselect.zoo.base import Base

VIDEOS_PER_FILE = 16
BACKGROUND = -1
INSIDE = 0.5
"""A clip shows an action if at least this share of it lies within segments of the action."""


@dataclass(frozen=True)
class Elements:
    """Elements of some videos: n clips with what the base says about them.

    Attributes:
        video: [n] int64, index of the video.
        start, end: [n] float64 seconds.
        label: [n] int64, class of the video that a clip stands in; BACKGROUND where that is open.
        shows: [n] int64, class that the clip shows, or BACKGROUND.
        features: [n, d] float32.
        confidence: [n] float32, the base's largest probability.
        likely: [n, 2] int64, the two classes that the base finds most likely.
        predicted: [n] int64, the class that the base finds most likely for the whole video.
    """

    video: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    label: NDArray[np.int64]
    shows: NDArray[np.int64]
    features: NDArray[np.float32]
    confidence: NDArray[np.float32]
    likely: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True)
class FeatureFiles:
    """The files of one training set.

    Attributes:
        settings: what decides the features; another run in the same folder must have the same.
    """

    folder: Path
    videos: Sequence[LabelledVideo]
    settings: dict[str, Any]

    @property
    def files(self) -> ArrayFiles:
        return ArrayFiles(self.folder, len(self.videos), VIDEOS_PER_FILE, self.settings)

    def compute(
        self,
        base: Base,
        clip_duration: Seconds,
        stride: Seconds | None,
        fps: float,
        *,
        share: tuple[int, int] = (0, 1),
        failed: Callable[[str, ClipselectError], Any],
        done: Callable[[int], Any],
    ) -> None:
        """Write all files of this process that are not there yet.

        Args:
            share: rank and number of processes.
            failed: called for every video that cannot be read now; `errors` tells of all.
            done: called with a number of videos whenever so many more are done, in this or an earlier run.

        Raises:
            NetworkError: the base fails.
        """
        for number in self.files.numbers(share):
            known = self.files.path(number).exists()
            before, failed_before = (self._read(number), self.files.errors_of(number)) if known else (None, {})
            parts, errors = [before] if before else list[Elements](), dict[str, str]()
            for index in self.files.places(number):
                video = self.videos[index]
                if not known or video.path in failed_before:  # what failed may have been repaired
                    try:
                        outputs = clip_outputs(open_source(video.path, fps=fps), base, clip_duration, stride)
                        parts.append(elements_of(index, video, outputs))
                    except UNREADABLE as e:
                        errors[video.path] = unreadable(video.path, e, failed)
                done(1)
            if not known or errors != failed_before:
                self.files.write(number, _joined(parts), errors)

    def __iter__(self) -> Iterator[Elements]:
        """The elements file by file, in the order of the videos; files without any are left out."""
        for number in range(self.files.count):
            elements = self._read(number)
            if elements is not None:
                yield elements

    def _read(self, number: int) -> Elements | None:
        arrays = read_arrays(self.files.path(number), [f.name for f in fields(Elements)])
        return Elements(**arrays) if arrays else None


def _joined(parts: list[Elements]) -> dict[str, NDArray[Any]]:
    """The arrays of some elements, in the order of the videos."""
    if not parts:
        return {}
    order = np.argsort(np.concatenate([part.video for part in parts]), kind="stable")
    return {f.name: np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(Elements)}


def elements_of(index: int, video: LabelledVideo, outputs: ClipOutputs) -> Elements:
    """The elements of one video."""
    clips, n = outputs.clips, len(outputs.clips)
    label = video.labels[0] if video.labels else BACKGROUND
    shows = np.array([shown_class(clip, video) for clip in clips], dtype=np.int64)
    likely = outputs.probabilities.topk(min(2, outputs.probabilities.shape[1]), dim=1)
    return Elements(
        video=np.full(n, index),
        start=np.array([float(c.start) for c in clips]),
        end=np.array([float(c.end) for c in clips]),
        label=np.where(shows == BACKGROUND, label, shows),
        shows=shows,
        features=outputs.features.numpy(),
        confidence=likely.values[:, 0].numpy(),
        likely=likely.indices.numpy(),
        predicted=np.full(n, int(outputs.probabilities.mean(0).argmax())),
    )


def shown_class(clip: Clip, video: LabelledVideo) -> int:
    """The class that a clip of a video shows: where segments are known the one whose segments fill most of it together,
    or BACKGROUND if none fills half of it; else that of the video."""
    if not video.segments:
        return video.labels[0] if video.labels else BACKGROUND
    start, end = float(clip.start), float(clip.end)
    filled: dict[int, float] = {}
    filled_to: dict[int, float] = {}
    for s in sorted(video.segments, key=lambda segment: segment.start):
        from_, to = max(start, s.start, filled_to.get(s.label, start)), min(end, s.end)
        if from_ < to:
            filled[s.label] = filled.get(s.label, 0.0) + to - from_
            filled_to[s.label] = to
    label = max(filled, key=lambda label: filled[label], default=BACKGROUND)
    return label if filled.get(label, 0.0) >= INSIDE * (end - start) else BACKGROUND
