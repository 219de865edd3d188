"""Methods and measures of the accuracy tables."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from clipselect.aggregation import Reading, aggregate, weights
from clipselect.discriminability import discriminability
from clipselect.scorer import ClipScorer
from clipselect.selection import top_k, uniform
from clipselect.zoo.base import Base
from clipselect.zoo.recipes.actions import Composition, SourceVideo

BATCH = 16

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """What both networks say about every distinct clip, looked up per composition."""

    row: dict[tuple[int, Fraction], int]
    all_scores: Array
    all_probabilities: Array
    all_features: torch.Tensor | None  # where centroids of the training are known
    centroids: torch.Tensor | None
    classes: tuple[str, ...]

    def scores(self, c: Composition) -> Array:
        return self.all_scores[[self.row[clip] for clip in c.clips]]

    def probabilities(self, c: Composition) -> Array:
        return self.all_probabilities[[self.row[clip] for clip in c.clips]]

    @property
    def has_ratios(self) -> bool:
        return self.centroids is not None

    def ratios(self, c: Composition) -> Array:
        """Eq. 3 of every clip, with the composition's label, against the centroids of the training set."""
        assert self.all_features is not None and self.centroids is not None
        labels = torch.full((len(c.clips),), self.classes.index(c.label))
        return discriminability(self.all_features[[self.row[x] for x in c.clips]], labels, self.centroids).numpy()


def tables_of(
    sources: list[SourceVideo], compositions: list[Composition], scorer: ClipScorer, base: Base, centroids: Array | None
) -> Tables:
    distinct = sorted({clip for c in compositions for clip in c.clips})
    scores, probabilities, features = [], [], []
    for i in track(range(0, len(distinct), BATCH), description="both networks on every clip"):
        clips = np.stack([sources[v].clip(start) for v, start in distinct[i : i + BATCH]])
        scores.append(scorer.score(clips))
        probabilities.append(base.probabilities(clips).numpy())
        if centroids is not None:
            features.append(base.features(clips))
    return Tables(
        {clip: i for i, clip in enumerate(distinct)}, np.concatenate(scores).astype(np.float64),
        np.concatenate(probabilities).astype(np.float64), torch.cat(features) if features else None,
        None if centroids is None else torch.from_numpy(centroids), base.classes,
    )  # fmt: skip


def method_rows(
    pairs: list[tuple[int, Composition]], tables: Tables, ks: list[int], gflops: dict[str, float]
) -> list[dict[str, Any]]:
    """One row per method and K: top-1 in percent with a 95 % bootstrap interval over videos, GFLOPs per video."""
    n = len(pairs[0][1].clips)
    scoring = n * gflops["ddnet"]
    rows = []

    def add(method: str, k: int, cost: float, answer: Callable[[Composition, int], Array]) -> None:
        hits = np.array(
            [tables.classes[int(answer(c, i).argmax())] == c.label for i, (_, c) in enumerate(pairs)], dtype=float
        )
        low, high = bootstrap_interval(hits)
        rows.append(
            {
                "method": method,
                "k": k,
                "top1": 100 * float(hits.mean()),
                "low": 100 * low,
                "high": 100 * high,
                "gflops": cost,
            }
        )

    def mean_of(c: Composition, chosen: NDArray[np.int64]) -> Array:
        return _aggregate(tables.probabilities(c)[chosen], np.ones(len(chosen)))

    for k in ks:
        for method, reading in (("ddl", "group"), ("ddl_literal", "literal"), ("ddl_no_rescale", "none")):
            add(method, k, k * gflops["base"] + scoring, lambda c, _, k=k, r=reading: _ddl(c, tables, k, r))
        add(
            "ddl_average",
            k,
            k * gflops["base"] + scoring,
            lambda c, _, k=k: mean_of(c, top_k(tables.scores(c), k).ranked),
        )
        add("uniform", k, k * gflops["base"], lambda c, _, k=k: mean_of(c, uniform(n, k)))
        same = min(n, int((k * gflops["base"] + scoring) / gflops["base"]))
        add("uniform_equal_cost", k, same * gflops["base"], lambda c, _, same=same: mean_of(c, uniform(n, same)))
        add(
            "random",
            k,
            k * gflops["base"],
            lambda c, i, k=k: mean_of(c, np.random.default_rng([k, i]).permutation(n)[:k]),
        )
        add(
            "confidence",
            k,
            n * gflops["base"],
            lambda c, _, k=k: mean_of(c, top_k(tables.probabilities(c).max(1), k).ranked),
        )
    add("dense", n, n * gflops["base"], lambda c, _: mean_of(c, np.arange(n)))
    add("dense_weighted", n, n * gflops["base"] + scoring, lambda c, _: _ddl(c, tables, n, "group"))
    add("action_clips_only", 4, 4 * gflops["base"], lambda c, _: mean_of(c, np.flatnonzero(c.action)))
    return rows


def _ddl(c: Composition, tables: Tables, k: int, reading: Reading) -> Array:
    scores = tables.scores(c)
    kept = top_k(scores, k).ranked
    return _aggregate(tables.probabilities(c)[kept], weights(scores, kept, reading))


def _aggregate(rows: Array, weight: Array) -> Array:
    return aggregate(torch.from_numpy(rows), weight).numpy()


def bootstrap_interval(values: Array, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the mean over videos."""
    means = np.random.default_rng(0).choice(values, (draws, len(values))).mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
