"""Scores of the candidate clips of a video."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import check_argument
from clipselect.media.candidate_clips import Clip, Seconds, Windows, spans_of
from clipselect.media.clip_decoding import ClipBatch, clip_grid, map_clips, own_windows
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.sources import Source, open_source
from clipselect.media.video import VideoFile
from clipselect.scoring.doubts import doubts
from clipselect.scoring.promising_clips import DAMAGED, Promising, promising_clips
from clipselect.scoring.scorer import AnyScorer, ScorerLike, load_scorer
from clipselect.scoring.threads import AdaptiveThreads

MAX_SECONDS_APART = 7
"""Between key frames, on average: further apart, more than a tenth of the best clips is lost at any budget."""


@dataclass(frozen=True)
class VideoScores:
    """Scores of the candidate clips of one video, in time order.

    Attributes:
        source: the video as it really decodes.
        clips: the candidates; their times are seconds from the first frame.
        scores: [n] float32 in (0, 1); those of a function may lie anywhere.
        model: name of the scorer.
        seconds: wall time since the file was opened, under "total", "network" and "decode" (waiting for frames).
        doubts: why the order of the clips is a guess, one sentence each; see `clipselect.scoring.doubts`. None where
            only a part was decoded.
        features: [n, d] float32, from which the DDNet computed the scores; empty for scores of an index.
        percentiles: [n] which share of the training elements each score exceeds, in percent; None where the weights do
            not say, see `clipselect.scoring.percentiles`.
        in_unit_interval: whether the scores can be weights; those of a function, which may lie anywhere, cannot.
        budget: share of the frames that should be decoded at most, in (0, 1]; None without one.
        decoded: share of the video that was decoded, in (0, 1], counted in frames: those of all groups of pictures that
            were, of which the frames that nobody needs are left out; below 1 only with a budget.
        skipped: candidate clips that were not decoded, and are not among the `clips`.
        why_whole: why everything was decoded in spite of a budget; empty where a part was, or without a budget.
        fast: whether the scores are estimates, see `clipselect.media.fast`; not of a file that does not suit it, unless
            they come from an index, which does not know.
    """

    source: Source
    clips: list[Clip]
    scores: NDArray[np.float32]
    model: str
    seconds: dict[str, float]
    doubts: tuple[str, ...] = ()
    features: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32), repr=False)
    percentiles: NDArray[np.float64] | None = None
    in_unit_interval: bool = True
    budget: float | None = None
    decoded: float = 1.0
    skipped: int = 0
    why_whole: str = ""
    fast: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the video and its scores, one sentence each."""
        return (*self.source.warnings, *self._about_budget())

    def _about_budget(self) -> Iterator[str]:
        """What a budget left out, and why it was not kept."""
        budget = 1.0 if self.budget is None else float(self.budget)
        if self.skipped:
            clips = self.skipped + len(self.clips)
            left_out = f"{self.skipped:,} of {clips:,} candidate clips were left out after a look at the key frames"
            more = f", more than {budget:.3g}, since its key frames are far apart" * (self.decoded > budget)
            yield f"{left_out}; {100 * self.decoded:.0f} % of the video was decoded{more}"
            apart = float(self.duration) / int(self.source.packets.is_key.sum())
            if apart > MAX_SECONDS_APART:
                yield f"its key frames are {apart:.0f} s apart, so better clips may have been left out"
        elif self.why_whole:
            yield f"decoded whole, not {budget:.3g} of it: {self.why_whole}"

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last."""
        return self.source.timeline.duration

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return spans_of(self.clips)


def scorer_of_clips(scorer: AnyScorer) -> AnyScorer:
    """The same scorer.

    Raises:
        ArgumentError: it is none, or it is for single frames.
    """
    check_argument(isinstance(scorer, AnyScorer), "scorer", f"must be from load_scorer, got {scorer!r}")
    scorer.check_for("clips")
    return scorer


def check_budget(budget: float | None, *, fast: bool = False) -> None:
    """Raise an ArgumentError for a budget out of range, or one beside `fast`."""
    if budget is None:
        return
    check_argument(isinstance(budget, Real) and 0 < budget <= 1, "budget", f"must lie in (0, 1], got {budget!r}")
    check_argument(not fast, "budget", "does not work with fast; leave one of them out")


def score_video(
    source: Source | Path | str,
    scorer: ScorerLike | None = None,
    *,
    clip_duration: Seconds | None = None,
    stride: Seconds | None = None,
    candidates: Windows | Iterable[Any] | None = None,
    fast: bool = False,
    budget: float | None = None,
    progress: ProgressCallback = no_progress,
) -> VideoScores:
    """Score every candidate clip of a video, in one pass over it and constant memory.

    >>> scores = score_video("video.mp4")                                # two and a half seconds
    >>> [(float(clip.start), float(clip.end)) for clip in scores.clips]
    [(0.0, 1.0), (1.0, 2.0), (1.52, 2.52)]
    >>> scores.scores.shape, scores.scores.dtype
    ((3,), dtype('float32'))

    Args:
        source: a video file, a folder of frames, or a source of `open_source`, which has more options.
        scorer: from `load_scorer`, or what that loads, in every call: also a function of a batch of clips. By default
            the shipped DDNet for actions.
        clip_duration: seconds; by default what the DDNet was distilled with.
        stride: seconds between the starts of candidates; the clip duration by default.
        candidates: windows (start, end) in seconds to score instead of the grid of `clip_duration` and `stride`; a
            window beyond the end of the video by up to a second is cut. The DDNet sees as many frames of each, however
            long it is, so the score of a window much longer than its own clip duration is a guess.
        fast: estimate the scores from the frames that decode fastest, see `clipselect.media.fast`.
        budget: share of the frames to decode at most, in (0, 1]: only the clips whose key frames promise most are
            scored, exactly, see `clipselect.scoring.promising_clips`. For long videos with key frames every few
            seconds; others are decoded whole, and a warning says so.
        progress: gets the clips scored, as stage "scoring", and with a budget before that "looking at key frames".

    Raises:
        VideoError: the video cannot be opened, not one frame decodes, or it changes while it is read.
        ArgumentError: no source, bad clip duration or stride, or a scorer for single frames; a window that is empty,
            reversed or outside of the video; a budget out of range, or beside `fast`.
        NetworkError: a score is not a number.
    """
    check_budget(budget, fast=fast)
    if isinstance(source, Path | str):
        source = open_source(source)
    check_argument(
        hasattr(source, "timeline"), "source", f"must be a path or from open_source, got {type(source).__name__}"
    )
    scorer = scorer_of_clips(load_scorer(scorer))
    begin, spec = time.perf_counter(), scorer.input_spec
    if candidates is None:
        cut = clip_grid(scorer.clip_duration if clip_duration is None else clip_duration, stride)
    else:
        for name, value in (("clip_duration", clip_duration), ("stride", stride)):
            check_argument(value is None, name, "cannot be given with candidates, which have their own lengths")
        cut = own_windows(candidates if isinstance(candidates, Windows) else Windows.from_pairs(candidates))
    with AdaptiveThreads() as threads:

        def score(batch: ClipBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            total = len(batch.clips)
            scores, features = threads.run(partial(scorer.outputs, batch.frames), decoder_done=batch.done == total)
            progress(Progress("scoring", batch.done, total))
            return scores, features

        def look(clips: NDArray[np.uint8]) -> NDArray[np.float32]:
            return threads.run(partial(scorer.outputs, clips), decoder_done=False)[0]

        promising: Promising | str = ""
        if budget is not None and budget < 1:
            promising = promising_clips(look, source, cut, spec.size, spec.clip_frames, float(budget), progress)
        part, cut = (source, cut) if isinstance(promising, str) else (promising.source, promising.cut)
        mapped = map_clips(score, part, cut, spec.size, spec.clip_frames, fast=fast)
    total = time.perf_counter() - begin
    seconds = {"total": total, "network": threads.seconds, "decode": total - threads.seconds}
    scores, features = (np.concatenate(parts) for parts in zip(*mapped.results, strict=True))
    order = sorted(range(len(scores)), key=lambda i: (mapped.clips[i].start, mapped.clips[i].end))
    clips = [mapped.clips[i] for i in order]
    chosen = None if isinstance(promising, str) or mapped.source is not part else promising
    why_whole = promising if isinstance(promising, str) else "" if chosen else DAMAGED
    return VideoScores(
        source if chosen else mapped.source, clips, scores[order], scorer.name, seconds,
        () if chosen else doubts(scorer, scores, features),  # which go by whole videos
        features[order], scorer.percentiles(scores[order]), scorer.in_unit_interval, budget,
        decoded=chosen.decoded if chosen else 1.0,
        skipped=chosen.candidates - len(clips) if chosen else 0,
        why_whole=why_whole,
        fast=fast and isinstance(mapped.source, VideoFile) and mapped.source.can_be_fast,
    )  # fmt: skip
