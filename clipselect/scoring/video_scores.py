"""Pixels in, scores out: the DDNet over the candidate clips of a video, in one forward pass and constant memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from clipselect.media.candidates import Clip, Seconds
from clipselect.media.clips import ClipBatch, candidates, map_clips
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.sources import Source
from clipselect.media.squash import Frame
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.threads import AdaptiveThreads


@dataclass(frozen=True)
class VideoScores:
    """Scores of the candidate clips of one video, in time order.

    Attributes:
        source: the video, with the times of the frames that really decode.
        clips: the candidates; their times count in seconds from the first frame.
        scores: [n] float32 in (0, 1).
        model: name of the DDNet.
        seconds: wall time from the opened file on, under "total", "network" and "decode" (waiting for frames).
        thumbnails: a picture of every clip, if asked for.
    """

    source: Source
    clips: list[Clip]
    scores: NDArray[np.float32]
    model: str
    seconds: dict[str, float]
    thumbnails: list[bytes] = field(default_factory=list)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last."""
        return self.source.timeline.duration

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return np.array([(c.start, c.end) for c in self.clips], dtype=np.float64)


def score_video(
    source: Source,
    scorer: Scorer,
    *,
    clip_duration: Seconds | None = None,
    stride: Seconds | None = None,
    fast: bool = False,
    progress: ProgressCallback = no_progress,
    thumbnail: Callable[[Frame], bytes] | None = None,
) -> VideoScores:
    """Score every candidate clip of a video.

    Args:
        source: from `open_source`.
        clip_duration: seconds; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        fast: estimate the scores from the frames that decode quickest, see `clipselect.media.fast`.
        progress: reports the clips scored, as stage "scoring".
        thumbnail: makes the picture of a clip out of its middle frame [size, size, 3] uint8.

    Raises:
        VideoError: not one frame decodes.
        ClipselectError: bad clip duration or stride.
    """
    begin, spec = time.perf_counter(), scorer.input_spec
    cut = candidates(scorer.clip_duration if clip_duration is None else clip_duration, stride)
    with AdaptiveThreads() as threads:

        def score(batch: ClipBatch) -> tuple[NDArray[np.float32], list[bytes]]:
            total = len(batch.clips)
            scores = threads.run(partial(scorer.score, batch.frames), decoder_done=batch.done == total)
            progress(Progress("scoring", batch.done, total))
            return scores, [thumbnail(clip[len(clip) // 2]) for clip in batch.frames] if thumbnail else []

        mapped = map_clips(score, source, cut, spec.size, spec.clip_frames, fast=fast)
    if thumbnail:
        _ = mapped.source.aspect  # pictures need it; known now, it needs no second look at the file
    total = time.perf_counter() - begin
    seconds = {"total": total, "network": threads.seconds, "decode": total - threads.seconds}
    scores = np.concatenate([scores for scores, _ in mapped.results])
    thumbnails = [picture for _, pictures in mapped.results for picture in pictures]
    return VideoScores(mapped.source, mapped.clips, scores, scorer.name, seconds, thumbnails)
