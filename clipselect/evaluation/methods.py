"""What each way of choosing clips would answer: the outcomes that clipselect/evaluation/rows.py counts and compares.

Pure functions over what both networks said about every clip (`ClipTable`); no video is read, so a new K costs nothing.
The methods, at every K:

    ddl                   the K best by the DDNet, averaged by eq. 8 with eq. 9-11 over all candidates
    ddl_literal           the same with eq. 10-11 over the kept clips, as printed
    ddl_no_rescale        the same with the scores as weights
    ddl_average           the K best, plain mean
    uniform, random       K clips evenly spread, or drawn: the mean over several draws
    uniform_equal_cost    at least as many uniform clips as the whole cost of ddl buys, the DDNet on all candidates
                          included: rounded up, so that rounding never helps ddl; left out if no cost is known
    confidence            the K best by the base's own largest probability, which costs the base on all candidates

and once: `top1` (the best clip alone), `dense` and `dense_weighted` (all candidates), and where it is known which clips
show the action `action_clips_only`, which no method can know. A video with fewer than K candidates gives all it has.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ClipselectError
from clipselect.evaluation.metrics import (
    BootstrapResult,
    Floats,
    Statistic,
    mean_average_precisions,
    statistic_draws,
    topk_correct,
)
from clipselect.method.aggregation import Rescale, aggregate, weights
from clipselect.method.selection import top_k, uniform

IntArray = NDArray[np.int64]

TOP5_FROM = 6
"""Classes from which on top-5 says anything."""
DRAWS = (0, 1, 2)
RESCALES: dict[str, Rescale | Literal["equal"] | None] = {
    "ddl": "candidates", "ddl_literal": "kept", "ddl_no_rescale": None, "ddl_average": "equal",
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """One video to classify.

    Attributes:
        name: the source video: the unit of the bootstrap.
        labels: class indices, the main one first; at least one.
        rows: [n] rows of the table, its candidate clips in time order; n >= 1.
        action: [n] which clips show the action, where known.
    """

    name: str
    labels: tuple[int, ...]
    rows: IntArray
    action: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class ClipTable:
    """What both networks say about every clip.

    Attributes:
        scores: [m] by the DDNet.
        probabilities: [m, classes] by the base.
    """

    scores: Floats
    probabilities: Floats


@dataclass(frozen=True)
class Cost:
    """G multiply-adds of one clip (one multiply-add is one).

    Attributes:
        base, ddnet: of one forward pass; `base` is None where it cannot be counted, and then no cost is known.
        views: forward passes of the base per clip.
    """

    base: float | None
    ddnet: float
    views: int = 1


@dataclass(frozen=True)
class Outcome:
    """One method at one K over all groups.

    Attributes:
        k: as asked for; for a method without K the most clips of any group.
        correct: [n] of every group, in [0, 1], under "top1" and with enough classes "top5" and "mean" (of both).
        mean_average_precision: in [0, 1], where asked for.
        clips: [n] that the base saw.
        scored: [n] clips that the DDNet saw.
    """

    method: str
    k: int
    correct: dict[str, NDArray[np.float64]]
    mean_average_precision: BootstrapResult | None
    clips: IntArray
    scored: IntArray


def evaluate(
    groups: Sequence[Group],
    table: ClipTable,
    ks: Sequence[int],
    cost: Cost,
    *,
    draws: Sequence[int] = DRAWS,
    with_map: bool | None = None,
    seed: int = 0,
) -> list[Outcome]:
    """The outcome of every method at every K.

    Args:
        draws: seeds of `random`, whose result is the mean over them.
        with_map: measure mean average precision too; if any group has several labels by default.
        seed: of the bootstrap.

    Raises:
        ClipselectError: no groups, no K, or a K below 1 or above the candidates of every group.
    """
    if not groups:
        raise ClipselectError("there are no videos to evaluate; check the data")
    if not ks or not draws:
        raise ClipselectError("--k and --seeds need at least one number each")
    most = max(len(group.rows) for group in groups)
    for k in ks:
        if not 1 <= k <= most:
            raise ClipselectError(f"--k must lie between 1 and {most}, the most candidates of any video, got {k}")
    if with_map is None:
        with_map = any(len(group.labels) > 1 for group in groups)
    candidates = [_Candidates(number, group, table) for number, group in enumerate(groups)]
    methods = _methods(candidates, sorted(set(ks)), cost, draws)
    return [_outcome(method, candidates, with_map, seed) for method in methods]


def equal_cost_clips(candidates: int, k: int, cost: Cost) -> int:
    """The fewest clips that cost the base at least what K clips and scoring all candidates do; no more than there are.

    Args:
        cost: with a known cost of the base.
    """
    if cost.base is None:
        raise ValueError("a base whose cost is not known buys no clips")
    more = math.ceil(candidates * cost.ddnet / (cost.base * cost.views) - 1e-9)  # a quotient may be a hair too large
    return min(min(k, candidates) + more, candidates)


class _Candidates:
    """The clips of one group with what both networks say about them."""

    def __init__(self, number: int, group: Group, table: ClipTable) -> None:
        self.number, self.group = number, group
        self.count = len(group.rows)
        self.scores = table.scores[group.rows]
        self._table = table

    @property
    def probabilities(self) -> Floats:
        return self._table.probabilities[self.group.rows]


Pick = Callable[[_Candidates], tuple[IntArray, ArrayLike]]
"""The kept clips [k] of a group and their weights [k]."""


@dataclass(frozen=True)
class _Method:
    """How to choose.

    Attributes:
        picks: one, or one per draw.
        asks: networks that must see every candidate first.
    """

    name: str
    k: int
    picks: list[Pick]
    asks: Literal["nobody", "ddnet", "base"]


def _methods(
    candidates: Sequence[_Candidates], ks: Sequence[int], cost: Cost, draws: Sequence[int]
) -> Iterator[_Method]:
    for k in ks:
        for name, rescale in RESCALES.items():
            yield _Method(name, k, [partial(_best, k=k, rescale=rescale)], "ddnet")
        yield _Method("uniform", k, [partial(_uniform, k=k)], "nobody")
        if cost.base is not None:
            yield _Method("uniform_equal_cost", k, [partial(_uniform, k=k, cost=cost)], "nobody")
        yield _Method("random", k, [partial(_random, k=k, seed=seed) for seed in draws], "nobody")
        yield _Method("confidence", k, [partial(_most_confident, k=k)], "base")
    yield _Method("top1", 1, [partial(_best, k=1, rescale="equal")], "ddnet")
    most = max(c.count for c in candidates)
    yield _Method("dense", most, [partial(_uniform, k=most)], "nobody")
    yield _Method("dense_weighted", most, [partial(_best, k=most, rescale="candidates")], "ddnet")
    known = [int(c.group.action.sum()) for c in candidates if c.group.action is not None]
    if len(known) == len(candidates) and any(known):
        yield _Method("action_clips_only", max(known), [_action], "nobody")


def _best(c: _Candidates, k: int, rescale: Rescale | Literal["equal"] | None) -> tuple[IntArray, ArrayLike]:
    kept = top_k(c.scores, k).ranked
    return kept, np.ones(len(kept)) if rescale == "equal" else weights(c.scores, kept, rescale)


def _uniform(c: _Candidates, k: int, cost: Cost | None = None) -> tuple[IntArray, ArrayLike]:
    """With a cost, as many clips as ddl could have for the same."""
    k = min(k, c.count) if cost is None else equal_cost_clips(c.count, k, cost)
    return uniform(c.count, k), np.ones(k)


def _random(c: _Candidates, k: int, seed: int) -> tuple[IntArray, ArrayLike]:
    kept = np.random.default_rng([seed, c.number]).permutation(c.count)[:k]
    return kept, np.ones(len(kept))


def _most_confident(c: _Candidates, k: int) -> tuple[IntArray, ArrayLike]:
    kept = top_k(c.probabilities.max(axis=1), k).ranked
    return kept, np.ones(len(kept))


def _action(c: _Candidates) -> tuple[IntArray, ArrayLike]:
    """All clips of the action; of a group without one, all clips."""
    action = c.group.action
    kept = np.flatnonzero(action) if action is not None and action.any() else np.arange(c.count)
    return kept, np.ones(len(kept))


def _outcome(method: _Method, candidates: Sequence[_Candidates], with_map: bool, seed: int) -> Outcome:
    labels = [c.group.labels for c in candidates]
    everything = np.array([c.count for c in candidates])
    correct: list[dict[str, NDArray[np.float64]]] = []
    precisions: list[Statistic] = []
    clips = everything
    for pick in method.picks:
        kept = [pick(c) for c in candidates]
        answers = np.stack([_answer(c, *k) for c, k in zip(candidates, kept, strict=True)])
        clips = np.array([len(index) for index, _ in kept])
        correct.append(_correct(answers, labels))
        if with_map:
            precisions.append(mean_average_precisions(answers, labels))
    return Outcome(
        method.name,
        method.k,
        {metric: np.mean([one[metric] for one in correct], axis=0) for metric in correct[0]},
        _mean_over_draws(precisions, [c.group.name for c in candidates], seed) if with_map else None,
        everything if method.asks == "base" else clips,
        everything if method.asks == "ddnet" else np.zeros_like(everything),
    )


def _mean_over_draws(statistics: Sequence[Statistic], names: Sequence[str], seed: int) -> BootstrapResult:
    """The mean of statistics."""

    def mean(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.mean([statistic(drawn) for statistic in statistics], axis=0)

    return statistic_draws(mean, len(names), clusters=names, seed=seed)


def _answer(c: _Candidates, kept: IntArray, weight: ArrayLike) -> NDArray[np.float64]:
    return aggregate(torch.from_numpy(c.probabilities[kept]).double(), weight).numpy()


def _correct(answers: NDArray[np.float64], labels: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    out = {"top1": topk_correct(answers, labels, 1).astype(np.float64)}
    if answers.shape[1] >= TOP5_FROM:
        out["top5"] = topk_correct(answers, labels, 5).astype(np.float64)
        out["mean"] = (out["top1"] + out["top5"]) / 2
    return out
