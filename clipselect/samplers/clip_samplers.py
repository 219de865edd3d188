"""Clip samplers for PyTorchVideo: `DDLClipSampler`, and baselines that choose otherwise among the same candidates.

What happens from `DDLClipSampler.__call__` to `ClipInfo`, when a dataset asks for the first clip of a video:

1. `current_video.pop_opened_video`: which video is it? PyTorchVideo does not say.
2. `CandidateReader`: its candidate clips and their scores, from the score index or from the file.
3. a chooser (`ChooseBest`): which of them are sampled, and with which weights.
4. `VideoSchedule`: these clips in PyTorchVideo's clock. Every call, the first included, takes one sample from it.

Into every sample the samplers write

    clip_start, clip_end   seconds from the first frame of the video
    clip_weight            the clip's weight in the video's answer (eq. 8)
    clip_views             how many samples the video yields in all, augmentations counted
    clip_score             the DDNet's score (`DDLClipSampler` only)
"""

import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from iopath.common.file_io import g_pathmgr
from pytorchvideo.data.clip_sampling import ClipInfo, ClipSampler

from clipselect.errors import ClipselectError, ClipselectWarning, VideoError, whole_number
from clipselect.media.candidate_clips import Seconds, exact_seconds
from clipselect.samplers import current_video
from clipselect.samplers.arguments import OnMissing
from clipselect.samplers.candidate_reader import CandidateReader, ScorerOfProcess
from clipselect.samplers.choosers import ChooseBest, Chooser, ChooseRandom, ChooseUniform, ScheduledClip, choose_all
from clipselect.scoring.percentiles import Threshold, threshold_score
from clipselect.scoring.scorer import ScorerLike

MAX_SCHEDULES = 64
"""Videos in progress that one sampler remembers; more than one if datasets share it."""


@dataclass
class VideoSchedule:
    """The samples of one video, and how many were taken.

    Attributes:
        duration, annotation: as the dataset gave them.
        windows: start and end of every clip in PyTorchVideo's clock.
        fields: what goes into the samples of every clip.
        last_end: end of the window taken last.
    """

    duration: float | Fraction
    annotation: dict[str, Any]
    windows: list[tuple[Fraction, Fraction]]
    fields: list[dict[str, float | int]]
    augs_per_clip: int
    last_end: Fraction = Fraction(0)
    taken: int = 0

    def take(self) -> tuple[ClipInfo, dict[str, float | int]]:
        """The next sample, and what goes into it."""
        clip_index, aug_index = divmod(self.taken, self.augs_per_clip)
        start, self.last_end = self.windows[clip_index]
        self.taken += 1
        return ClipInfo(start, self.last_end, clip_index, aug_index, self.done), self.fields[clip_index]

    @property
    def done(self) -> bool:
        return self.taken == len(self.windows) * self.augs_per_clip


