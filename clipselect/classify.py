"""The promise on one screen: the picked clips through a base, beside uniform and dense."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.aggregation import aggregate, weights
from clipselect.clips import ahead, clip_batches, read_clip
from clipselect.scorer import ClipScorer, VideoScores
from clipselect.selection import Selection, uniform
from clipselect.zoo.base import Base

BATCH = 8


@dataclass(frozen=True)
class Answer:
    """One method's answer for a video.

    Attributes:
        clips: how many the base saw.
        probabilities: [classes] aggregated.
        gflops: 10^9 multiply-adds, the DDNet included where it was used; None for a base that cannot be counted.
        seconds: wall time from the opened file to the answer, scoring included where it was used.
    """

    method: str
    clips: int
    probabilities: torch.Tensor
    gflops: float | None
    seconds: float


def compare(scores: VideoScores, selection: Selection, scorer: ClipScorer, base: Base) -> list[Answer]:
    """DDL (the selection, weighted by eq. 8), uniform with as many clips, and dense (all candidates), both averaged."""
    everything = np.arange(len(scores.clips))
    picked = selection.ordered
    per_clip = multiply_adds(base.net, base.geometry.size, base.geometry.frames, base.device) / 1e9
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
        gflops = per_clip * len(chosen) + extra_gflops if per_clip else None
        answers.append(Answer(method, len(chosen), answer, gflops, seconds))
    return answers


def multiply_adds(net: torch.nn.Module, size: int, frames: int, device: torch.device | None = None) -> float:
    """Multiply-adds of one clip as fvcore counts them: one multiply-add is one; 0 where it sees no network."""
    parameter = next(net.parameters(), None)
    device = device or (torch.device("cpu") if parameter is None else parameter.device)
    return count_multiply_adds(net, torch.zeros(1, 3, frames, size, size, device=device))


def count_multiply_adds(net: torch.nn.Module, example: torch.Tensor) -> float:
    """Multiply-adds for the `example` as fvcore counts them: one multiply-add is one; 0 where it sees no network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore imports parts of torch that announce their end
        from fvcore.nn import FlopCountAnalysis  # pulls in much

    analysis = FlopCountAnalysis(net, example)
    try:
        return float(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
    except RuntimeError:  # a callable that hides its network from the trace
        return 0.0


def _probabilities(scores: VideoScores, chosen: NDArray[np.int64], base: Base) -> torch.Tensor:
    size, frames = base.geometry.size, base.geometry.frames
    if len(chosen) == len(scores.clips):  # one pass over the video; seeking to each would decode overlaps twice
        batches = ahead(clip_batches(scores.source, scores.clips, size, frames, BATCH))
        return torch.cat([base.probabilities(batch) for batch in batches])
    clips = [scores.clips[c] for c in chosen.tolist()]
    out = []
    for i in range(0, len(clips), BATCH):
        batch = [read_clip(scores.source, clip, size, frames) for clip in clips[i : i + BATCH]]
        out.append(base.probabilities(np.stack(batch)))
    return torch.cat(out)
