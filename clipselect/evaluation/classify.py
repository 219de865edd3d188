"""The promise on one screen: the picked clips through a base, beside uniform and dense."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.media.clips import known_clips, map_clips, read_clip
from clipselect.method.aggregation import aggregate, weights
from clipselect.method.selection import Selection, uniform
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.video_scores import VideoScores
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


def compare(scores: VideoScores, selection: Selection, scorer: Scorer, base: Base) -> list[Answer]:
    """DDL (the selection, weighted by eq. 8), uniform with as many clips, and dense (all candidates), both averaged."""
    everything = np.arange(len(scores.clips))
    picked = selection.ordered
    per_clip = multiply_adds(base.net, base.input_spec, base.device) / 1e9
    scoring = multiply_adds(scorer.net, scorer.input_spec) / 1e9 * len(everything)
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


def _probabilities(scores: VideoScores, chosen: NDArray[np.int64], base: Base) -> torch.Tensor:
    size, frames = base.input_spec.size, base.input_spec.clip_frames
    if len(chosen) == len(scores.clips):  # one pass over the video; seeking to each would decode overlaps twice
        cut = known_clips(scores.source, scores.clips)
        mapped = map_clips(lambda batch: base.probabilities(batch.frames), scores.source, cut, size, frames)
        return torch.cat(mapped.results)
    clips = [scores.clips[c] for c in chosen.tolist()]
    out = []
    for i in range(0, len(clips), BATCH):
        batch = [read_clip(scores.source, clip, size, frames) for clip in clips[i : i + BATCH]]
        out.append(base.probabilities(np.stack(batch)))
    return torch.cat(out)
