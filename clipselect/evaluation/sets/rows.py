"""What methods make of the groups of one data set: their features, and the entries of a results file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.evaluation.method_entry import Candidates, Method
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.metrics.intervals import BootstrapResult, extreme_interval
from clipselect.evaluation.metrics.templates import pool_by_media
from clipselect.evaluation.provenance import environment
from clipselect.evaluation.results import Results
from clipselect.evaluation.rows import metric_entry
from clipselect.evaluation.sets.frame_networks import FrameNetworks
from clipselect.evaluation.sets.frame_table import FrameTable, Quality
from clipselect.method.aggregation import aggregate

Record = dict[str, Any]
Measure = Callable[[NDArray[np.float32]], dict[str, BootstrapResult]]
"""Features of all groups [g, d] -> metrics by name, in [0, 1]. Equal draws are of the same groups for all features, so
that methods can be compared draw by draw."""
Known = Mapping[str, NDArray[Any]]
"""What is known of every frame of a table [m] besides its score, by the name of a field of `Candidates`."""
MethodAtK = tuple[Method, int | None]
"""A method with the K that it keeps, None where it has none; see `clipselect.evaluation.methods.methods_at`."""

AVERAGE: MethodAtK = (METHODS["average"], None)
BASELINES_WITHOUT_K = {"ddl_half": "even_half", "ddl_half_average": "even_half"}
OPTIONAL = ("d_scores", "sharp", "mirrored", "dropout", "quality")
"""What methods need and what is not known of all data."""
DDL_WITHOUT_K = METHODS["ddl_threshold"]
"""What methods without a K that need the base on all frames are compared with."""


@dataclass(frozen=True)
class SetMethods:
    """How the methods are applied.

    Attributes:
        threshold: of eq. 7.
        seeds: of random choices, whose result is the mean over them.
        min_gap: between two frames that a method keeps, in places of their group; None for any.
    """

    networks: FrameNetworks
    threshold: float
    seeds: Sequence[int]
    min_gap: float | None = None


@dataclass(frozen=True)
class NetworkAnswers:
    """What a network of sets makes of the frames that a method keeps.

    Attributes:
        features: [g, d] of the groups.
        counts: [g] frames that it sees.
        embedded: [g] images that the base embeds: these frames, or what is made of them.
        embeds_frames: which of the two.
        seconds: per group, without embedding frames by themselves.
        gflops: per group, all included; None where it cannot be counted.
    """

    features: NDArray[np.float32]
    counts: NDArray[np.int64]
    embedded: NDArray[np.int64]
    embeds_frames: bool
    seconds: float
    gflops: float | None


@dataclass
class Entries:
    """The lists of a results file, filled data set by data set."""

    data: list[Record] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    differences: list[Record] = field(default_factory=list)
    ranking: list[Record] = field(default_factory=list)

    def results(self, benchmark: str, group: str, settings: Record, networks: FrameNetworks) -> Results:
        """The whole document, checked."""
        head = {"benchmark": benchmark, "element": "frame", "group": group, "files": "images", "settings": settings}
        about = {"environment": environment(networks.base.device), **networks.records}
        return Results.model_validate(head | about | vars(self))


def group_features(
    features: NDArray[np.float32],
    scores: NDArray[np.floating],
    groups: Sequence[NDArray[np.int64]],
    method: Method,
    k: int | None = None,
    *,
    threshold: float = 0.15,
    seed: int = 0,
    min_gap: float | None = None,
    media: NDArray[np.int64] | None = None,
    known: Known | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The feature of every group by a method (eq. 8), and how many frames the base had to embed for it.

    Args:
        features: [n, d] of all frames, each perhaps scaled to length 1 beforehand.
        scores: [n] of all frames.
        groups: [g] rows of the frames of each group; never empty.
        k: how many frames are kept of groups that have more; None for a method without a K.
        threshold: of eq. 7, for the methods that have one.
        seed: of random choices, which differ from group to group.
        min_gap: between two kept frames, in places of their group; None for any.
        media: [n] the medium of every frame: kept frames are then pooled within their media first, see
            `clipselect.evaluation.metrics.templates.pool_by_media`. Without, weights decide among all frames.
        known: of all frames, for oracles.

    Returns:
        [g, d] float32 and [g] int64.

    >>> from clipselect.evaluation.methods import METHODS
    >>> features, scores = np.eye(3, dtype=np.float32), np.array([0.1, 0.9, 0.5])
    >>> group_features(features, scores, [np.arange(3)], METHODS["ddl_average"], 2)
    (array([[0. , 0.5, 0.5]], dtype=float32), array([2]))
    """
    out, counts = np.empty((len(groups), features.shape[1]), np.float32), np.empty(len(groups), np.int64)
    for number, rows in enumerate(groups):
        of_group = {name: values[rows] for name, values in (known or {}).items()}
        kept, weight = method.keep(candidates_of(scores[rows], k, (seed, number), threshold, of_group, min_gap))
        if media is None:
            out[number] = aggregate(torch.from_numpy(features[rows[kept]]), weight).numpy()
        else:
            out[number] = pool_by_media(features[rows[kept]], media[rows[kept]], weight)
        counts[number] = method.base_passes * len(rows) or len(kept)
    return out, counts


