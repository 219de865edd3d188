"""The best clips of a video, whatever reads them afterwards: what `clipselect score` calls.

For PyTorchVideo's datasets there is `DDLClipSampler`, for the frames of faces and persons `FrameSampler`.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from clipselect.errors import ArgumentError, check_argument
from clipselect.index.entry import Scoring
from clipselect.index.index_file import signature
from clipselect.media.candidate_clips import Seconds, Windows, exact_seconds, frame_rate
from clipselect.media.clip_decoding import as_decoded, changed, clips_of
from clipselect.media.frame_array import FrameArray
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.sources import Backend, Source, check_decoder, open_source
from clipselect.method import selection
from clipselect.method.selection import check_limits
from clipselect.samplers.arguments import OnMissing, one_of
from clipselect.samplers.candidate_windows import read_windows
from clipselect.samplers.explanation import explaining_base
from clipselect.samplers.index_lookup import check_made_with, indexed_entry
from clipselect.samplers.picks import Picks
from clipselect.scoring.doubts import doubts
from clipselect.scoring.percentiles import Threshold, threshold_score
from clipselect.scoring.scorer import AnyScorer, ScorerLike, load_scorer
from clipselect.scoring.video_scores import VideoScores, check_budget, score_video, scorer_of_clips

if TYPE_CHECKING:
    from clipselect.index.score_index import ScoreIndex
    from clipselect.zoo.base import Base

DEFAULT_K = 5
DEFAULT_FPS = 30


def select(
    video: Any,
    k: int | None = None,
    *,
    threshold: Threshold | None = None,
    clip_duration: Seconds | None = None,
    stride: Seconds | None = None,
    min_gap: float | None = 0,
    candidates: Path | str | Iterable[Any] | None = None,
    scorer: ScorerLike | None = None,
    index: Path | str | None = None,
    on_missing: OnMissing = "score",
    device: str = "auto",
    decoder: Backend = "pyav",
    fps: Seconds | None = None,
    fast: bool = False,
    budget: float | None = None,
    keep_frames: bool = True,
    explain: "Base | Path | str | None" = None,
    progress: ProgressCallback = no_progress,
) -> Picks:
    """Score the candidate clips of a video and pick the best of them.

    >>> picks = select("video.mp4", k=2)                                      # two and a half seconds long
    >>> [(pick.start, pick.end, pick.rank) for pick in picks]                 # in time order
    [(0.0, 1.0, 1), (1.0, 2.0, 2)]
    >>> [clip.shape for clip in picks.decode(num_frames=16, short_side=48)]   # for the network of your choice
    [torch.Size([16, 3, 48, 64]), torch.Size([16, 3, 48, 64])]
    >>> [pick.rank for pick in select("video.mp4", k=1, candidates=[(0, 0.8), (0.8, 2.52)])]    # windows of your own
    [1]

    Args:
        video: the path of a file or of a folder of frames; or frames decoded already, [T, H, W, 3] uint8 RGB in a
            NumPy array or a torch tensor, with their `fps`.
        k: pick the best `k`, or fewer if the others would overlap them; 5 by default, or all above the `threshold` if
            there is one.
        threshold: pick only clips with a score above it, and the best one in any case (eq. 7): a score in [0, 1], or a
            percentile of the scores of the training clips, such as "p30". For scores of a function any number.
        clip_duration: seconds per clip; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        min_gap: seconds between the end of a picked clip and the start of the next; 0 forbids overlap, None allows it.
        candidates: windows of your own instead of the grid: pairs (start, end) in seconds from the first frame, a CSV
            file with the columns start and end, or PySceneDetect's list of scenes or its CSV file. They may have any
            lengths, overlap and come in any order. The DDNet sees the same number of frames of each, so the score of a
            window much longer than its own clip duration is a guess. A window that ends at most a second after the
            video is shortened.
        scorer: what scores: from `load_scorer`, or what it loads, in every call: a DDNet by name or file, FILE.onnx,
            FILE.py:NAME or a function of a batch of clips. By default the shipped DDNet.
        index: a score index of `clipselect index` made with the same DDNet; a video that it knows is not scored again.
            `clip_duration` and `stride` are then the index's by default.
        on_missing: what to do with a video that the index lacks or that has changed since: "score" it now, with a
            warning, or "raise".
        device: where a `scorer` that is not loaded yet runs: "cpu", "cuda", ... or "auto".
        decoder: "pyav" or "decord".
        fps: frames per second of frames in memory, which need it, or of a folder of frames; 30 by default. A
            video file has its own.
        fast: estimate the scores without decoding every frame, see `clipselect.media.fast`.
        budget: share of the frames of a file to decode at most, such as 0.3, in (0, 1]: only the clips whose key frames
            promise most are scored and can be picked. For long videos with key frames every few seconds.
        keep_frames: of frames in memory: refer to them in the picks, without a copy, so that `Picks.decode` works; with
            False they can be freed.
        explain: a base that says what it sees in the picks, see `Picks.explain`; it runs on the `device`, too.
        progress: gets the clips scored, as stage "scoring", and those explained, as stage "explaining".

    Raises:
        ArgumentError: an argument out of range, or two that exclude each other; frames of another shape or dtype;
            windows that are empty, reversed, not numbers or outside of the video.
        VideoError: the video cannot be read.
        ClipselectError: an unusable model, index or file of windows.
    """
    named = isinstance(scorer, str | Path | None)
    check_argument(named or device == "auto", "device", "cannot be given with a loaded scorer; load it there")
    scorer = load_scorer(scorer, device, elements="clips")
    base = None if explain is None else explaining_base(explain, device)
    own_rate = isinstance(video, str | Path) and os.path.isfile(video)
    check_argument(fps is None or not own_rate, "fps", "is for folders of frames; a video file has its own rate")
    selector = ClipSelector(
        scorer=scorer, k=k, threshold=threshold, clip_duration=clip_duration, stride=stride, min_gap=min_gap,
        candidates=candidates, index=index, on_missing=on_missing, decoder=decoder, fps=fps, fast=fast,
        budget=budget, keep_frames=keep_frames or base is not None,
    )  # fmt: skip
    picks = selector(video, progress=progress)
    if base is not None:
        picks = picks.explain(base, progress=progress)
    return picks if keep_frames else picks.without_frames()


@dataclass(frozen=True, kw_only=True)
class ClipSelector:
    """The options of `select` for many videos, checked once.

    Args:
        scorer: from `load_scorer`.
        threads: that decode a file; 0 for as many as are fastest.
        others: as for `select`.

    Raises:
        ArgumentError, ClipselectError: as for `select`.

    >>> from clipselect import load_scorer
    >>> selector = ClipSelector(scorer=load_scorer(device="cpu"), k=2)
    >>> [pick.start for pick in selector("video.mp4")]
    [0.0, 1.0]
    """

    scorer: AnyScorer
    k: int | None = None
    threshold: Threshold | None = None
    clip_duration: Seconds | None = None
    stride: Seconds | None = None
    min_gap: float | None = 0
    candidates: Path | str | Iterable[Any] | None = None
    index: Path | str | None = None
    on_missing: OnMissing = "score"
    decoder: Backend = "pyav"
    fps: Seconds | None = None
    fast: bool = False
    budget: float | None = None
    keep_frames: bool = True
    threads: int = 0

    def __post_init__(self) -> None:
        scorer_of_clips(self.scorer)
        check_limits(k=self.k, threshold=self._threshold, min_gap=self.min_gap)
        check_decoder(self.decoder)
        one_of(self.on_missing, "on_missing", get_args(OnMissing))
        check_argument(isinstance(self.fast, bool), "fast", f"must be True or False, got {self.fast!r}")
        if self.fast and self.decoder != "pyav":
            raise ArgumentError("fast", f"does not work with the decoder {self.decoder}; leave one of them out")
        check_budget(self.budget, fast=self.fast)
        if self.budget is not None:
            other = f"decoder {self.decoder}" if self.decoder != "pyav" else "index" if self.index is not None else ""
            check_argument(not other, "budget", f"does not work with {other}; leave one of them out")
        for name in ("clip_duration", "stride"):
            value = getattr(self, name)
            if value is not None:
                exact_seconds(value, name)
                check_argument(self.candidates is None, name, "cannot be given with candidates, which have lengths")
        if self.fps is not None:
            frame_rate(self.fps)
        if self.candidates is not None:
            check_argument(self.index is None, "index", "cannot be given with candidates, whose scores it lacks")
        _ = self._windows, self._opened_index

    def __call__(
        self,
        video: Any,
        *,
        progress: ProgressCallback = no_progress,
    ) -> Picks:
        """Score one video and pick its best clips.

        Args:
            video: as for `select`.
            progress: as for `score_video`.

        Raises:
            VideoError: the video cannot be read.
        """
        if not isinstance(video, str | Path):
            frames = FrameArray.from_pixels(video, self.fps)
            check_argument(self.index is None, "index", "cannot be given with frames in memory, which it does not know")
            scores = self._score(frames, progress)
            picked, shortfall = self._pick(scores)
            picks = Picks(scores, picked, shortfall=shortfall)
            return picks if self.keep_frames else picks.without_frames()
        read = signature(video)
        found = self._from_index(video)
        if found is None:
            source = open_source(video, decoder=self.decoder, fps=self._fps, threads=self.threads)
            found = self._score(source, progress)
        picked, shortfall = self._pick(found)
        return Picks(found, picked, Path(video), read, shortfall=shortfall)

    def _score(self, source: Source, progress: ProgressCallback) -> VideoScores:
        length, stride = self._grid if self.candidates is None else (None, None)
        return score_video(
            source, self.scorer, clip_duration=length, stride=stride, candidates=self._windows, fast=self.fast,
            budget=self.budget, progress=progress,
        )  # fmt: skip

    def _pick(self, scores: VideoScores) -> tuple[selection.Selection, tuple[str, ...]]:
        """The best clips, and a warning where the gap leaves fewer than were asked for."""
        select = partial(selection.select, scores.scores, k=self._most, threshold=self._threshold)
        picked = select(scores.spans, min_gap=self.min_gap)
        found, without_gap = len(picked.ranked), len(select().ranked)
        if self.k is None or found == without_gap:
            return picked, ()
        how = f"with {self.min_gap:g} s between them" if self.min_gap else "without overlap"
        return picked, (f"{found} of {self.k} picks asked for: no more clips fit {how}",)

    def _from_index(self, video: Path | str) -> VideoScores | None:
        """The scores that the index holds of a video as it is now; None if the video must be scored."""
        if self._opened_index is None:
            return None
        begin = time.perf_counter()
        entry = indexed_entry(self._opened_index, video, float(self._fps), self.on_missing)
        if entry is None:
            return None
        source = open_source(video, decoder=self.decoder, fps=self._fps, threads=self.threads)
        if clips_of(source, *self._grid) != entry.clips:  # the container promises frames that do not decode
            source = as_decoded(source)
            if clips_of(source, *self._grid) != entry.clips:
                raise changed(source)
        seconds = time.perf_counter() - begin
        spent = {"total": seconds, "network": 0.0, "decode": seconds}
        doubtful = doubts(self.scorer, entry.scores)
        known = self.scorer.percentiles(entry.scores)
        return VideoScores(
            source, entry.clips, entry.scores, self.scorer.name, spent, doubtful, percentiles=known, fast=self.fast
        )

    @cached_property
    def _threshold(self) -> float | None:
        return threshold_score(self.threshold, self.scorer)

    @property
    def _most(self) -> int | None:
        return DEFAULT_K if self.k is None and self.threshold is None else self.k

    @property
    def _fps(self) -> Seconds:
        return DEFAULT_FPS if self.fps is None else self.fps

    @cached_property
    def _windows(self) -> Windows | None:
        return None if self.candidates is None else read_windows(self.candidates)

    @cached_property
    def _opened_index(self) -> "ScoreIndex | None":
        if self.index is None:
            return None
        from clipselect.index.score_index import ScoreIndex

        opened = ScoreIndex(self.index)
        check_made_with(opened, Scoring.from_scorer(self.scorer, *self._grid_of(opened), self.fast))
        return opened

    @cached_property
    def _grid(self) -> tuple[Fraction, Fraction | None]:
        return self._grid_of(self._opened_index)

    def _grid_of(self, index: "ScoreIndex | None") -> tuple[Fraction, Fraction | None]:
        """Clip duration and stride in exact seconds; no stride if it is the clip duration."""
        length, stride = self.clip_duration, self.stride
        if index is not None:
            length = Fraction(index.scoring.clip_duration) if length is None else length
            stride = Fraction(index.scoring.stride) if stride is None else stride
        exact = exact_seconds(self.scorer.clip_duration if length is None else length, "clip_duration")
        return exact, None if stride is None else exact_seconds(stride, "stride")

    def settings(self) -> dict[str, Any]:
        """The options with their defaults filled in, as results files keep them."""
        own = self.candidates if isinstance(self.candidates, str | Path) or self._windows is None else "given"
        length, stride = self._grid
        grid = {"clip_duration": float(length), "stride": float(length if stride is None else stride)}
        return {
            "model": self.scorer.name, "k": self._most, "threshold": self.threshold,
            **(grid if own is None else {"clip_duration": None, "stride": None, "candidates": str(own)}),
            "min_gap": self.min_gap, "decoder": self.decoder, "fps": None if self.fps is None else float(self.fps),
            "fast": self.fast, "budget": self.budget, "device": self.scorer.device_name,
        }  # fmt: skip
