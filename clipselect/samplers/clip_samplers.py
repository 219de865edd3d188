"""Clip samplers for PyTorchVideo: `DDLClipSampler`, and rivals that choose otherwise among the same candidates.

All plan a video once, when its first clip is asked for, and then hand out one clip per call in time order. Into the
sample they write

    clip_start, clip_end   seconds from the first frame of the video
    clip_weight            the clip's weight in the video's answer (eq. 8-11)
    clip_views             how many samples the video yields in all, augmentations counted
    clip_score             the DDNet's score (`DDLClipSampler` only)
"""

import warnings
import zlib
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import av
import numpy as np
from iopath.common.file_io import g_pathmgr
from pytorchvideo.data.clip_sampling import ClipInfo, ClipSampler
from torch.utils.data import get_worker_info

from clipselect.errors import ClipselectError, ClipselectWarning, VideoError
from clipselect.index.score_index import Entry, ScoreIndex, Scoring
from clipselect.media.candidates import Clip, Seconds, exact_seconds
from clipselect.media.clips import clips_of
from clipselect.media.sources import open_source
from clipselect.method.selection import uniform
from clipselect.samplers import current_video
from clipselect.scoring.scorer import Scorer

OnMissing = Literal["score", "raise"]

OPEN_PLANS = 64
"""Videos in progress at a time that one sampler remembers; more than one if datasets share it."""


@dataclass(frozen=True)
class ScheduledClip:
    """A clip that will be sampled."""

    clip: Clip
    weight: float = 1.0
    score: float | None = None


@dataclass
class VideoSchedule:
    """What a video yields, and how far it got.

    Attributes:
        duration, annotation: as the dataset gave them.
        windows: the clips in PyTorchVideo's clock.
        notes: what goes into the sample, per clip.
        end: the last window's end.
        done, left: samples handed out and still to come.
    """

    path: str
    duration: float | Fraction
    annotation: dict[str, Any]
    windows: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    notes: list[dict[str, float | int]] = field(default_factory=list)
    end: Fraction = Fraction(0)
    done: int = 0
    left: int = 0


