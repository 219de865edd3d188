"""The outputs of the base and the DDNet for every frame of a data set, kept on disk."""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data import degradations
from clipselect.errors import ClipselectError, ImageError
from clipselect.evaluation.kept_arrays import Arrays, kept_arrays, states
from clipselect.evaluation.sets.frame_networks import FrameNetworks
from clipselect.media.files import make_folder
from clipselect.media.images import Image, read_image
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.scoring.scorer import Scorer
from clipselect.zoo.embedder import Embedder

FRAMES_PER_FILE = 128
FORMAT = 3
"""Of the cached files; files of another format are not looked at."""
OPTIONAL = ("norms", "mirrored", "dropout")
"""What is known of the frames of some tables."""
ARRAYS = ("frames", "features", "scores", "seconds", "sides", "errors")


@dataclass(frozen=True)
class Quality:
    """What a scorer in the place of the DDNet says of the frames of a table, see
    `clipselect.evaluation.sets.quality_scores`.

    Attributes:
        scores: [m] float32.
        seconds: per frame, from the decoded image on.
        gflops: 10^9 multiply-adds per frame; None where they are not known.
    """

    scores: NDArray[np.float32]
    seconds: float
    gflops: float | None


@dataclass(frozen=True)
class FrameTable:
    """All frames that can be read.

    Attributes:
        frames: [m] int64, their places in the list of paths.
        features: [m, d] float32, of length 1; or 0 where the base gives 0.
        scores: [m] float32.
        seconds_base, seconds_ddnet: per frame, from the decoded image on.
        seconds_read: per frame, to open and decode its file.
        sides: [m] int64, pixels of the shorter side of every image; None where it was not kept.
        errors: why images could not be read, by path.
        norms: [m] float32, the lengths of the features before they were scaled; None where they were not kept.
        mirrored: [m] float32, cosines of the features of frames and of their mirror images, where they were measured.
        dropout: [m] float32, qualities by `clipselect.zoo.dropout_agreement`, where they were measured.
        seconds_dropout: per frame, of these qualities, what comes before the first dropout included.
        qualities: by method, what it chooses by.
    """

    frames: NDArray[np.int64]
    features: NDArray[np.float32]
    scores: NDArray[np.float32]
    seconds_base: float
    seconds_ddnet: float
    seconds_read: float = 0.0
    sides: NDArray[np.int64] | None = None
    errors: dict[str, str] = field(default_factory=dict)
    norms: NDArray[np.float32] | None = None
    mirrored: NDArray[np.float32] | None = None
    dropout: NDArray[np.float32] | None = None
    seconds_dropout: float = 0.0
    qualities: dict[str, Quality] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, NDArray[Any]]:
        """What methods that need the base may know of the frames, by the name of a field of `Candidates`."""
        names = ("features", *OPTIONAL)
        return {name: values for name in names if (values := getattr(self, name)) is not None}

    @property
    def has_zero_features(self) -> bool:
        """Whether a feature has no direction."""
        return not bool(self.features.any(axis=1).all())

    def groups(self, groups: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
        """Rows of this table for groups of places in the list of paths; what cannot be read is left out."""
        row = {place: i for i, place in enumerate(self.frames.tolist())}
        return [np.array([row[place] for place in group if place in row], dtype=np.int64) for group in groups]


@dataclass(frozen=True)
class FrameChange:
    """What is done to images before the networks see them.

    Attributes:
        apply: (image, place in the list of paths) -> the image that the networks see; a function of its arguments
            alone. An ImageError counts as one of that image.
        identity: names all that decides `apply`, for the cache.
    """

    apply: Callable[[Image, int], Image]
    identity: str


def seen_image(path: str, place: int, change: FrameChange | None) -> Image:
    """The image that the networks see.

    Raises:
        ImageError: it cannot be read, or not be changed.
    """
    return changed(read_image(path), place, change)


def changed(image: Image, place: int, change: FrameChange | None) -> Image:
    """An image after the change, if there is one."""
    return image if change is None else change.apply(image, place)


def degradation_code() -> str:
    """Fingerprint of `clipselect.data.degradations`, for the identity of a `FrameChange` that uses it."""
    return hashlib.sha256(inspect.getsource(degradations).encode()).hexdigest()


def frame_table(
    paths: Sequence[str],
    networks: FrameNetworks,
    change: FrameChange | None = None,
    *,
    flips: bool = False,
    dropout: bool = False,
    cache: Path | None = None,
    stage: str = "frames",
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> FrameTable:
    """Run both networks on every frame.

    Args:
        flips: also on its mirror image.
        dropout: the base also with dropout, see `clipselect.zoo.dropout_agreement`.
        cache: folder for the outputs, `FRAMES_PER_FILE` frames in each file; what is in it is not computed again while
            images, networks and `change` are the same.
        stage: the name that `progress` gets.

    Raises:
        ClipselectError: not one image can be read, or the folder cannot be written to.
    """
    how: dict[str, Any] = {"cache": cache, "progress": progress, "on_error": on_error}
    base = networks.base
    table = _read(paths, base, networks.scorer, change, stage=stage, **how)
    if flips:
        flipped = _read(paths, base, None, mirrored(change), stage=f"{stage}, mirrored", **how)
        table = replace(table, mirrored=flip_agreement(table, flipped))
    if dropout:
        other = _read(paths, networks.base_with_dropout, None, change, stage=f"{stage}, with dropout", **how)
        assert other.norms is not None  # a quality is a feature of one number, above 0
        quality = _aligned(table, other, other.norms)
        table = replace(table, dropout=quality, seconds_dropout=other.seconds_base)
    return table


def _read(
    paths: Sequence[str], base: Embedder, scorer: Scorer | None, change: FrameChange | None, *, cache: Path | None,
    stage: str, progress: ProgressCallback, on_error: OnError,
) -> FrameTable:  # fmt: skip
    """One run of the networks on every frame; without a scorer all scores are 0."""
    if cache is not None:
        make_folder(cache)
    known_by = [FORMAT, base.identity, scorer and scorer.metadata["sha256"], change and change.identity]
    chunks = [range(i, min(i + FRAMES_PER_FILE, len(paths))) for i in range(0, len(paths), FRAMES_PER_FILE)]
    parts = []
    progress(Progress(stage, 0, len(paths)))
    for places in chunks:
        made_of = [known_by, places.start, states(paths[place] for place in places)]
        arrays = kept_arrays(cache, made_of, ARRAYS, partial(_outputs, paths, places, base, scorer, change))
        parts.append(arrays)
        for path, why in _errors(arrays).items():
            on_error(path, ImageError(why))
        progress(Progress(stage, places.stop, len(paths)))
    return _joined(parts, len(paths))


def stacked(tables: Sequence[FrameTable], count: int) -> FrameTable:
    """Tables of the same list of `count` paths as one: place p of table i becomes place i * count + p."""
    names = ("seconds_base", "seconds_ddnet", "seconds_read", "seconds_dropout")
    seconds: dict[str, Any] = {name: float(np.mean([getattr(t, name) for t in tables])) for name in names}
    frames = np.concatenate([table.frames + i * count for i, table in enumerate(tables)])
    features, scores = (np.concatenate([getattr(t, name) for t in tables]) for name in ("features", "scores"))
    measured = [name for name in OPTIONAL if all(name in table.known for table in tables)]
    errors = {path: why for table in tables for path, why in table.errors.items()}
    known: dict[str, Any] = {name: np.concatenate([table.known[name] for table in tables]) for name in measured}
    qualities = {name: _stacked([table.qualities[name] for table in tables]) for name in tables[0].qualities}
    return FrameTable(frames, features, scores, **seconds, errors=errors, qualities=qualities, **known)


def _stacked(qualities: Sequence[Quality]) -> Quality:
    seconds = float(np.mean([one.seconds for one in qualities]))
    return Quality(np.concatenate([one.scores for one in qualities]), seconds, qualities[0].gflops)


def mirrored(change: FrameChange | None) -> FrameChange:
    """The same change, and then the mirror image."""

    def apply(image: Image, place: int) -> Image:
        return np.ascontiguousarray(changed(image, place, change)[:, ::-1])

    return FrameChange(apply, f"{change.identity if change else ''} mirrored")


def flip_agreement(table: FrameTable, of_mirrored: FrameTable) -> NDArray[np.float32]:
    """[m] cosines of the features of the frames and of their mirror images; 0 for one that could not be read again."""
    return (table.features * _aligned(table, of_mirrored, of_mirrored.features)).sum(axis=1)


def _aligned(table: FrameTable, other: FrameTable, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values [m, ...] of the frames of another table, by the rows of this one; 0 for frames that it lacks."""
    found = np.zeros((len(table.frames), *values.shape[1:]), np.float32)
    found[np.isin(table.frames, other.frames)] = values[other.groups([table.frames.tolist()])[0]]
    return found


def _outputs(
    paths: Sequence[str], places: range, base: Embedder, scorer: Scorer | None, change: FrameChange | None
) -> Arrays:
    kept: list[int] = []
    sides: list[int] = []
    errors: dict[str, str] = {}
    reading = 0.0

    def images() -> Iterator[Image]:
        nonlocal reading
        for i in places:
            began = time.perf_counter()
            try:
                image = read_image(paths[i])
                reading += time.perf_counter() - began
                seen = changed(image, i, change)
            except ImageError as e:
                errors[paths[i]] = str(e)
                continue
            kept.append(i)
            sides.append(min(image.shape[:2]))
            yield seen

    frames = [*images()]
    ticks = [time.perf_counter()]
    features = base.embed(frames) if frames else np.empty((0, base.dim), np.float32)
    ticks.append(time.perf_counter())
    scores = scorer.score_images(frames) if scorer else np.zeros(len(frames), np.float32)
    ticks.append(time.perf_counter())
    return {
        "frames": np.array(kept, dtype=np.int64),
        "features": features,
        "scores": scores,
        "seconds": np.array([*np.diff(ticks), reading]),
        "sides": np.array(sides, dtype=np.int64),
        "errors": np.frombuffer(json.dumps(errors).encode(), np.uint8),
    }


def _errors(arrays: Arrays) -> dict[str, str]:
    errors: dict[str, str] = json.loads(arrays["errors"].tobytes())
    return errors


def _joined(parts: Sequence[Arrays], count: int) -> FrameTable:
    frames, features, scores, sides = (
        np.concatenate([part[name] for part in parts]) for name in ("frames", "features", "scores", "sides")
    )
    errors = {path: why for part in parts for path, why in _errors(part).items()}
    if not len(frames):
        raise ClipselectError(f"not one of the {count} images can be read; the first: {next(iter(errors.values()))}")
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    features = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    # the median over the files: a machine that was busy for a while does not count
    per_frame = [part["seconds"] / len(part["frames"]) for part in parts if len(part["frames"])]
    embedding, scoring, reading = np.median(np.stack(per_frame), axis=0).tolist()
    return FrameTable(frames, features, scores, embedding, scoring, reading, sides, errors, lengths[:, 0])