class CandidateClipSampler(ClipSampler):  # type: ignore[misc]  # PyTorchVideo has no types
    """Base of the samplers: candidate clips in exact time, and a chooser that says which of them are sampled.

    Every video is scheduled once, when its first clip is asked for; then each call yields one clip, in time order.
    Making a sampler wraps `VideoPathHandler.video_from_path` of this process, see `current_video.install_hook`.

    Args:
        clip_duration: seconds per clip.
        choose: which of a video's candidates are sampled.
        stride: seconds between the starts of candidates; the clip duration by default.
        augs_per_clip: samples per clip; PyTorchVideo decodes the clip once for all of them.
        index, on_missing, scorer, fast: as for `CandidateReader`.

    Raises:
        ClipselectError: an argument out of range, or an index made with other clips.
    """

    def __init__(
        self,
        clip_duration: Seconds,
        choose: Chooser,
        *,
        stride: Seconds | None = None,
        augs_per_clip: int = 1,
        index: str | Path | None = None,
        on_missing: OnMissing = "score",
        scorer: ScorerOfProcess | None = None,
        fast: bool = False,
    ) -> None:
        super().__init__(exact_seconds(clip_duration, "clip_duration"))
        self.choose = choose
        self.stride = self._clip_duration if stride is None else exact_seconds(stride, "stride")
        self.augs_per_clip = whole_number(augs_per_clip, "augs_per_clip", least=1)
        self.candidates_of = CandidateReader(
            self._clip_duration, self.stride, index=index, on_missing=on_missing, scorer=scorer, fast=fast
        )
        self._schedules: list[VideoSchedule] = []  # of videos in progress
        current_video.install_hook()

    def __call__(
        self, last_clip_end_time: float | Fraction | None, video_duration: float | Fraction, annotation: dict[str, Any]
    ) -> ClipInfo:
        """The next clip. For a new video PyTorchVideo gives 0.0 (0.1.5) or None (main) as the end of the last one."""
        if last_clip_end_time:
            schedule = self._in_progress(last_clip_end_time, video_duration, annotation)
        else:
            schedule = self._begin(video_duration, annotation)
            self._schedules = [*self._schedules[1 - MAX_SCHEDULES :], schedule]  # an epoch may be broken off
        clip_info, fields = schedule.take()
        if schedule.done:
            self._schedules = [other for other in self._schedules if other is not schedule]
        annotation.update(fields)
        return clip_info

    def _begin(self, video_duration: float | Fraction, annotation: dict[str, Any]) -> VideoSchedule:
        """The schedule of the video that the dataset has just opened."""
        path, video = current_video.pop_opened_video(video_duration, annotation)
        try:
            local = g_pathmgr.get_local_path(path)
            candidates = self.candidates_of(local, getattr(video, "_fps", None) or 30.0)
        except (VideoError, av.FFmpegError, OSError) as e:
            if video is None:  # a dataset that opens videos itself cannot be made to pass over one
                raise
            warnings.warn(f"{e}; the dataset goes on without it", ClipselectWarning, stacklevel=3)
            current_video.drop(video)
            return VideoSchedule(video_duration, annotation, [(Fraction(0), self._clip_duration)], [{}], 1)
        chosen = self.choose(candidates)
        windows = [current_video.window(one.clip, candidates.start_time, video) for one in chosen]
        frames = {window: one.clip.frames for window, one in zip(windows, chosen, strict=True)}
        current_video.warn_of_lost_frames(path, video, frames)
        fields = [_fields(one, len(chosen) * self.augs_per_clip) for one in chosen]
        return VideoSchedule(video_duration, annotation, windows, fields, self.augs_per_clip)

    def _in_progress(self, end: Any, duration: Any, annotation: dict[str, Any]) -> VideoSchedule:
        """The schedule that goes on. Datasets may share a sampler, so all that they pass is compared."""
        found = [one for one in self._schedules if (one.last_end, one.duration) == (end, duration)]
        if not found:
            raise ClipselectError(
                f"the dataset asks for a clip after {float(end):.2f} s of a video whose first one it never asked for; "
                "pass 0.0 or None as the end of the last clip when a video begins"
            )
        path = annotation.get("video_path")
        return min(found, key=lambda one: (one.annotation is not annotation, one.annotation.get("video_path") != path))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_schedules": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        current_video.install_hook()  # a spawned worker begins here


def _fields(one: ScheduledClip, views: int) -> dict[str, float | int]:
    fields: dict[str, float | int] = {
        "clip_start": float(one.clip.start),
        "clip_end": float(one.clip.end),
        "clip_weight": one.weight,
        "clip_views": views,
    }
    return fields if one.score is None else {**fields, "clip_score": one.score}


