"""What a results file says: which K, and is it worth its cost. Pure functions.

Which K: the smallest whose paired interval against the best K holds 0, and that loses at most `LOSS` points. A file
without such pairs cannot tell; then it is the best K.
The rivals: the best of `uniform` at no more GFLOPs than that, the DDNet's included, and of the `uniform_equal_cost` of
that K, which is rounded up; the best uniform in no more seconds, where those were measured; and dense. Where no cost is
known, uniform with as many clips.
Better or worse: the paired interval of the difference, where the file has it, is off 0, and the two differ on at least
`DIFFERING` sources; without a pair, the two intervals do not overlap. Anything else is "not told apart" or "too few
videos to tell".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clipselect.errors import ClipselectError
from clipselect.evaluation.methods import METHODS, names
from clipselect.report.report import Run
from clipselect.report.schema import Estimate, Record, Row

LOSS = 1.0
"""Points that the chosen K may lose to the best one."""
DIFFERING = 6
"""Of fewer sources even a unanimous verdict comes by chance in more than 5 % of cases: 2 x 0.5^5 = 6 %."""
(SUBJECT,) = names("subject")
(EQUAL_COST,) = names("equal_cost")
UNIFORM, DENSE = names("uniform"), names("dense")
"""What the rivals are called for clips, and for the frames of sets."""
METRICS = {
    "top1": "top-1", "top5": "top-5", "mean": "mean of top-1 and top-5", "map": "mAP", "rank1": "rank-1",
    "rank5": "rank-5", "rank20": "rank-20", **{f"tar_at_far_1e-{n}": f"TAR at FAR 1e-{n}" for n in range(1, 7)},
}  # fmt: skip

Verdict = Literal["better", "worse", "not told apart", "too few videos to tell"]
VERDICTS: tuple[Verdict, ...] = ("better", "worse", "not told apart", "too few videos to tell")


@dataclass(frozen=True)
class Comparison:
    """The subject beside a rival.

    Attributes:
        cost: what the rival was chosen by and is compared in besides: gflops or seconds; clips where no cost is known.
        difference: subject minus rival in points.
        interval: 95 %, paired; None where the file has none.
        differing: sources on which the two differ, where the file says so.
    """

    rival: Row
    cost: str
    difference: float
    interval: tuple[float, float] | None
    differing: int | None
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """What one run says about one data set.

    Attributes:
        metric: the one to go by; empty where only costs were measured.
        rows: by method and K.
        chosen: ddl at the K to take; None without rows of ddl.
        best: ddl at the K with the highest metric.
        to_best: the difference of `chosen` to `best`, where they are two and the file pairs them.
        can_tell: whether the file pairs every K with the best one.
        uniform, in_time, dense: how `chosen` compares with uniform for its cost, with uniform in no more seconds and
            with dense, where there are such rows.
        no_dearer: dense or dense_weighted where it costs no more GFLOPs or seconds and `chosen` is not better.
    """

    run: Run
    data: str
    metric: str
    rows: list[Row]
    chosen: Row | None = None
    best: Row | None = None
    to_best: Estimate | None = None
    can_tell: bool = False
    uniform: Comparison | None = None
    in_time: Comparison | None = None
    dense: Comparison | None = None
    no_dearer: tuple[Comparison, ...] = ()

    @property
    def comparisons(self) -> list[Comparison]:
        return [c for c in (self.uniform, self.in_time, self.dense) if c is not None]


def findings(runs: Sequence[Run], metric: str | None = None) -> list[Finding]:
    """One per run and data set, in the order of the files.

    Args:
        metric: the one to go by; None for the first of the data set.

    Raises:
        ClipselectError: a data set without the `metric`.
    """
    return [_finding(run, data, metric) for run in runs for data in dict.fromkeys(row.data for row in run.rows)]


def is_variant(method: str) -> bool:
    """Whether plots leave the method out and tables show it at the end."""
    return method in METHODS and not METHODS[method].in_plots


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Rows by `place`."""
    return sorted(rows, key=place)


def place(row: Row) -> tuple[bool, int, str, float]:
    """Where a row stands: oracles last, methods in the order of `METHODS` with unknown ones after, K ascending."""
    known = [*METHODS].index(row.method) if row.method in METHODS else len(METHODS)
    return row.method in names("oracle"), known, row.method, math.inf if row.k is None else row.k


def choose_k(rows: Sequence[Row], metric: str, pairs: Sequence[Record] = ()) -> tuple[Row, Row, Estimate | None] | None:
    """The rows of the smallest K that will do and of the best K, and their difference if they are two; see above for
    the rule. None without rows of ddl.

    Args:
        pairs: the `differences` of the data set.
    """
    own = [row for row in ordered(rows) if row.method == SUBJECT and row.k is not None and metric in row.metrics]
    if not own:
        return None
    best = max(own, key=lambda row: row.metrics[metric].value)  # the first of equals
    for row in own:
        if row is best:
            break
        pair = _pair(pairs, row, best, metric)
        if pair is not None:
            loss = _estimate(pair)
            if loss.low <= 0 <= loss.high and loss.value >= -LOSS:
                return row, best, loss
    return best, best, None


