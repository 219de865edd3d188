"""The outcomes of `clipselect.evaluation.outcomes` as entries of a results file."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.metrics.accuracy import roc_auc
from clipselect.evaluation.metrics.intervals import QUANTILES, bootstrap_interval, bootstrap_means, extreme_interval
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, Outcome

Record = dict[str, Any]

BASELINES = ("uniform", "equal_cost", "random", "cheap")
"""Roles of the methods that ddl is compared with at every K."""


def rows(outcomes: Sequence[Outcome], groups: Sequence[Group], cost: Cost) -> list[Record]:
    """The entries of `rows`, without `data` and seconds: metrics in percent with 95 % intervals, and where the cost of
    the base is known G multiply-adds per video. With `map` that is the first metric."""
    columns = [(i, metric) for i, outcome in enumerate(outcomes) for metric in outcome.correct]
    values = np.stack([outcomes[i].correct[metric] for i, metric in columns], axis=1)
    names = [group.name for group in groups]
    means = bootstrap_means(values, clusters=names)
    bounds = dict(zip(columns, np.quantile(means, QUANTILES, axis=0).T.tolist(), strict=True))
    out = []
    for i, outcome in enumerate(outcomes):
        row: Record = {"method": outcome.method, "k": outcome.k, "clips": float(outcome.clips.mean())}
        row |= {"videos": len(groups), "sources": len({*names})}
        if outcome.mean_average_precision is not None:
            low, high = outcome.mean_average_precision.interval
            row |= metric_entry("map", outcome.mean_average_precision.value, max(low, 0.0), min(high, 1.0))
        for metric, values in outcome.correct.items():
            interval = extreme_interval(values, len({*names})) or bounds[i, metric]
            row |= metric_entry(metric, float(values.mean()), *interval)
        out.append(row | _gflops(outcome, cost))
    return out


def metric_entry(name: str, value: float, low: float, high: float) -> Record:
    """The keys of a metric in [0, 1] with its interval, in percent."""
    return {name: 100 * value, f"{name}_low": 100 * low, f"{name}_high": 100 * high}


def differences(outcomes: Sequence[Outcome], groups: Sequence[Group], measured: Sequence[Record]) -> list[Record]:
    """The entries of `differences`, without `data`: every metric of ddl at every K minus that of its baselines on the
    same videos, in points with paired 95 % intervals.

    The baselines are uniform, equal cost, random, motion and packets at the same K, and at other K where they cost no
    more or take no more seconds; dense and dense_weighted; and ddl at its best K, which shows how small a K will do.
    `differing` is the number of sources on which the two differ, where the metric is one of single videos.

    Args:
        measured: the `rows` of the outcomes, with seconds if there are any.
    """
    of = {(o.method, o.k): (o, row) for o, row in zip(outcomes, measured, strict=True)}
    own = [(o, row) for o, row in of.values() if o.method == "ddl"]
    out: list[Record] = []
    for metric in _metrics(own[0][0]) if own else ():
        best = max(own, key=lambda pair: pair[1][metric])  # the first of equals
        pairs = [
            (ddl, baseline)
            for ddl, row in own
            for baseline, other in of.values()
            if baseline is not ddl and _is_baseline(baseline, other, row, best[0])
        ]
        out += _map_differences(pairs) if metric == "map" else _paired(metric, pairs, groups)
    return out


def class_rows(outcomes: Sequence[Outcome], groups: Sequence[Group], classes: Sequence[str]) -> list[Record]:
    """Top-1 in percent of `ddl`, `uniform` and `dense` per class; a video counts for its main label."""
    label = np.array([group.labels[0] for group in groups])
    videos = Counter(label.tolist())
    sources = Counter(c for c, _ in {(group.labels[0], group.name) for group in groups})
    return [
        {"class": classes[c], "videos": videos[c], "sources": sources[c], "method": outcome.method, "k": outcome.k}
        | {"top1": 100 * float(outcome.correct["top1"][label == c].mean())}
        for outcome in outcomes
        if outcome.method in ("ddl", "uniform", "dense")
        for c in sorted(videos)
    ]


def ranking_quality(groups: Sequence[Group], table: ClipTable) -> dict[str, float | None]:
    """AUC: the chance that in a video a clip that shows the action scores higher than one that does not.

    The mean over the videos that have both kinds of clip, by the DDNet (`auc_ddnet`), by the base's own confidence
    (`auc_confidence`) and, where measured, by `auc_motion` and `auc_packets`, each with `_low` and `_high`; 0.5 is
    chance. The first two are None where clips of both kinds are not known.
    """
    both = [g for g in groups if g.action is not None and g.action.any() and not g.action.all()]
    if not both:
        return {"auc_ddnet": None, "auc_confidence": None}
    out: dict[str, float | None] = {}
    by = {"ddnet": table.scores, "confidence": table.confidence, "motion": table.motion, "packets": table.packets}
    for name, scores in by.items():
        if scores is None:
            continue
        values = [roc_auc(scores[group.rows], group.action) for group in both if group.action is not None]
        low, high = bootstrap_interval(values, clusters=[group.name for group in both])
        out |= {f"auc_{name}": float(np.mean(values)), f"auc_{name}_low": low, f"auc_{name}_high": high}
    return out


def _gflops(outcome: Outcome, cost: Cost) -> Record:
    if cost.base is None:
        return {}
    base = cost.base * float(outcome.clips.mean())
    ddnet = cost.ddnet * float(outcome.scored.mean())
    return {"gflops": base + ddnet, "gflops_ddnet": ddnet, "gflops_base": base}


def _metrics(outcome: Outcome) -> list[str]:
    return [*(["map"] if outcome.mean_average_precision is not None else []), *outcome.correct]


def _is_baseline(baseline: Outcome, its: Record, own: Record, best: Outcome) -> bool:
    if METHODS[baseline.method].role in BASELINES:
        costs = [key for key in ("gflops", "seconds") if key in its and key in own]
        return baseline.k == own["k"] or any(its[key] <= own[key] * (1 + 1e-9) for key in costs)
    return baseline is best or baseline.method in ("dense", "dense_weighted")


def _paired(metric: str, pairs: Sequence[tuple[Outcome, Outcome]], groups: Sequence[Group]) -> list[Record]:
    gains = np.stack([ddl.correct[metric] - baseline.correct[metric] for ddl, baseline in pairs], axis=1)
    names = [group.name for group in groups]
    lows, highs = np.quantile(bootstrap_means(gains, clusters=names), QUANTILES, axis=0)
    out = []
    for (ddl, baseline), gain, low, high in zip(pairs, gains.T, lows, highs, strict=True):
        differing = len({name for name, one in zip(names, gain, strict=True) if one != 0})
        out.append(_entry(metric, ddl, baseline, gain.mean(), low, high) | {"differing": differing})
    return out


def _map_differences(pairs: Sequence[tuple[Outcome, Outcome]]) -> list[Record]:
    out = []
    for ddl, baseline in pairs:
        one, other = ddl.mean_average_precision, baseline.mean_average_precision
        if one is not None and other is not None:
            out.append(_entry("map", ddl, baseline, (one - other).value, *(one - other).interval))
    return out


def _entry(metric: str, ddl: Outcome, baseline: Outcome, gain: float, low: float, high: float) -> Record:
    between = {"metric": metric, "method": ddl.method, "k": ddl.k, "than": baseline.method, "than_k": baseline.k}
    return between | {"difference": 100 * float(gain), "low": 100 * float(low), "high": 100 * float(high)}