class CandidateClips(ClipSampler):  # type: ignore[misc]  # PyTorchVideo has no types
    """Base of the samplers: candidate clips in exact time, chosen by `_choose`.

    Args:
        clip_duration: seconds per clip.
        stride: seconds between the starts of candidates; the clip duration by default.
        augs_per_clip: samples per clip; PyTorchVideo decodes the clip once for all of them.
        index: a score index with the same clip duration and stride, to take the candidates from.
        on_missing: what to do with a video that the index lacks or that has changed since: "score" it now, with a
            warning (or look its candidates up in the file, where no scores are needed), or "raise". One that is listed
            as failed is passed over.
        scorer: whose scores the index must hold; any, where none are needed.
        fast: how that scorer scores.

    Raises:
        ClipselectError: an argument out of range, or an index made with other clips.
    """

    def __init__(
        self,
        clip_duration: Seconds,
        *,
        stride: Seconds | None = None,
        augs_per_clip: int = 1,
        index: str | Path | None = None,
        on_missing: OnMissing = "score",
        scorer: Scorer | None = None,
        fast: bool = False,
    ) -> None:
        super().__init__(exact_seconds(clip_duration, "clip_duration"))
        self.stride = self._clip_duration if stride is None else exact_seconds(stride, "stride")
        if on_missing not in get_args(OnMissing):
            raise ClipselectError(f"on_missing must be 'score' or 'raise', got {on_missing!r}")
        self.on_missing, self.fast = on_missing, fast
        self.index = None if index is None else ScoreIndex(index)
        if self.index is not None:
            made = self.index.scoring
            wanted = replace(made, clip_duration=str(self._clip_duration), stride=str(self.stride))
            if scorer:
                wanted = Scoring.of(scorer, self._clip_duration, self.stride, fast)
            if made != wanted:
                raise ClipselectError(
                    f"{self.index.path}: was made with {made}, but the sampler asks for {wanted}; "
                    "give both the same, or make the index again"
                )
        self.augs_per_clip = at_least(1, augs_per_clip, "augs_per_clip")
        self._plans: list[VideoSchedule] = []  # of videos in progress
        current_video.install_hook()

    def _indexed(self, path: str, fps: float) -> Entry | None:
        """What the index holds of a video as it is now; None if it must be read."""
        if self.index is None:
            return None
        known, now = self.index.entry(path), Entry.before(path, fps)
        if known is not None and known.same_video(now):
            if known.error is not None:
                raise VideoError(known.error)
            return known
        if known is None:
            message = f"{self.index.path}: has no entry for {path}; run clipselect index on it"
        elif known.fps != now.fps:
            message = (
                f"{self.index.path}: has {path} at {known.fps} frames/s, not {now.fps}; index it with --fps {now.fps}"
            )
        else:
            message = f"{self.index.path}: is older than {path}; run clipselect index again"
        if self.on_missing == "raise":
            raise ClipselectError(message)
        warnings.warn(f"{message} (read on the fly)", ClipselectWarning, stacklevel=2)
        return None

    @abstractmethod
    def _choose(self, path: str, fps: float, threads: int) -> tuple[list[ScheduledClip], Fraction]:
        """The clips of a video in time order, and its `Source.start_time`."""

    def __call__(
        self, last_clip_end_time: float | Fraction | None, video_duration: float | Fraction, annotation: dict[str, Any]
    ) -> ClipInfo:
        """The next clip. PyTorchVideo says 0.0 (0.1.5) or None (main) for the end of the last one in a new video."""
        if last_clip_end_time:
            plan = self._in_progress(last_clip_end_time, video_duration, annotation)
        else:
            plan = self._plan(video_duration, annotation)
            self._plans = [*self._plans[1 - OPEN_PLANS :], plan]  # datasets that are no more leave some unfinished
        clip_index, aug_index = divmod(plan.done, self.augs_per_clip)
        start, plan.end = plan.windows[clip_index]
        plan.done, plan.left = plan.done + 1, plan.left - 1
        if plan.left == 0:
            self._plans = [other for other in self._plans if other is not plan]
        annotation.update(plan.notes[clip_index])
        return ClipInfo(start, plan.end, clip_index, aug_index, plan.left == 0)

    def _in_progress(self, end: Any, duration: Any, annotation: dict[str, Any]) -> VideoSchedule:
        """The plan that goes on. Datasets that share a sampler are told apart by all that they say."""
        plans = [plan for plan in self._plans if (plan.end, plan.duration) == (end, duration)]
        path = annotation.get("video_path")
        plans.sort(key=lambda plan: (plan.annotation is not annotation, plan.path != path))
        if not plans:
            raise ClipselectError(
                f"the dataset asks for a clip after {float(end):.2f} s of a video whose first one it never asked for; "
                "say 0.0 or None for the end of the last clip when a video begins"
            )
        return plans[0]

    def _plan(self, video_duration: Any, annotation: dict[str, Any]) -> VideoSchedule:
        path, video = current_video.pop_opened_video(video_duration, annotation)
        in_worker = get_worker_info() is not None
        plan = VideoSchedule(path, video_duration, annotation)
        try:
            local = g_pathmgr.get_local_path(path)
            choices, start_time = self._choose(local, getattr(video, "_fps", None) or 30.0, int(in_worker))
        except (VideoError, av.FFmpegError, OSError) as e:
            if video is None:  # a dataset that opens videos itself cannot be made to pass over one
                raise
            warnings.warn(f"{e}; the dataset goes on without it", ClipselectWarning, stacklevel=3)
            current_video.drop(video)
            plan.windows, plan.notes, plan.left = [(Fraction(0), self._clip_duration)], [{}], 1
            return plan
        plan.left = len(choices) * self.augs_per_clip
        for choice in choices:
            note: dict[str, float | int] = {
                "clip_start": float(choice.clip.start),
                "clip_end": float(choice.clip.end),
                "clip_weight": choice.weight,
                "clip_views": plan.left,
            }
            plan.notes.append(note if choice.score is None else {**note, "clip_score": choice.score})
            plan.windows.append(current_video.window(choice.clip, start_time, video))
        current_video.report_losses(path, video, {w: c.clip.frames for w, c in zip(plan.windows, choices, strict=True)})
        return plan

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plans": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        current_video.install_hook()  # a spawned worker begins here


class DenseClips(CandidateClips):
    """Every candidate, all of weight 1: dense sampling.

    Without an index the candidates are those of the frames that the file promises; with one, those of the frames that
    decode, as for `DDLClipSampler`. The two differ for damaged files only.
    """

    def _choose(self, path: str, fps: float, threads: int) -> tuple[list[ScheduledClip], Fraction]:
        entry = self._indexed(path, fps)
        if entry is None:
            source = open_source(path, fps=fps)
            clips, start_time = clips_of(source, self._clip_duration, self.stride), source.start_time
        else:
            clips, start_time = entry.clips, entry.start_time
        return [ScheduledClip(clips[i]) for i in self._indices(path, len(clips))], start_time

    def _indices(self, path: str, candidates: int) -> list[int]:
        return list(range(candidates))


class UniformClips(DenseClips):
    """K candidates spread evenly over the video, all of weight 1; all of them where there are fewer."""

    def __init__(self, clip_duration: Seconds, k: int = 5, **options: Any) -> None:
        super().__init__(clip_duration, **options)
        self.k = at_least(1, k, "k")

    def _indices(self, path: str, candidates: int) -> list[int]:
        return uniform(candidates, min(self.k, candidates)).tolist()


class RandomClips(UniformClips):
    """K random candidates, all of weight 1: the same ones in every epoch, drawn from the seed and the file's name."""

    def __init__(self, clip_duration: Seconds, k: int = 5, *, seed: int = 0, **options: Any) -> None:
        super().__init__(clip_duration, k, **options)
        self.seed = at_least(0, seed, "seed")

    def _indices(self, path: str, candidates: int) -> list[int]:
        random = np.random.default_rng([self.seed, zlib.crc32(Path(path).name.encode("utf-8", "backslashreplace"))])
        return sorted(random.choice(candidates, min(self.k, candidates), replace=False).tolist())


def at_least(least: int, value: int, name: str) -> int:
    """The value, or a ClipselectError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ClipselectError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)
