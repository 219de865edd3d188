"""Where the candidate clips of a video come from: a score index that knows the video, or the file itself."""

import os
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch.utils.data import get_worker_info

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, check_argument
from clipselect.index.entry import Scoring
from clipselect.index.score_index import ScoreIndex
from clipselect.media.clip_decoding import clips_of
from clipselect.media.sources import open_source
from clipselect.samplers.arguments import OnMissing, one_of
from clipselect.samplers.choosers import Candidates
from clipselect.samplers.index_lookup import check_made_with, indexed_entry
from clipselect.scoring.device import known_device
from clipselect.scoring.scorer import AnyScorer, Scorer, ScorerLike, load_scorer
from clipselect.scoring.threads import decoding_threads
from clipselect.scoring.video_scores import score_video


class ScorerOfProcess:
    """A scorer that every process loads for itself when it first needs it.

    Networks do not travel to spawned workers, and CUDA must not be started before workers are forked.

    Args:
        scorer: what `load_scorer` takes. One that is loaded already must be on the CPU, and travels as it is: for
            spawned workers a function must stand in a module, where pickle finds it.
        device: "auto" is the CPU in workers.

    Raises:
        ClipselectError: an unusable scorer, at once; an absent device, when it is first called.

    >>> ScorerOfProcess(None, device="cpu")().name
    'ddnet3d-actions'
    """

    def __init__(self, scorer: ScorerLike | None, device: str) -> None:
        self.scorer, self.device = scorer, known_device(device)
        self.on_cpu = load_scorer(scorer, "cpu", elements="clips")
        problem = "must be on the CPU if it is loaded; give its name or file, and the device"
        check_argument(self.on_cpu.device in (None, torch.device("cpu")), "scorer", problem)
        self._loaded = (os.getpid(), self.on_cpu) if device == "cpu" else None

    def __call__(self) -> AnyScorer:
        if not isinstance(self.scorer, str | Path | None):
            return self.on_cpu
        if self._loaded is not None:
            same_process = self._loaded[0] == os.getpid()
            if same_process or (self.device == "cpu" and isinstance(self._loaded[1], Scorer)):
                return self._loaded[1]  # CUDA memory and onnxruntime's threads are of no use in a forked worker
        in_worker = get_worker_info() is not None
        try:
            device = "cpu" if in_worker and self.device == "auto" else self.device
            self._loaded = os.getpid(), load_scorer(self.scorer, device, elements="clips")
        except ClipselectError as e:
            if in_worker and self.device.startswith("cuda"):
                raise ArgumentError(
                    "device",
                    f"cannot be {self.device!r} in forked DataLoader workers; score the videos there beforehand "
                    "(clipselect index) and pass index=, or leave device='cpu'",
                ) from e
            raise
        return self._loaded[1]

    def __getstate__(self) -> dict[str, Any]:
        loaded = {} if isinstance(self.scorer, str | Path | None) else {"on_cpu": self.on_cpu}
        return {"scorer": self.scorer, "device": self.device, "_loaded": None, **loaded}


class CandidateReader:
    """The candidate clips of videos, with scores if there is a scorer.

    Args:
        clip_duration, stride: exact seconds.
        index: a score index, None to read every video.
        on_missing: what to do with a video that the index lacks or that has changed since: "score" it now, with a
            warning, or "raise".
        scorer: None if no scores are needed; then an index of any model will do.
        fast: how the scorer scores, see `clipselect.score_video`.

    Raises:
        ClipselectError: an argument out of range, or an index made with other clips or another model.

    >>> candidates = CandidateReader(Fraction(1), Fraction(1))("video.mp4", fps=30)
    >>> [(float(clip.start), float(clip.end)) for clip in candidates.clips]
    [(0.0, 1.0), (1.0, 2.0), (1.52, 2.52)]
    """

    def __init__(
        self,
        clip_duration: Fraction,
        stride: Fraction,
        *,
        index: str | Path | None = None,
        on_missing: OnMissing = "score",
        scorer: ScorerOfProcess | None = None,
        fast: bool = False,
    ) -> None:
        self.clip_duration, self.stride, self.scorer, self.fast = clip_duration, stride, scorer, fast
        self.on_missing = one_of(on_missing, "on_missing", get_args(OnMissing))
        self.index = None if index is None else ScoreIndex(index)
        if self.index is not None:
            made = self.index.scoring
            if scorer is None:
                wanted = replace(made, clip_duration=str(clip_duration), stride=str(stride))
            else:
                wanted = Scoring.from_scorer(scorer.on_cpu, clip_duration, stride, fast)
            check_made_with(self.index, wanted)

    def __call__(self, path: str, fps: float) -> Candidates:
        """The candidates of a video.

        Args:
            fps: frames per second, if it is a folder of frames.

        Raises:
            VideoError: the video cannot be read, now or when it was indexed.
            ClipselectError: the index lacks it, and `on_missing` is "raise".
        """
        entry = None if self.index is None else indexed_entry(self.index, path, fps, self.on_missing)
        if entry is not None:
            self._warn(path, entry.warnings)
            return Candidates(path, entry.clips, entry.start_time, entry.scores)
        source = open_source(path, fps=fps, threads=decoding_threads())
        if self.scorer is None:
            clips = clips_of(source, self.clip_duration, self.stride)
            return Candidates(path, clips, source.start_time, np.empty(0, np.float32))
        video = score_video(source, self.scorer(), clip_duration=self.clip_duration, stride=self.stride, fast=self.fast)
        self._warn(path, video.source.warnings)
        return Candidates(path, video.clips, video.source.start_time, video.scores, video.in_unit_interval)

    def _warn(self, path: str, sentences: tuple[str, ...]) -> None:
        for sentence in sentences:
            warnings.warn(f"{path}: {sentence}", ClipselectWarning, stacklevel=3)
