"""What each way of choosing clips would answer, how good that is and what it costs: the rows of a results file.

Pure functions over what both networks said about every clip (`ClipTable`); no video is read, so a new K costs nothing.
The methods, at every K:

    ddl                   the K best by the DDNet, averaged by eq. 8 with eq. 9-11 over all candidates
    ddl_literal           the same with eq. 10-11 over the kept clips, as printed
    ddl_no_rescale        the same with the scores as weights
    ddl_average           the K best, plain mean
    uniform, random       K clips evenly spread, or drawn: the mean over several draws
    uniform_equal_cost    as many uniform clips as the whole cost of ddl buys, the DDNet on all candidates included
    confidence            the K best by the base's own largest probability, which costs the base on all candidates

and once: `top1` (the best clip alone), `dense` and `dense_weighted` (all candidates), and where it is known which clips
show the action `action_clips_only`, which no method can know. A video with fewer than K candidates gives all it has.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from clipselect.aggregation import Reading, aggregate, weights
from clipselect.errors import ClipselectError
from clipselect.metrics import (
    QUANTILES,
    Floats,
    Statistic,
    bootstrap_interval,
    bootstrap_means,
    mean_average_precisions,
    roc_auc,
    statistic_interval,
    topk_correct,
)
from clipselect.selection import top_k, uniform

Index = NDArray[np.int64]

TOP5_FROM = 6
"""Classes from which on top-5 says anything."""
DRAWS = (0, 1, 2)
READINGS: dict[str, Reading | None] = {
    "ddl": "group", "ddl_literal": "literal", "ddl_no_rescale": "none", "ddl_average": None,
}  # fmt: skip
RIVALS = ("uniform", "uniform_equal_cost", "random")


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
    rows: Index
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
        base, ddnet: of one forward pass.
        views: forward passes of the base per clip.
    """

    base: float
    ddnet: float
    views: int = 1


@dataclass(frozen=True)
class Outcome:
    """One method at one K over all groups.

    Attributes:
        k: as asked for; for a method without K the most clips of any group.
        correct: [n] of every group, in [0, 1], under "top1" and with enough classes "top5" and "mean" (of both).
        mean_average_precision: value, low, high in [0, 1], where asked for.
        clips: [n] that the base saw.
        scored: [n] clips that the DDNet saw.
    """

    method: str
    k: int
    correct: dict[str, NDArray[np.float64]]
    mean_average_precision: tuple[float, float, float] | None
    clips: Index
    scored: Index


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


def rows(outcomes: Sequence[Outcome], groups: Sequence[Group], cost: Cost, *, seed: int = 0) -> list[dict[str, Any]]:
    """The rows of a results file, without `data` and seconds: metrics in percent with 95 % intervals, G multiply-adds
    per video."""
    columns = [(i, metric) for i, outcome in enumerate(outcomes) for metric in outcome.correct]
    values = np.stack([outcomes[i].correct[metric] for i, metric in columns], axis=1)
    means = bootstrap_means(values, clusters=[group.name for group in groups], seed=seed)
    bounds = dict(zip(columns, np.quantile(means, QUANTILES, axis=0).T.tolist(), strict=True))
    out = []
    for i, outcome in enumerate(outcomes):
        metrics = {m: (float(v.mean()), *bounds[i, m]) for m, v in outcome.correct.items()}
        if outcome.mean_average_precision is not None:
            metrics["map"] = outcome.mean_average_precision
        base = cost.base * cost.views * float(outcome.clips.mean())
        ddnet = cost.ddnet * float(outcome.scored.mean())
        row: dict[str, Any] = {"method": outcome.method, "k": outcome.k, "clips": float(outcome.clips.mean())}
        row["videos"] = len(groups)
        for metric, (value, low, high) in metrics.items():
            row |= {metric: 100 * value, f"{metric}_low": 100 * low, f"{metric}_high": 100 * high}
        out.append(row | {"gflops": base + ddnet, "gflops_ddnet": ddnet, "gflops_base": base})
    return out


def method_rows(
    groups: Sequence[Group], table: ClipTable, ks: Sequence[int], cost: Cost, *, seed: int = 0, **how: Any
) -> list[dict[str, Any]]:
    """`rows` of `evaluate` in one call; `how` goes to the latter."""
    return rows(evaluate(groups, table, ks, cost, seed=seed, **how), groups, cost, seed=seed)


def differences(outcomes: Sequence[Outcome], groups: Sequence[Group], *, seed: int = 0) -> list[dict[str, Any]]:
    """Top-1 of `ddl` less that of its rivals on the same videos, in points with 95 % intervals, at every K."""
    names = [group.name for group in groups]
    out = []
    for ddl in (o for o in outcomes if o.method == "ddl"):
        for rival in outcomes:
            if rival.method == "dense" or (rival.method in RIVALS and rival.k == ddl.k):
                gain = ddl.correct["top1"] - rival.correct["top1"]
                low, high = bootstrap_interval(gain, clusters=names, seed=seed)
                out.append(
                    {"metric": "top1", "method": "ddl", "k": ddl.k, "than": rival.method, "than_k": rival.k}
                    | {"difference": 100 * float(gain.mean()), "low": 100 * low, "high": 100 * high}
                )
    return out


