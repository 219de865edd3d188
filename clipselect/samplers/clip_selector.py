"""The best clips of a video, whatever reads them afterwards: what `clipselect score` calls.

For PyTorchVideo's datasets there is `DDLClipSampler`, for the frames of faces and persons `FrameSampler`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ArgumentError
from clipselect.media.candidate_clips import Seconds, exact_rate, exact_seconds
from clipselect.media.images import Image
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.sources import Backend, check_decoder, open_source
from clipselect.method.selection import Selection, ranks, select
from clipselect.samplers.arguments import check_limits
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.video_scores import VideoScores, score_video, scorer_of_clips

DEFAULT_K = 5
MIN_FPS, MAX_FPS = Fraction(1, 1000), 10_000


@dataclass(frozen=True)
class ClipSelection:
    """The candidate clips of a video with their scores, and which of them were picked.

    Attributes:
        scores: of all candidates, in time order.
        picked: indices of the picked ones among them.
    """

    scores: VideoScores
    picked: Selection

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """[n] rank of every candidate, 1 for the best."""
        return ranks(self.scores.scores)


@dataclass(frozen=True, kw_only=True)
class ClipSelector:
    """Scores the candidate clips of a video and picks the best of them.

    Args:
        scorer: from `load_scorer`.
        k: pick the best `k`; 5 by default, or all above the `threshold` if there is one.
        threshold: in [0, 1]; pick only clips with a score above it, and the best one in any case (eq. 7).
        clip_duration: seconds per clip; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        min_gap: seconds between the end of a picked clip and the start of the next; 0 forbids overlap, None allows it.
        decoder: "pyav" or "decord".
        fps: frames per second of folders of frames.
        fast: estimate the scores without decoding every frame; with the decoder "pyav" only.

    Raises:
        ArgumentError: an argument out of range.
        MissingLibraryError: decord is not installed.

    >>> from clipselect import load_scorer
    >>> best = ClipSelector(scorer=load_scorer(device="cpu"), k=2)("video.mp4")
    >>> [float(best.scores.clips[i].start) for i in best.picked.ordered]
    [0.0, 1.0]
    >>> best.ranks
    array([1, 2, 3])
    """

    scorer: Scorer
    k: int | None = None
    threshold: float | None = None
    clip_duration: Seconds | None = None
    stride: Seconds | None = None
    min_gap: float | None = None
    decoder: Backend = "pyav"
    fps: Seconds = 30
    fast: bool = False

    def __post_init__(self) -> None:
        scorer_of_clips(self.scorer)
        check_limits(k=self.k, threshold=self.threshold, min_gap=self.min_gap)
        check_decoder(self.decoder)
        if self.fast and self.decoder != "pyav":
            raise ArgumentError("fast", f"does not work with the decoder {self.decoder}; leave one of them out")
        if self.clip_duration is not None:
            exact_seconds(self.clip_duration, "clip_duration")
        if self.stride is not None:
            exact_seconds(self.stride, "stride")
        if not MIN_FPS <= exact_rate(self.fps, "fps") <= MAX_FPS:
            raise ArgumentError("fps", f"must lie between {float(MIN_FPS)} and {MAX_FPS}, got {self.fps}")

    def __call__(
        self,
        video: Path | str,
        *,
        progress: ProgressCallback = no_progress,
        thumbnail: Callable[[Image], bytes] | None = None,
    ) -> ClipSelection:
        """Score one video, a file or a folder of frames, and pick its best clips.

        Args:
            progress, thumbnail: as for `score_video`.

        Raises:
            VideoError: not one frame decodes.
        """
        source = open_source(video, decoder=self.decoder, fps=self.fps)
        scores = score_video(
            source, self.scorer, clip_duration=self.clip_duration, stride=self.stride, fast=self.fast,
            progress=progress, thumbnail=thumbnail,
        )  # fmt: skip
        picked = select(scores.scores, scores.spans, k=self._most, threshold=self.threshold, min_gap=self.min_gap)
        return ClipSelection(scores, picked)

    @property
    def _most(self) -> int | None:
        return DEFAULT_K if self.k is None and self.threshold is None else self.k

    def settings(self) -> dict[str, Any]:
        """The options with their defaults filled in, as results files keep them."""
        duration = self.scorer.clip_duration if self.clip_duration is None else self.clip_duration
        stride = duration if self.stride is None else self.stride
        return {
            "model": self.scorer.name, "k": self._most, "threshold": self.threshold, "clip_duration": float(duration),
            "stride": float(stride), "min_gap": self.min_gap, "decoder": self.decoder, "fps": float(self.fps),
            "fast": self.fast, "device": str(self.scorer.device),
        }  # fmt: skip