class DDLClipSampler(CandidateClipSampler):
    """Yields the best `k` candidate clips of every video in time order, the same ones however many workers there are.

        dataset = Kinetics(data_path, clip_sampler=DDLClipSampler(2, k=5), decode_audio=False)

    Every sample then holds clip_start, clip_end, clip_score, clip_weight and clip_views, see the top of this module. A
    video that cannot be scored is named in a `ClipselectWarning`, and the dataset goes on without it.

    Args:
        clip_duration: seconds per clip.
        k: clips per video, fewer where there are fewer candidates; None with `threshold` for all above it.
        threshold: as for `select`; keep only clips scored above it, and the best one in any case (eq. 7).
        stride: seconds between the starts of candidates; the clip duration by default.
        min_gap: seconds between the end of one kept clip and the start of the next; 0 forbids overlap, None allows it.
        scorer: what scores, as for `select`; the zoo's DDNet by default. For spawned workers a function must stand in a
            module, or be given as FILE.py:NAME.
        index: a score index of `clipselect index`, made with the same DDNet, clip duration and stride. Only the kept
            clips are then decoded; without one the whole video is decoded, once, when its first clip is asked for.
        augs_per_clip: samples per clip; PyTorchVideo decodes the clip once for all of them.
        pad_to_k: exactly `k` clips for every video that can be read, as equal steps on all ranks need: where there are
            fewer, some come again with weight 0, which leaves the video's answer as it is.
        device: where the DDNet runs; "auto" means the CPU in workers. GPUs belong to `clipselect index`.
        on_missing: what to do with a video that the index lacks or that has changed since: "score" it now, with a
            warning, or "raise".
        fast: scores are estimates, got without decoding every frame, as `clipselect index --fast` makes them.

    Raises:
        ClipselectError: an argument out of range, an unusable model or index, an index made otherwise.

    >>> sampler = DDLClipSampler(2, k=3)
    >>> sampler.choose
    ChooseBest(k=3, threshold=None, min_gap=0, pad_to_k=False)
    """

    def __init__(
        self,
        clip_duration: Seconds,
        k: int | None = 5,
        *,
        threshold: Threshold | None = None,
        stride: Seconds | None = None,
        min_gap: float | None = 0,
        scorer: ScorerLike | None = None,
        index: str | Path | None = None,
        augs_per_clip: int = 1,
        pad_to_k: bool = False,
        device: str = "cpu",
        on_missing: OnMissing = "score",
        fast: bool = False,
    ) -> None:
        loaded = ScorerOfProcess(scorer, device)
        choose = ChooseBest(k, threshold_score(threshold, loaded.on_cpu), min_gap, pad_to_k)
        super().__init__(
            clip_duration, choose, stride=stride, augs_per_clip=augs_per_clip,
            index=index, on_missing=on_missing, scorer=loaded, fast=fast,
        )  # fmt: skip


class DenseClips(CandidateClipSampler):
    """Every candidate, all of weight 1: dense sampling.

    Without an index the candidates are those of the frames that the file promises; with one, those of the frames that
    decode, as for `DDLClipSampler`. The two differ for damaged files only.

    Args:
        clip_duration, options: as for `CandidateClipSampler`; any index of these clips will do.

    >>> DenseClips(2, stride=1).stride
    Fraction(1, 1)
    """

    def __init__(self, clip_duration: Seconds, **options: Any) -> None:
        super().__init__(clip_duration, choose_all, **options)


class UniformClips(CandidateClipSampler):
    """K candidates spread evenly over the video, all of weight 1; all of them where there are fewer.

    Args:
        clip_duration, options: as for `DenseClips`.

    >>> UniformClips(2, k=3).choose
    ChooseUniform(k=3)
    """

    def __init__(self, clip_duration: Seconds, k: int = 5, **options: Any) -> None:
        super().__init__(clip_duration, ChooseUniform(k), **options)


class RandomClips(CandidateClipSampler):
    """K random candidates that do not overlap, all of weight 1.

    They are the same ones in every epoch, drawn from the seed and the file's name.

    Args:
        clip_duration, options: as for `DenseClips`.

    >>> RandomClips(2, k=3, seed=1).choose
    ChooseRandom(k=3, seed=1)
    """

    def __init__(self, clip_duration: Seconds, k: int = 5, *, seed: int = 0, **options: Any) -> None:
        super().__init__(clip_duration, ChooseRandom(k, seed), **options)
