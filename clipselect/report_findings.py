"""What a results file says: which K, and is it worth its cost. Pure functions.

Which K: the smallest whose metric is not below the 95 % interval of the best K.
The rival: the best row of `uniform` or `uniform_equal_cost` that costs no more GFLOPs than that, the DDNet's included;
and the best that takes no more seconds, where those were measured.
Better or worse: the paired interval of the difference, where the file has it, is off 0; otherwise, the two intervals
do not overlap. Anything else is "not told apart".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clipselect.errors import ClipselectError
from clipselect.report import Run
from clipselect.report_schema import Estimate, Record, Row, number

SUBJECT = "ddl"
UNIFORM = ("uniform", "uniform_equal_cost")
METHODS = {
    "ddl": "the K best by the DDNet's score, weighted by their scores",
    "ddl_literal": "as ddl, but weights rescaled over the kept ones alone, as the paper prints it",
    "ddl_no_rescale": "as ddl, but weighted by the scores as they are",
    "ddl_average": "as ddl, but averaged without weights",
    "top1": "the single best by the DDNet's score",
    "uniform_equal_cost": "evenly spread, as many as the whole cost of ddl at that K buys, the DDNet's included",
    "uniform": "K evenly spread, averaged",
    "random": "K drawn at random, averaged",
    "confidence": "the K best by the base's own largest probability, which costs the base on all candidates",
    "dense": "all candidates, averaged",
    "dense_weighted": "all candidates, weighted by their scores",
    "action_clips_only": "an oracle: only the candidates that show the action, which nobody knows beforehand",
}
"""What the known methods are, in the order of the tables."""
VARIANTS = frozenset({"ddl_literal", "ddl_no_rescale", "ddl_average", "dense_weighted"})
ORACLES = frozenset({"action_clips_only"})
METRICS = {"top1": "top-1", "top5": "top-5", "mean": "mean of top-1 and top-5", "map": "mAP"}

Verdict = Literal["better", "worse", "not told apart"]


@dataclass(frozen=True)
class Comparison:
    """The subject beside a rival.

    Attributes:
        cost: what the rival was chosen by and is compared in besides, gflops or seconds.
        difference: subject minus rival in points.
        interval: 95 %, paired; None where the file has none.
    """

    rival: Row
    cost: str
    difference: float
    interval: tuple[float, float] | None
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """What one run says about one data set.

    Attributes:
        metric: the one to go by; empty where only costs were measured.
        rows: by method and K.
        chosen: ddl at the K to take; None without rows of ddl.
        best: ddl at the K with the highest metric.
        uniform, in_time, dense: how `chosen` compares with uniform at no more GFLOPs, with uniform in no more seconds
            and with dense, where there are such rows.
    """

    run: Run
    data: str
    metric: str
    rows: list[Row]
    chosen: Row | None
    best: Row | None
    uniform: Comparison | None = None
    in_time: Comparison | None = None
    dense: Comparison | None = None

    @property
    def comparisons(self) -> list[Comparison]:
        return [c for c in (self.uniform, self.in_time, self.dense) if c is not None]


@dataclass(frozen=True)
class ClassGain:
    """Metric of ddl minus that of uniform at the same K, for the videos of one class."""

    name: str
    videos: int
    subject: float
    uniform: float

    @property
    def gain(self) -> float:
        return self.subject - self.uniform


def findings(runs: Sequence[Run], metric: str | None = None) -> list[Finding]:
    """One per run and data set, in the order of the files.

    Args:
        metric: the one to go by; None for the first of the data set.

    Raises:
        ClipselectError: a data set without the `metric`.
    """
    return [_finding(run, data, metric) for run in runs for data in dict.fromkeys(row.data for row in run.rows)]


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Rows by `place`."""
    return sorted(rows, key=place)


def place(row: Row) -> tuple[bool, int, str, float]:
    """Where a row stands: oracles last, methods in the order of `METHODS` with unknown ones after, K ascending."""
    known = [*METHODS].index(row.method) if row.method in METHODS else len(METHODS)
    return row.method in ORACLES, known, row.method, math.inf if row.k is None else row.k


