"""`DDLClipSampler`: the K most discriminable clips of every video, in any PyTorchVideo pipeline."""

import math
import warnings
from dataclasses import replace
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.index.score_index import Entry
from clipselect.media.candidates import Seconds
from clipselect.media.sources import open_source
from clipselect.method.aggregation import weights
from clipselect.method.selection import select
from clipselect.samplers.clip_samplers import CandidateClips, OnMissing, ScheduledClip, at_least
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.scoring.video_scores import score_video


class DDLClipSampler(CandidateClips):
    """Yields the best `k` candidate clips of every video in time order, the same ones however many workers there are.

        dataset = Kinetics(data_path, clip_sampler=DDLClipSampler(2, k=5), decode_audio=False)

    Every sample then holds clip_start, clip_end, clip_score, clip_weight and clip_views (see
    `clipselect.samplers.clip_samplers`).
    A video that cannot be scored is named in a `ClipselectWarning`, and the dataset goes on without it.

    Args:
        clip_duration: seconds per clip.
        k: clips per video, fewer where there are fewer candidates; None with `threshold` for all above it.
        threshold: in [0, 1]; keep only clips scored above it, and the best one in any case (eq. 7).
        stride: seconds between the starts of candidates; the clip duration by default.
        min_gap: seconds between the end of one kept clip and the start of the next; 0 forbids overlap, None allows it.
        model: a DDNet of the zoo or a weights file; the zoo's default.
        index: a score index of `clipselect index`, made with the same model, clip duration and stride. Only the kept
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
    """

    def __init__(
        self,
        clip_duration: Seconds,
        k: int | None = 5,
        *,
        threshold: float | None = None,
        stride: Seconds | None = None,
        min_gap: float | None = None,
        model: str | Path | None = None,
        index: str | Path | None = None,
        augs_per_clip: int = 1,
        pad_to_k: bool = False,
        device: str = "cpu",
        on_missing: OnMissing = "score",
        fast: bool = False,
    ) -> None:
        if k is None and (threshold is None or pad_to_k):
            raise ClipselectError("k is needed without a threshold, and with pad_to_k=True")
        if threshold is not None and not (isinstance(threshold, Real) and 0 <= threshold <= 1):
            raise ClipselectError(f"threshold must lie in [0, 1], got {threshold!r}")
        if min_gap is not None and not (isinstance(min_gap, Real) and 0 <= min_gap < math.inf):
            raise ClipselectError(f"min_gap must be at least 0 seconds, got {min_gap!r}")
        self.k = None if k is None else at_least(1, k, "k")
        self.threshold, self.min_gap, self.pad_to_k = threshold, min_gap, pad_to_k
        self.model, self.device = model, _known_device(device)
        scorer = load_scorer(model, "cpu")
        self._scorer = scorer if device == "cpu" else None  # no CUDA before workers are forked
        super().__init__(
            clip_duration,
            stride=stride,
            augs_per_clip=augs_per_clip,
            index=index,
            on_missing=on_missing,
            scorer=scorer,
            fast=fast,
        )

    def _choose(self, path: str, fps: float, threads: int) -> tuple[list[ScheduledClip], Fraction]:
        entry = self._entry(path, fps, threads)
        kept = select(entry.scores, entry.spans, k=self.k, threshold=self.threshold, min_gap=self.min_gap)
        order = kept.ordered
        chosen = [
            ScheduledClip(entry.clips[i], weight, float(entry.scores[i]))
            for i, weight in zip(order.tolist(), weights(entry.scores, order).tolist(), strict=True)
        ]
        if self.pad_to_k and self.k is not None and len(chosen) < self.k:
            again = kept.ranked[np.arange(self.k - len(chosen)) % len(chosen)]
            repeats = [(again == i).sum() for i in order]
            chosen = [
                copy
                for choice, n in zip(chosen, repeats, strict=True)
                for copy in [choice, *[replace(choice, weight=0.0)] * n]
            ]
        return chosen, entry.start_time

    def _entry(self, path: str, fps: float, threads: int) -> Entry:
        """The scored video, from the index or now."""
        entry = self._indexed(path, fps)
        if entry is None:
            if self._scorer is None:
                self._scorer = self._load_scorer()
            now, source = Entry.before(path, fps), open_source(path, fps=fps, threads=threads)
            how = {"clip_duration": self._clip_duration, "stride": self.stride, "fast": self.fast}
            entry = now.scored(score_video(source, self._scorer, **how))
        for warning in entry.warnings:
            warnings.warn(f"{path}: {warning}", ClipselectWarning, stacklevel=2)
        return entry

    def _load_scorer(self) -> Scorer:
        in_worker = get_worker_info() is not None
        try:
            return load_scorer(self.model, "cpu" if in_worker and self.device == "auto" else self.device)
        except ClipselectError as e:
            if in_worker and self.device.startswith("cuda"):
                raise ClipselectError(
                    f"device={self.device!r} cannot be used in forked DataLoader workers; make an index with "
                    f"clipselect index --device {self.device} and pass index=, or leave device='cpu'"
                ) from e
            raise

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_scorer": None}


def _known_device(device: str) -> str:
    try:
        if device != "auto":
            torch.device(device)
    except (RuntimeError, TypeError) as e:
        raise ClipselectError(f"device must be 'cpu', 'cuda', 'cuda:1', ... or 'auto', got {device!r}") from e
    return device