def compare(run: Run, subject: Row, rival: Row, metric: str, cost: str = "gflops") -> Comparison:
    """The difference of two rows of a data set, and whether it can be told from none."""
    one, other = subject.metrics[metric], rival.metrics[metric]
    pair = _pair(run.records("differences", subject.data), subject, rival, metric)
    if pair is not None:
        paired, differing = _estimate(pair), pair.get("differing")
        told = verdict(paired, differing)
        return Comparison(rival, cost, paired.value, (paired.low, paired.high), differing, told)
    apart: Verdict = "better" if one.low > other.high else "worse" if one.high < other.low else "not told apart"
    if apart != "not told apart" and min(subject.sources, rival.sources) < DIFFERING:
        apart = "too few videos to tell"
    return Comparison(rival, cost, one.value - other.value, None, None, apart)


def verdict(difference: Estimate, differing: int | None = None) -> Verdict:
    """What the interval of a difference says; `differing`: sources on which the two differ, if that is known."""
    if difference.low <= 0 <= difference.high:
        return "not told apart"
    if differing is not None and differing < DIFFERING:
        return "too few videos to tell"
    return "better" if difference.low > 0 else "worse"


def _finding(run: Run, data: str, metric: str | None) -> Finding:
    rows = ordered([row for row in run.rows if row.data == data])
    first = next((name for row in run.rows if row.data == data for name in row.metrics), "")
    if metric is not None and not any(metric in row.metrics for row in rows):
        known = ", ".join(dict.fromkeys(name for row in rows for name in row.metrics)) or "nothing: only costs are"
        raise ClipselectError(f"{run.file}: --metric {metric} is not measured on {data!r}; choose among {known}")
    metric = metric or first
    pairs = run.records("differences", data)
    choice = choose_k(rows, metric, pairs)
    if choice is None:
        return Finding(run, data, metric, rows)
    chosen, best, to_best = choice
    others = [row for row in rows if row.method == SUBJECT and row is not best and metric in row.metrics]
    dense, weighted = (
        next((row for row in rows if row.method in methods and metric in row.metrics), None)
        for methods in (DENSE, ("dense_weighted",))
    )

    def beside(rival: Row | None, cost: str) -> Comparison | None:
        return None if rival is None else compare(run, chosen, rival, metric, cost)

    cost = "gflops" if "gflops" in chosen.numbers else "clips"
    no_dearer = [
        compare(run, chosen, row, metric, unit)
        for unit in ("gflops", "seconds")
        for row in (dense, weighted)
        if row is not None and _within(row, chosen, unit)
    ]
    return Finding(
        run, data, metric, rows, chosen, best, to_best,
        can_tell=all(_pair(pairs, row, best, metric) is not None for row in others),
        uniform=beside(_for_the_cost(rows, chosen, metric), cost),
        in_time=beside(_best_uniform([r for r in rows if _within(r, chosen, "seconds")], metric), "seconds"),
        dense=beside(dense, cost),
        no_dearer=tuple(c for c in no_dearer if c.verdict != "better"),
    )  # fmt: skip


def _for_the_cost(rows: Sequence[Row], chosen: Row, metric: str) -> Row | None:
    """The best uniform for the cost of the chosen row of ddl; with as many clips where that is not known."""
    if "gflops" not in chosen.numbers:
        return _best_uniform([row for row in rows if row.k == chosen.k], metric)
    equal = [row for row in rows if row.method == EQUAL_COST and row.k == chosen.k]
    return _best_uniform([*equal, *(row for row in rows if _within(row, chosen, "gflops"))], metric)


def _best_uniform(rows: Sequence[Row], metric: str) -> Row | None:
    own = [row for row in rows if row.method in (*UNIFORM, EQUAL_COST) and metric in row.metrics]
    return max(own, key=lambda row: row.metrics[metric].value, default=None)


def _within(row: Row, chosen: Row, cost: str) -> bool:
    """Whether a row costs no more, where that was measured of both."""
    known = cost in row.numbers and cost in chosen.numbers
    return known and row.numbers[cost] <= chosen.numbers[cost] * (1 + 1e-9)


def _pair(pairs: Sequence[Record], subject: Row, rival: Row, metric: str) -> Record | None:
    """The entry of `differences` for two rows."""
    wanted = (metric, subject.method, subject.k, rival.method)
    for entry in pairs:
        if (entry["metric"], entry["method"], entry.get("k"), entry["than"]) == wanted:
            than_k = entry.get("than_k")
            if than_k == rival.k or (rival.method != SUBJECT and None in (than_k, rival.k)):
                return entry
    return None


def _estimate(entry: Record) -> Estimate:
    return Estimate(entry["difference"], entry["low"], entry["high"])
