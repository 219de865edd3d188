"""Features of all training elements, kept in files of a few videos each, so that neither memory nor a crash matters.

    WORK/features/settings.json     what they were made with
    WORK/features/000000.npz        features and more of the elements of the first videos, see `Elements`
    ...

Any number of processes can share the work; each takes every so-many-th file.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from clipselect.datasets import LabelledVideo
from clipselect.errors import ClipselectError
from clipselect.features import UNREADABLE, ClipOutputs, clip_outputs, unreadable
from clipselect.files import write_whole
from clipselect.grid import Clip, Seconds
from clipselect.sources import open_source
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
    def count(self) -> int:
        """How many files there are when all is done."""
        return -(-len(self.videos) // VIDEOS_PER_FILE)

    def videos_of(self, share: tuple[int, int]) -> int:
        """How many videos a process has to see to; `share` is its rank and the number of processes."""
        numbers = range(share[0], self.count, share[1])
        return sum(min(VIDEOS_PER_FILE, len(self.videos) - number * VIDEOS_PER_FILE) for number in numbers)

    def errors(self) -> dict[str, str]:
        """Why videos could not be read, by path, once all is done."""
        return {path: why for number in range(self.count) for path, why in self._errors(number).items()}

    def prepare(self) -> None:
        """Make the folder, or see that the one that is there belongs to this run.

        Raises:
            ClipselectError: features of other settings.
        """
        prepare_folder(self.folder, self.settings)

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
        for number in range(share[0], self.count, share[1]):
            first = number * VIDEOS_PER_FILE
            videos = self.videos[first : first + VIDEOS_PER_FILE]
            known = self._path(number).exists()
            before, failed_before = self._read(number) if known else (None, {})
            parts, errors = [before] if before else list[Elements](), dict[str, str]()
            for index, video in enumerate(videos, start=first):
                if not known or video.path in failed_before:  # what failed may have been repaired
                    try:
                        outputs = clip_outputs(open_source(video.path, fps=fps), base, clip_duration, stride)
                        parts.append(elements_of(index, video, outputs))
                    except UNREADABLE as e:
                        errors[video.path] = unreadable(video.path, e, failed)
                done(1)
            if not known or errors != failed_before:
                self._write(number, parts, errors)

    def __iter__(self) -> Iterator[Elements]:
        """The elements file by file, in the order of the videos; files without any are left out."""
        for number in range(self.count):
            elements, _ = self._read(number)
            if elements is not None:
                yield elements

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"

    def _write(self, number: int, parts: list[Elements], errors: dict[str, str]) -> None:
        arrays: dict[str, NDArray[Any]] = {"errors": np.frombuffer(json.dumps(errors).encode(), np.uint8)}
        if parts:
            order = np.argsort(np.concatenate([part.video for part in parts]), kind="stable")
            arrays |= {f.name: np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(Elements)}
        write_arrays(self._path(number), arrays)

    def _read(self, number: int) -> tuple[Elements | None, dict[str, str]]:
        with opened_arrays(self._path(number)) as file:
            elements = Elements(**{f.name: file[f.name] for f in fields(Elements)}) if "video" in file else None
            return elements, json.loads(file["errors"].tobytes())

    def _errors(self, number: int) -> dict[str, str]:
        with opened_arrays(self._path(number)) as file:
            errors: dict[str, str] = json.loads(file["errors"].tobytes())
            return errors


def prepare_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Make a folder for features, or see that the one that is there was made with the same settings.

    Raises:
        ClipselectError: features of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "settings.json"
    text = json.dumps(settings, sort_keys=True)
    if about.exists() and about.read_bytes() != text.encode():
        raise ClipselectError(f"{folder}: features of another base, data or clips; give another --work, or delete it")
    write_whole(about, text)


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """An .npz file, whole or not at all."""
    part = path.with_suffix(".part.npz")
    try:
        np.savez(part, allow_pickle=False, **arrays)
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise ClipselectError(f"{part}: cannot be written ({e.strerror}); make room and run it again") from e


@contextmanager
def opened_arrays(path: Path) -> Iterator[Any]:
    """The arrays of an .npz file; a ClipselectError that names it if it, or what is read of it, is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as e:
        raise ClipselectError(f"{path}: damaged; delete it and run the same command again") from e


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