def candidates_of(
    scores: NDArray[np.floating], k: int | None, seed: Sequence[int], threshold: float, known: Known | None = None,
    min_gap: float | None = None,
) -> Candidates:  # fmt: skip
    """The frames of one group [n] as a method sees them; arguments as for `group_features`."""
    of_group: dict[str, Any] = {**(known or {})}
    if min_gap is not None:
        of_group |= {"spans": np.repeat(np.arange(len(scores), dtype=np.float64), 2).reshape(-1, 2), "min_gap": min_gap}
    return Candidates(scores, len(scores) if k is None else min(k, len(scores)), seed, threshold, **of_group)


def set_rows(
    data: str,
    table: FrameTable,
    groups: Sequence[NDArray[np.int64]],
    methods: Sequence[MethodAtK],
    measure: Measure,
    how: SetMethods,
    *,
    sources: int,
    media: NDArray[np.int64] | None = None,
    known: Known | None = None,
    answers: Mapping[MethodAtK, NetworkAnswers] | None = None,
) -> tuple[list[Record], list[Record]]:
    """The rows of the methods, but for those that need what is not known, and the differences of each to its baselines.

    Costs are per group, from opening its files: frames that the base embeds, and the DDNet on all frames for
    methods that need scores.

    Args:
        data: name of the data set.
        groups: [g] rows of the table.
        sources: how many identities the groups stem from.
        media, known: of every frame of the table, see `group_features`.
        answers: of the methods with a network of sets; those that have none are left out.

    Raises:
        ClipselectError: features that cannot be pooled by media.
    """
    base = how.networks.base
    if media is not None and table.has_zero_features:
        raise ClipselectError(f"{base.name} gives features of length 0, which have no direction; take another base")
    rows, measured, every = [], dict[MethodAtK, dict[str, BootstrapResult]](), table.known | {**(known or {})}
    for method, k in methods:
        quality = table.qualities.get(method.name)
        seen = every if quality is None else every | {"quality": quality.scores}
        if method.needs in OPTIONAL and method.needs not in seen:
            continue
        answered = (answers or {}).get((method, k))
        if method.network and answered is None:
            continue
        found, embedded = [], []
        for seed in how.seeds if method.role == "random" else how.seeds[:1]:
            try:
                features, counts = (answered.features, answered.embedded) if answered else group_features(
                    table.features, table.scores, groups, method, k,
                    threshold=how.threshold, seed=seed, min_gap=how.min_gap, media=media, known=seen,
                )  # fmt: skip
            except ValueError as e:  # those of a template cancel out
                raise ClipselectError(f"{base.name}: {e}; take another base") from e
            found.append(measure(features))
            embedded.append(float(counts.mean()))
        metrics = {name: _mean([one[name] for one in found]) for name in found[0]}
        measured[method, k] = metrics
        row: Record = {"data": data, "method": method.name, "k": k, "clips": float(np.mean(embedded))}
        row |= {"videos": len(groups), "sources": sources}
        for name, drawn in metrics.items():
            row |= metric_entry(name, drawn.value, *_interval(drawn, sources))
        size = float(np.mean([len(group) for group in groups]))
        scored = size if method.needs in ("ddnet", "quality") else 0.0
        embedded_once = float(answered.counts.mean()) if answered else row["clips"] / max(method.base_passes, 1)
        opened = max(embedded_once, scored)
        rows.append(row | _costs(table, how.networks, method, row["clips"], scored, opened, answered))
    differences = [
        _difference(data, name, one, baseline, measured[one][name] - measured[baseline][name])
        for name in measured[methods[0]]
        for one, baseline in _pairs(measured, name)
    ]
    return rows, differences