def class_rows(outcomes: Sequence[Outcome], groups: Sequence[Group], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Top-1 in percent of `ddl`, `uniform` and `dense` per class; a video counts for its main label."""
    label = np.array([group.labels[0] for group in groups])
    return [
        {"class": classes[c], "videos": int((label == c).sum()), "method": outcome.method, "k": outcome.k}
        | {"top1": 100 * float(outcome.correct["top1"][label == c].mean())}
        for outcome in outcomes
        if outcome.method in ("ddl", "uniform", "dense")
        for c in np.unique(label).tolist()
    ]


def ranking_quality(groups: Sequence[Group], table: ClipTable) -> dict[str, float | None]:
    """AUC of clips that show the action against those that do not, all groups pooled: by the DDNet (`auc_ddnet`) and
    by the base's own confidence (`auc_confidence`). Both None unless clips of both kinds are known."""
    known = [group for group in groups if group.action is not None]
    action = np.concatenate([np.empty(0, bool), *(group.action for group in known if group.action is not None)])
    if not action.any() or action.all():
        return {"auc_ddnet": None, "auc_confidence": None}
    index = np.concatenate([group.rows for group in known])
    return {
        "auc_ddnet": roc_auc(table.scores[index], action),
        "auc_confidence": roc_auc(table.probabilities.max(axis=1)[index], action),
    }


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


Pick = Callable[[_Candidates], tuple[Index, ArrayLike]]
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
        for name, reading in READINGS.items():
            yield _Method(name, k, [partial(_best, k=k, reading=reading)], "ddnet")
        yield _Method("uniform", k, [partial(_uniform, k=k)], "nobody")
        yield _Method("uniform_equal_cost", k, [partial(_uniform, k=k, cost=cost)], "nobody")
        yield _Method("random", k, [partial(_random, k=k, seed=seed) for seed in draws], "nobody")
        yield _Method("confidence", k, [partial(_most_confident, k=k)], "base")
    yield _Method("top1", 1, [partial(_best, k=1, reading=None)], "ddnet")
    most = max(c.count for c in candidates)
    yield _Method("dense", most, [partial(_uniform, k=most)], "nobody")
    yield _Method("dense_weighted", most, [partial(_best, k=most, reading="group")], "ddnet")
    known = [int(c.group.action.sum()) for c in candidates if c.group.action is not None]
    if len(known) == len(candidates) and any(known):
        yield _Method("action_clips_only", max(known), [_action], "nobody")


def _best(c: _Candidates, k: int, reading: Reading | None) -> tuple[Index, ArrayLike]:
    kept = top_k(c.scores, k).ranked
    return kept, np.ones(len(kept)) if reading is None else weights(c.scores, kept, reading)


def _uniform(c: _Candidates, k: int, cost: Cost | None = None) -> tuple[Index, ArrayLike]:
    """With a cost, as many clips more as scoring all candidates costs."""
    k = min(k, c.count)
    if cost is not None:
        more = math.floor(c.count * cost.ddnet / (cost.base * cost.views) + 1e-9)  # a quotient may be a hair too small
        k = min(k + more, c.count)
    return uniform(c.count, k), np.ones(k)


def _random(c: _Candidates, k: int, seed: int) -> tuple[Index, ArrayLike]:
    kept = np.random.default_rng([seed, c.number]).permutation(c.count)[:k]
    return kept, np.ones(len(kept))


def _most_confident(c: _Candidates, k: int) -> tuple[Index, ArrayLike]:
    kept = top_k(c.probabilities.max(axis=1), k).ranked
    return kept, np.ones(len(kept))


def _action(c: _Candidates) -> tuple[Index, ArrayLike]:
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
        _with_interval(precisions, [c.group.name for c in candidates], seed) if with_map else None,
        everything if method.asks == "base" else clips,
        everything if method.asks == "ddnet" else np.zeros_like(everything),
    )


def _with_interval(statistics: Sequence[Statistic], names: Sequence[str], seed: int) -> tuple[float, float, float]:
    """Value, low and high of the mean of statistics in [0, 1]."""

    def mean(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.mean([statistic(drawn) for statistic in statistics], axis=0)

    value = float(mean(np.ones((1, len(names)), np.float32))[0])
    low, high = statistic_interval(mean, len(names), clusters=names, seed=seed)
    return value, max(low, 0.0), min(high, 1.0)


def _answer(c: _Candidates, kept: Index, weight: ArrayLike) -> NDArray[np.float64]:
    return aggregate(torch.from_numpy(c.probabilities[kept]).double(), weight).numpy()


def _correct(answers: NDArray[np.float64], labels: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    out = {"top1": topk_correct(answers, labels, 1).astype(np.float64)}
    if answers.shape[1] >= TOP5_FROM:
        out["top5"] = topk_correct(answers, labels, 5).astype(np.float64)
        out["mean"] = (out["top1"] + out["top5"]) / 2
    return out
