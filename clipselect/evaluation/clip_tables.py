"""The outputs of both networks for every candidate clip of a video, and what its baselines without a network go by.

The two networks look at the same windows of time, each at its own number and size of frames. A video is decoded once
per network, or once in all where both look at the same frames.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import spread_clips
from clipselect.media.candidate_clips import Clip, Timeline, candidate_clips, spans_of
from clipselect.media.clip_decoding import ClipBatch, known_clips, map_clips, read_clips
from clipselect.media.sources import Source
from clipselect.scoring.cheap_scores import motion, motion_scores, packet_scores
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
    """The two networks."""

    scorer: Scorer
    base: Base

    def probabilities(self, clips: NDArray[np.uint8]) -> Floats:
        """[b, classes] of clips [b, T, ...], see `Base.outputs`."""
        return self.base.probabilities(clips).numpy()

    @property
    def see_the_same(self) -> bool:
        """Whether both look at the same pixels."""
        own, bases = self.scorer.input_spec, self.base.input_spec
        return (own.size, own.frames, own.geometry) == (bases.size, bases.frames, bases.geometry)


@dataclass(frozen=True)
class VideoTable:
    """What is known of the n candidate clips of one video.

    Attributes:
        spans: [n, 2] seconds from the first frame.
        scores: [n] float32, by the DDNet.
        probabilities: [n, classes] float32, by the base.
        motion: [n] float32, of the frames that the DDNet sees; see `clipselect.scoring.cheap_scores`.
        packets: [n] float32, bytes per second; likewise.
    """

    spans: NDArray[np.float64]
    scores: Floats
    probabilities: Floats
    motion: Floats
    packets: Floats


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
    runs = [networks.scorer.score, motion, *([networks.probabilities] if networks.see_the_same else [])]
    source, clips, (scores, moved, *same) = _pass(source, grid, networks.scorer.input_spec, runs)
    probabilities = same[0] if same else base_pass(source, clips, networks, Stopwatch())
    return VideoTable(spans_of(clips), scores, probabilities, moved, packet_scores(source, clips))


def score_pass(
    source: Source, grid: ClipGrid, networks: Networks, watch: Stopwatch
) -> tuple[Source, list[Clip], Floats]:
    """The source as it really decodes, its candidates, and their scores [n]; one pass over the video."""
    scorer = networks.scorer
    source, clips, (scores,) = _pass(source, grid, scorer.input_spec, [watch.timed("ddnet", scorer.score)])
    return source, clips, scores


def motion_pass(source: Source, grid: ClipGrid, networks: Networks) -> tuple[Source, list[Clip], Floats]:
    """The same with the motion [n] of the frames that the DDNet would see."""
    spec = networks.scorer.input_spec
    moved = motion_scores(source, lambda s: grid.clips(s.timeline), size=spec.size, frames=spec.clip_frames)
    return moved.source, moved.clips, np.concatenate(moved.results)


def base_pass(source: Source, clips: list[Clip], networks: Networks, watch: Stopwatch) -> Floats:
    """Probabilities [n, classes] of known clips of a source, in one pass over it."""
    spec, run = networks.base.input_spec, watch.timed("base", networks.probabilities)
    cut, view = known_clips(source, clips), spec.view_of(source)
    return np.concatenate(map_clips(lambda b: run(b.frames), source, cut, view, spec.clip_frames).results)


def base_by_seeking(source: Source, clips: list[Clip], networks: Networks, watch: Stopwatch) -> Floats:
    """The same as `base_pass` for few clips: each is decoded by seeking to it."""
    spec, run = networks.base.input_spec, watch.timed("base", networks.probabilities)
    batches = read_clips(source, clips, spec.view_of(source), spec.clip_frames)
    return np.concatenate([run(batch) for batch in batches])


def _pass(
    source: Source, grid: ClipGrid, spec: InputSpec, runs: Sequence[Run]
) -> tuple[Source, list[Clip], list[Floats]]:
    """One pass over all candidates: the outputs of every network."""

    def run_all(batch: ClipBatch) -> list[Floats]:
        return [run(batch.frames) for run in runs]

    mapped = map_clips(run_all, source, lambda s: grid.clips(s.timeline), spec.size, spec.clip_frames)
    return mapped.source, mapped.clips, [np.concatenate(rows) for rows in zip(*mapped.results, strict=True)]