def _interval(drawn: BootstrapResult, sources: int) -> tuple[float, float]:
    """Where all or none are right, drawing them again says nothing; and as an interval is shifted by the mean bias of
    its draws, it is clipped to what is possible."""
    low, high = np.clip(extreme_interval(np.array([drawn.value]), sources) or drawn.interval, 0, 1).tolist()
    return low, high


def _costs(
    table: FrameTable, networks: FrameNetworks, method: Method, embedded: float, scored: float, opened: float,
    answered: NetworkAnswers | None,
) -> Record:  # fmt: skip
    """By how often per group a frame is embedded, scored, opened. A network of sets counts as a part of the base, and a
    scorer in the place of the DDNet as the DDNet."""
    costs: Record = {}
    run, seconds_run = networks.base, table.seconds_base
    if method.needs == "dropout":
        run, seconds_run = networks.base_with_dropout, table.seconds_dropout
    base = answered.gflops if answered else (run.gflops or 0.0) * embedded
    by_itself = embedded if answered is None or answered.embeds_frames else 0.0
    scorer = table.qualities.get(method.name, Quality(table.scores, table.seconds_ddnet, networks.ddnet_gflops))
    if base and scorer.gflops is not None:
        ddnet = scorer.gflops * scored
        costs = {"gflops": base + ddnet, "gflops_base": base, "gflops_ddnet": ddnet}
    seconds = {
        "seconds_decode": table.seconds_read * opened,
        "seconds_ddnet": scorer.seconds * scored,
        "seconds_base": seconds_run * by_itself + (answered.seconds if answered else 0.0),
    }
    return costs | {"seconds": sum(seconds.values())} | seconds


def _pairs(measured: dict[MethodAtK, dict[str, BootstrapResult]], metric: str) -> Iterator[tuple[MethodAtK, MethodAtK]]:
    """Each method with its baselines: the average; for a choice by score as many even frames; for ddl even frames at
    every K and ddl at its best K, which says how small a K will do; for one that needs the base on all frames ddl."""
    own = [one for one in measured if one[0].role == "subject"]
    even = [one for one in measured if one[0].role == "uniform"]
    best = max(own, key=lambda one: measured[one][metric].value, default=None)  # the first of equals
    for one in measured:
        method, k = one
        baselines: list[MethodAtK | None] = [AVERAGE]
        if method.network is not None or method.base_passes or method.needs == "quality":
            baselines += [other for other in own if other[1] == k] if k is not None else [(DDL_WITHOUT_K, None)]
            baselines += [(METHODS[method.network], None)] if method.network else []
        elif one in own:
            baselines += [*even, best]
        elif method.needs == "ddnet" and k is not None:
            baselines += [other for other in even if other[1] == k]
        elif method.name in BASELINES_WITHOUT_K:
            baselines.append((METHODS[BASELINES_WITHOUT_K[method.name]], None))
        yield from ((one, baseline) for baseline in baselines if baseline in measured and baseline != one)


def _difference(data: str, metric: str, one: MethodAtK, than: MethodAtK, gain: BootstrapResult) -> Record:
    low, high = gain.interval
    return {
        "data": data, "metric": metric, "method": one[0].name, "k": one[1], "than": than[0].name, "than_k": than[1],
        "difference": 100 * gain.value, "low": 100 * low, "high": 100 * high,
    }  # fmt: skip


def _mean(drawn: Sequence[BootstrapResult]) -> BootstrapResult:
    return BootstrapResult(float(np.mean([d.value for d in drawn])), np.mean([d.draws for d in drawn], axis=0))