def choose_k(rows: Sequence[Row], metric: str) -> tuple[Row, Row] | None:
    """The rows of the smallest K that will do, and of the best K; see above for the rule."""
    own = [row for row in ordered(rows) if row.method == SUBJECT and row.k is not None and metric in row.metrics]
    if not own:
        return None
    best = max(own, key=lambda row: row.metrics[metric].value)  # the first of equals
    floor = best.metrics[metric].low
    return next(row for row in own if row is best or row.metrics[metric].value >= floor), best


def compare(run: Run, subject: Row, rival: Row, metric: str, cost: str = "gflops") -> Comparison:
    """The difference of two rows of a data set, and whether it can be told from none."""
    one, other = subject.metrics[metric], rival.metrics[metric]
    for entry in run.records("differences", subject.data):
        same = (entry["metric"], entry["method"], entry.get("k"), entry["than"]) == (
            metric, subject.method, subject.k, rival.method,
        )  # fmt: skip
        if same and (entry.get("than_k") in (None, rival.k) or rival.k is None):
            paired = Estimate(entry["difference"], entry["low"], entry["high"])
            return Comparison(rival, cost, paired.value, (paired.low, paired.high), verdict(paired))
    apart: Verdict = "better" if one.low > other.high else "worse" if one.high < other.low else "not told apart"
    return Comparison(rival, cost, one.value - other.value, None, apart)


def verdict(difference: Estimate) -> Verdict:
    """What the interval of a difference says."""
    return "better" if difference.low > 0 else "worse" if difference.high < 0 else "not told apart"


def class_gains(finding: Finding) -> tuple[int, list[ClassGain]] | None:
    """Per class ddl minus uniform, the largest gain first, at the chosen K or the one nearest to it that the file has
    for both; None if it has none."""
    if finding.chosen is None or finding.chosen.k is None:
        return None
    wanted, values = finding.chosen.k, dict[tuple[str, int, str], Record]()
    for r in finding.run.records("classes", finding.data):
        if number(r.get(finding.metric)) and number(r.get("k")):
            values[r["method"], r["k"], r["class"]] = r
    pairs = [
        (k, ClassGain(name, r["videos"], r[finding.metric], values["uniform", k, name][finding.metric]))
        for (method, k, name), r in values.items()
        if method == SUBJECT and ("uniform", k, name) in values
    ]
    if not pairs:
        return None
    nearest = min(sorted({k for k, _ in pairs}), key=lambda k: abs(k - wanted))
    gains = [gain for k, gain in pairs if k == nearest]
    return nearest, sorted(gains, key=lambda g: (-g.gain, g.name))


def _finding(run: Run, data: str, metric: str | None) -> Finding:
    rows = ordered([row for row in run.rows if row.data == data])
    first = next((name for row in run.rows if row.data == data for name in row.metrics), "")
    if metric is not None and not any(metric in row.metrics for row in rows):
        known = ", ".join(dict.fromkeys(name for row in rows for name in row.metrics)) or "nothing: only costs are"
        raise ClipselectError(f"{run.file}: --metric {metric} is not measured on {data!r}; choose among {known}")
    metric = metric or first
    choice = choose_k(rows, metric)
    if choice is None:
        return Finding(run, data, metric, rows, None, None)
    chosen, best = choice
    dense = next((row for row in rows if row.method == "dense" and metric in row.metrics), None)

    def beside(rival: Row | None, cost: str = "gflops") -> Comparison | None:
        return None if rival is None else compare(run, chosen, rival, metric, cost)

    return Finding(
        run, data, metric, rows, chosen, best,
        uniform=beside(_affordable(rows, chosen, metric, "gflops")),
        in_time=beside(_affordable(rows, chosen, metric, "seconds"), "seconds"),
        dense=beside(dense),
    )  # fmt: skip


def _affordable(rows: Sequence[Row], chosen: Row, metric: str, cost: str) -> Row | None:
    """The best row of uniform that costs no more than the chosen row of ddl."""
    if cost not in chosen.numbers:
        return None
    own = [row for row in rows if row.method in UNIFORM and metric in row.metrics and cost in row.numbers]
    within = [row for row in own if row.numbers[cost] <= chosen.numbers[cost] * (1 + 1e-9)]
    return max(within, key=lambda row: row.metrics[metric].value, default=None)
