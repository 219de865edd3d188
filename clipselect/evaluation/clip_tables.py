"""The outputs of both networks for every candidate clip of a video.

The two networks look at the same windows of time, each at its own number and size of frames. A video is decoded once
per network, or once in all where both look at the same frames.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import spread_clips
from clipselect.media.candidate_clips import Clip, Timeline, candidate_clips, frames_to_score
from clipselect.media.clip_decoding import BATCH, ClipBatch, known_clips, map_clips, read_clip, read_frames
from clipselect.media.images import Image
from clipselect.media.scaling import scaled
from clipselect.media.sources import Source
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.scorer import Scorer
from clipselect.zoo.base import Base

Floats = NDArray[np.float32]
Run = Callable[[NDArray[np.uint8]], Floats]
"""A network as a function of a batch of clips."""


@dataclass(frozen=True)
class ClipGrid:
    """Which windows of a video are its candidates.

    Attributes:
        stride: seconds between the starts of candidates; None for the clip duration.
        dense: at most this many: spread evenly over the video, unless a stride is given that makes do with fewer.
        exactly: this many, spread evenly, even if some are the same.
    """

    clip_duration: Fraction
    stride: Fraction | None = None
    dense: int | None = None
    exactly: int | None = None

    def clips(self, timeline: Timeline) -> list[Clip]:
        """The candidates in time order; at least one."""
        if self.exactly is not None:
            return spread_clips(timeline, self.clip_duration, self.exactly)
        if self.dense is None or self.stride is not None:
            grid = candidate_clips(timeline, self.clip_duration, self.stride)
            if self.dense is None or len(grid) <= self.dense:
                return grid
        spread = spread_clips(timeline, self.clip_duration, self.dense)
        return [*{(clip.first, clip.last): clip for clip in spread}.values()]


@dataclass(frozen=True)
class Networks:
    """The two networks; with 3 views the base sees three square crops of a clip instead of one squashed picture."""

    scorer: Scorer
    base: Base
    views: int = 1

    def probabilities(self, clips: NDArray[np.uint8]) -> Floats:
        """[b, T, size, size, 3], or with views [b, T, 3, size, size, 3] -> [b, classes], the mean over the views."""
        views = clips if self.views == 1 else clips.swapaxes(1, 2).reshape(-1, clips.shape[1], *clips.shape[3:])
        return self.base.probabilities(views).numpy().reshape(len(clips), self.views, -1).mean(axis=1)


@dataclass(frozen=True)
class VideoTable:
    """The outputs of both networks for the n candidate clips of one video.

    Attributes:
        spans: [n, 2] seconds from the first frame.
        scores: [n] float32.
        probabilities: [n, classes] float32, the mean over the views.
    """

    spans: NDArray[np.float64]
    scores: Floats
    probabilities: Floats


@dataclass
class Stopwatch:
    """Wall time in the networks; what is left of the total is decoding, or waiting for it."""

    begin: float = field(default_factory=time.perf_counter)
    networks: dict[str, float] = field(default_factory=lambda: {"ddnet": 0.0, "base": 0.0})

    def timed(self, network: str, run: Run) -> Run:
        """The same function, with its seconds counted."""

        def counted(clips: NDArray[np.uint8]) -> Floats:
            tick = time.perf_counter()
            outputs = run(clips)
            self.networks[network] += time.perf_counter() - tick
            return outputs

        return counted

    def stop(self) -> dict[str, float]:
        """Seconds under "total", "decode", "ddnet" and "base"."""
        total = time.perf_counter() - self.begin
        return {"total": total, "decode": total - sum(self.networks.values()), **self.networks}


def video_table(source: Source, grid: ClipGrid, networks: Networks) -> VideoTable:
    """Both networks on every candidate.

    Raises:
        VideoError: not one frame decodes.
    """
    own, bases = networks.scorer.input_spec, networks.base.input_spec
    if networks.views == 1 and (own.size, own.frames) == (bases.size, bases.frames):
        runs = [networks.scorer.score, networks.probabilities]
        source, clips, (scores, probabilities) = _pass(source, grid, own, runs)
    else:
        source, clips, scores = score_pass(source, grid, networks, Stopwatch())
        probabilities = base_pass(source, clips, networks, Stopwatch())
    spans = np.array([(clip.start, clip.end) for clip in clips], dtype=np.float64)
    return VideoTable(spans, scores, probabilities)


def score_pass(
    source: Source, grid: ClipGrid, networks: Networks, watch: Stopwatch
) -> tuple[Source, list[Clip], Floats]:
    """The source as it really decodes, its candidates, and their scores [n]; one pass over the video."""
    scorer = networks.scorer
    source, clips, (scores,) = _pass(source, grid, scorer.input_spec, [watch.timed("ddnet", scorer.score)])
    return source, clips, scores


def base_pass(source: Source, clips: list[Clip], networks: Networks, watch: Stopwatch) -> Floats:
    """Probabilities [n, classes] of known clips of a source, in one pass over it."""
    spec, run = networks.base.input_spec, watch.timed("base", networks.probabilities)
    seen: Source = source if networks.views == 1 else ThreeCrops(source)
    cut = known_clips(source, clips)
    return np.concatenate(map_clips(lambda b: run(b.frames), seen, cut, spec.size, spec.clip_frames).results)


def base_by_seeking(source: Source, clips: list[Clip], networks: Networks, watch: Stopwatch) -> Floats:
    """The same as `base_pass` for few clips: each is decoded by seeking to it."""
    run = watch.timed("base", networks.probabilities)
    batches = [clips[i : i + BATCH] for i in range(0, len(clips), BATCH)]
    return np.concatenate([run(np.stack([_read(source, clip, networks) for clip in batch])) for batch in batches])


@dataclass(frozen=True)
class ThreeCrops:
    """A source whose frames are three square crops, [3, size, size, 3]; see `crops`."""

    source: Source

    def frames(self, wanted: NDArray[np.int64], size: int, fast: bool = False) -> Iterator[tuple[int, Image]]:
        targets = set(wanted.tolist())
        for i, picture in enumerate(self.source.pictures(0, int(wanted[-1]))):
            if i in targets:
                yield i, crops(picture, self.source.aspect, size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


def crops(picture: av.VideoFrame, aspect: float, size: int) -> NDArray[np.uint8]:
    """[3, size, size, 3]: squares at the start, the middle and the end of the longer side, as high as the shorter.

    Args:
        aspect: width to height of the upright picture.
    """
    width, height = (max(size, round(size * side)) for side in (aspect, 1 / aspect))
    upright = scaled(picture, width, height)
    lefts, tops = ([0, (side - size) // 2, side - size] for side in (width, height))
    return np.stack([upright[y : y + size, x : x + size] for x, y in zip(lefts, tops, strict=True)])


def _pass(
    source: Source, grid: ClipGrid, spec: InputSpec, runs: Sequence[Run]
) -> tuple[Source, list[Clip], list[Floats]]:
    """One pass over all candidates: the outputs of every network."""

    def run_all(batch: ClipBatch) -> list[Floats]:
        return [run(batch.frames) for run in runs]

    mapped = map_clips(run_all, source, lambda s: grid.clips(s.timeline), spec.size, spec.clip_frames)
    return mapped.source, mapped.clips, [np.concatenate(rows) for rows in zip(*mapped.results, strict=True)]


def _read(source: Source, clip: Clip, networks: Networks) -> NDArray[np.uint8]:
    """[T, size, size, 3], or with views [T, 3, size, size, 3]."""
    spec = networks.base.input_spec
    if networks.views == 1:
        return read_clip(source, clip, spec.size, spec.clip_frames)
    wanted = frames_to_score(source.timeline, clip, spec.clip_frames)
    return read_frames(source, wanted, partial(crops, aspect=source.aspect, size=spec.size))
