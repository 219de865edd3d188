"""The promise on one screen: the picked clips through a base, beside uniform and dense."""

from dataclasses import dataclass

import numpy as np
import torch

from clipselect.evaluation.clip_tables import Networks, Stopwatch, base_by_seeking, base_pass
from clipselect.method.aggregation import aggregate, weights
from clipselect.method.selection import Selection, uniform
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer
from clipselect.scoring.video_scores import VideoScores
from clipselect.zoo.base import Base, background_probability


@dataclass(frozen=True)
class Answer:
    """One method's answer for a video.

    Attributes:
        clips: how many the base saw.
        probabilities: [classes] aggregated.
        gflops: 10^9 multiply-adds, the DDNet included where it was used; None for a base that cannot be counted.
        seconds: wall time from the opened file to the answer, scoring included where it was used.
        none_of_these: the base takes the video for background rather than for any of its classes; False for a base
            that was not trained with background.
    """

    method: str
    clips: int
    probabilities: torch.Tensor
    gflops: float | None
    seconds: float

    @property
    def none_of_these(self) -> bool:
        return bool(background_probability(self.probabilities) > self.probabilities.max())


def compare(scores: VideoScores, selection: Selection, scorer: Scorer, base: Base) -> list[Answer]:
    """DDL (the selection, weighted by eq. 8), uniform with as many clips, and dense (all candidates), both averaged."""
    n, picked = len(scores.clips), selection.ordered
    networks = Networks(scorer, base)
    per_clip = multiply_adds(base.net, base.input_spec, base.device) / 1e9
    scoring = multiply_adds(scorer.net, scorer.input_spec) / 1e9 * n
    answers = []
    for method, chosen, weight, extra_gflops, extra_seconds in (
        ("ddl", picked, weights(scores.scores, picked), scoring, scores.seconds["total"]),
        ("uniform", uniform(n, len(picked)), np.ones(len(picked)), 0.0, 0.0),
        ("dense", np.arange(n), np.ones(n), 0.0, 0.0),
    ):
        watch = Stopwatch()
        read = base_pass if len(chosen) == n else base_by_seeking  # seeking to each would decode overlaps twice
        probabilities = read(scores.source, [scores.clips[c] for c in chosen.tolist()], networks, watch)
        answer = aggregate(torch.from_numpy(probabilities), weight)
        seconds = watch.stop()["total"] + extra_seconds
        gflops = per_clip * len(chosen) + extra_gflops if per_clip else None
        answers.append(Answer(method, len(chosen), answer, gflops, seconds))
    return answers
