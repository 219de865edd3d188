"""Pixels in, scores out: the DDNet over the candidate clips of a video, in one forward pass and constant memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.media.candidates import Clip, Seconds
from clipselect.media.clips import Pass, decoded, prefetch
from clipselect.media.video import Frame, Source
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
    progress: Callable[[float], Any] | None = None,
    thumbnail: Callable[[Frame], bytes] | None = None,
) -> VideoScores:
    """Score every candidate clip of a video.

    Args:
        source: from `open_source`.
        clip_duration: seconds; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        fast: estimate the scores from the frames that decode quickest, see `clipselect.media.fast`.
        progress: called with the share of the video done, in [0, 1].
        thumbnail: makes the picture of a clip out of its middle frame [size, size, 3] uint8.

    Raises:
        VideoError: not one frame decodes.
        ClipselectError: bad clip duration or stride.
    """
    begin, done = time.perf_counter(), 0
    clips: list[Clip] = []
    scores, thumbnails = np.empty(0, np.float32), list[bytes]()
    length = scorer.clip_duration if clip_duration is None else clip_duration
    with AdaptiveThreads() as network:
        for step in prefetch(decoded(source, length, stride, scorer.input_spec.size, scorer.input_spec.frames, fast)):
            if isinstance(step, Pass):
                source, clips, done, thumbnails = step.source, step.clips, 0, []
                scores = np.empty(len(clips), np.float32)
                continue
            next_done = done + len(step)
            scores[done:next_done] = network.run(partial(scorer.score, step), decoder_done=next_done == len(clips))
            done = next_done
            if thumbnail:
                thumbnails += [thumbnail(clip[len(clip) // 2]) for clip in step]
            if progress:
                progress(done / len(clips))
    if thumbnail:
        _ = source.aspect  # pictures need it; known now, it needs no second look at the file
    total = time.perf_counter() - begin
    seconds = {"total": total, "network": network.seconds, "decode": total - network.seconds}
    return VideoScores(source, clips, scores, scorer.name, seconds, thumbnails)
