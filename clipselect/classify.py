"""The promise on one screen: the picked clips through a base, beside uniform and dense."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.aggregation import aggregate, weights
from clipselect.clips import read_clip
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
        answers.append(Answer(method, len(chosen), answer, per_clip * len(chosen) + extra_gflops, seconds))
    return answers


def multiply_adds(net: torch.nn.Module, size: int, frames: int, device: torch.device | None = None) -> float:
    """Multiply-adds of one clip as fvcore counts them: one multiply-add is one; 0 where it sees no torch network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore imports parts of torch that announce their end
        from fvcore.nn import FlopCountAnalysis  # pulls in much

    parameter = next(net.parameters(), None)
    device = device or (torch.device("cpu") if parameter is None else parameter.device)
    analysis = FlopCountAnalysis(net, torch.zeros(1, 3, frames, size, size, device=device))
    return float(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def _probabilities(scores: VideoScores, chosen: NDArray[np.int64], base: Base) -> torch.Tensor:
    out = []
    for i in range(0, len(chosen), BATCH):
        clips = [
            read_clip(scores.source, scores.clips[c], base.geometry.size, base.geometry.frames)
            for c in chosen[i : i + BATCH].tolist()
        ]
        out.append(base.probabilities(np.stack(clips)))
    return torch.cat(out)
