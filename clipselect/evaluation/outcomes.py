"""What each method would answer for every video: the outcomes that `clipselect.evaluation.rows` counts and compares.

Pure functions over the outputs of both networks for every clip (`ClipTable`); no video is read, so a new K costs
nothing. Each method of `clipselect.evaluation.methods` for clips is applied at every K, those without a K once. A video
with fewer than K candidates gives all it has. `random` is the mean over several draws; `uniform_equal_cost` is left out
if no cost is known, `action_clips_only` if it is not known which clips show the action, `motion` and `packets` if they
were not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.method_entry import Candidates, IntArray, Method
from clipselect.evaluation.methods import equal_cost_k, methods_at
from clipselect.evaluation.metrics.accuracy import mean_average_precisions, topk_correct
from clipselect.evaluation.metrics.intervals import BootstrapResult, Floats, Statistic, statistic_draws
from clipselect.method.aggregation import aggregate

MIN_CLASSES_FOR_TOP5 = 6
"""With fewer classes top-5 says nothing."""
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Group:
    """One video to classify.

    Attributes:
        name: the source video: the unit of the bootstrap.
        labels: class indices, the main one first; at least one.
        rows: [n] rows of the table, its candidate clips in time order; n >= 1.
        action: [n] which clips show the action, where known.
        spans: [n, 2] start and end of every candidate in seconds, where some may overlap.
    """

    name: str
    labels: tuple[int, ...]
    rows: IntArray
    action: NDArray[np.bool_] | None = None
    spans: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ClipTable:
    """The outputs of both networks for every clip, and what its baselines without a network go by.

    Attributes:
        scores: [m] by the DDNet.
        probabilities: [m, classes] by the base.
        motion, packets: [m], see `clipselect.scoring.cheap_scores`; None where they were not measured.
        shots: [m] the shot of its video in which each clip lies; None where shots were not looked for.
    """

    scores: Floats
    probabilities: Floats
    motion: Floats | None = None
    packets: Floats | None = None
    shots: IntArray | None = None

    @cached_property
    def confidence(self) -> Floats:
        """[m] the base's largest probability."""
        return self.probabilities.max(axis=1)


@dataclass(frozen=True)
class Cost:
    """G multiply-adds of one clip (one multiply-add is one).

    Attributes:
        base, ddnet: `base`, with all its crops, is None where it cannot be counted, and then no cost is known.
    """

    base: float | None
    ddnet: float

    @property
    def ddnet_to_base(self) -> float | None:
        """The cost of scoring a clip, as a fraction of what the base costs on it; None where that is not known."""
        return None if self.base is None else self.ddnet / self.base

    def equal_cost_k(self, candidates: int, k: int) -> int | None:
        """As `clipselect.evaluation.methods.equal_cost_k`; None where no cost is known."""
        return None if self.ddnet_to_base is None else equal_cost_k(candidates, k, self.ddnet_to_base)


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


def outcomes_of(
    groups: Sequence[Group],
    table: ClipTable,
    ks: Sequence[int],
    cost: Cost,
    *,
    seeds: Sequence[int] = SEEDS,
    with_map: bool | None = None,
    min_gap: float | None = 0,
) -> list[Outcome]:
    """The outcome of every method at every K.

    Args:
        seeds: of `random`, whose result is the mean over them.
        with_map: measure mean average precision too; by default if any group has several labels.
        min_gap: seconds between kept clips, as for `clipselect.top_k`; None lets them overlap.

    Raises:
        ClipselectError: no groups, no K, or a K below 1 or above the candidates of every group.
    """
    if not groups:
        raise ClipselectError("there are no videos to evaluate; check the data")
    if not ks or not seeds:
        raise ArgumentError("seeds" if ks else "k", "needs at least one number")
    most = max(len(group.rows) for group in groups)
    for k in ks:
        if not 1 <= k <= most:
            raise ArgumentError("k", f"must lie between 1 and {most}, the most candidates of any video, got {k}")
    if with_map is None:
        with_map = any(len(group.labels) > 1 for group in groups)
    return [
        _outcome(method, k, groups, table, cost, seeds, with_map, min_gap)
        for method, k in methods_at("clip", sorted(set(ks)))
        if applies(method, groups, table, cost)
    ]


def applies(method: Method, groups: Sequence[Group], table: ClipTable, cost: Cost) -> bool:
    """Whether what the method needs is known."""
    if method.needs in ("motion", "packets", "shots"):
        return getattr(table, method.needs) is not None
    if method.needs == "action":
        actions = [group.action for group in groups]
        return all(a is not None for a in actions) and any(a.any() for a in actions if a is not None)
    return cost.ddnet_to_base is not None or method.role != "equal_cost"


def _outcome(
    method: Method, k: int | None, groups: Sequence[Group], table: ClipTable, cost: Cost, seeds: Sequence[int],
    with_map: bool, min_gap: float | None,
) -> Outcome:  # fmt: skip
    labels = [group.labels for group in groups]
    clips = everything = np.array([len(group.rows) for group in groups])
    correct: list[dict[str, NDArray[np.float64]]] = []
    precisions: list[Statistic] = []
    for seed in seeds if method.role == "random" else seeds[:1]:
        kept = [method.keep(candidates_of(i, group, table, k, cost, seed, min_gap)) for i, group in enumerate(groups)]
        answers = np.stack([_answer(table, group, *own) for group, own in zip(groups, kept, strict=True)])
        clips = np.array([len(index) for index, _ in kept])
        correct.append(_correct(answers, labels))
        if with_map:
            precisions.append(mean_average_precisions(answers, labels))
    mean_average_precision = None
    if with_map:
        mean_average_precision = statistic_draws(
            lambda drawn: np.mean([statistic(drawn) for statistic in precisions], axis=0),
            len(groups),
            clusters=[group.name for group in groups],
        )
    return Outcome(
        method.name,
        int(clips.max()) if k is None else k,
        {metric: np.mean([one[metric] for one in correct], axis=0) for metric in correct[0]},
        mean_average_precision,
        clips=everything if method.needs == "base" else clips,
        scored=everything if method.needs == "ddnet" else np.zeros_like(everything),
    )


def candidates_of(
    number: int, group: Group, table: ClipTable, k: int | None, cost: Cost, seed: int = 0, min_gap: float | None = 0
) -> Candidates:
    """What a method may know about the clips of a group, which is the one of this number."""
    n = len(group.rows)
    most = n if k is None else min(k, n)
    measured = {name: getattr(table, name) for name in ("motion", "packets", "shots")}
    known: dict[str, Any] = {name: None if v is None else v[group.rows] for name, v in measured.items()}
    return Candidates(
        table.scores[group.rows], most, seed=(seed, number), equal_cost_k=cost.equal_cost_k(n, most),
        action=group.action, confidence=table.confidence[group.rows], spans=group.spans, min_gap=min_gap, **known,
    )  # fmt: skip


def _answer(table: ClipTable, group: Group, kept: IntArray, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities [classes] of one group."""
    return aggregate(torch.from_numpy(table.probabilities[group.rows[kept]]).double(), weights).numpy()


def _correct(answers: NDArray[np.float64], labels: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    out = {"top1": topk_correct(answers, labels, 1).astype(np.float64)}
    if answers.shape[1] >= MIN_CLASSES_FOR_TOP5:
        out["top5"] = topk_correct(answers, labels, 5).astype(np.float64)
        out["mean"] = (out["top1"] + out["top5"]) / 2
    return out
