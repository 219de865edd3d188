"""The promise on one screen: the picked clips through a base, beside uniform and dense."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.aggregation import aggregate, weights
from clipselect.errors import VideoError
from clipselect.grid import Clip, frames_to_score
from clipselect.scorer import ClipScorer, VideoScores
from clipselect.selection import Selection, uniform
from clipselect.video import Source, squash
from clipselect.zoo.base import Base

BATCH = 8


@dataclass(frozen=True)
class Answer:
    """One method's answer for a video.

    Attributes:
        clips: how many the base saw.
        probabilities: [classes] aggregated.
        gflops: 10^9 multiply-adds, the DDNet included where it was used.
        seconds: wall time from the opened file to the answer, scoring included where it was used.
    """

    method: str
    clips: int
    probabilities: torch.Tensor
    gflops: float
    seconds: float


def compare(scores: VideoScores, selection: Selection, scorer: ClipScorer, base: Base) -> list[Answer]:
    """DDL (the selection, weighted by eq. 8), uniform with as many clips, and dense (all candidates), both averaged."""
    everything = np.arange(len(scores.clips))
    picked = selection.ordered
    per_clip = multiply_adds(base.net, base.geometry.size, base.geometry.frames) / 1e9
    scoring = multiply_adds(scorer.net, scorer.geometry.size, scorer.geometry.frames) / 1e9 * len(everything)
    answers = []
    for method, chosen, weight, extra_gflops, extra_seconds in (
        ("ddl", picked, weights(scores.scores, picked), scoring, scores.seconds["total"]),
        ("uniform", uniform(len(everything), len(picked)), np.ones(len(picked)), 0.0, 0.0),
        ("dense", everything, np.ones(len(everything)), 0.0, 0.0),
    ):
        begin = time.perf_counter()
        answer = aggregate(_probabilities(scores, chosen, base), weight)
        seconds = time.perf_counter() - begin + extra_seconds
        answers.append(Answer(method, len(chosen), answer, per_clip * len(chosen) + extra_gflops, seconds))
    return answers


def multiply_adds(net: torch.nn.Module, size: int, frames: int) -> float:
    """Multiply-adds of one clip as fvcore counts them: one multiply-add is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore imports parts of torch that announce their end
        from fvcore.nn import FlopCountAnalysis  # pulls in much

    device = next(net.parameters()).device
    analysis = FlopCountAnalysis(net, torch.zeros(1, 3, frames, size, size, device=device))
    return float(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def _probabilities(scores: VideoScores, chosen: NDArray[np.int64], base: Base) -> torch.Tensor:
    out = []
    for i in range(0, len(chosen), BATCH):
        clips = [_clip_frames(scores.source, scores.clips[c], base) for c in chosen[i : i + BATCH].tolist()]
        out.append(base.probabilities(np.stack(clips)))
    return torch.cat(out)


def _clip_frames(source: Source, clip: Clip, base: Base) -> NDArray[np.uint8]:
    """[T, size, size, 3]: the clip's frames for the base, decoded by seeking."""
    wanted = frames_to_score(source.timeline, clip, base.geometry.frames)
    frames = {}
    for i, frame in enumerate(source.pictures(clip.first, int(wanted[-1])), start=clip.first):
        if i in wanted:
            frames[i] = squash(frame, base.geometry.size)
    if len(frames) < len(set(wanted.tolist())):
        raise VideoError(f"{source.path}: changed while it was read; try again")
    return np.stack([frames[i] for i in wanted.tolist()])
