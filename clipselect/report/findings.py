"""What a results file says: which K to take, and whether it is worth its cost. Pure functions.

Which K: the smallest without a significant difference from the best K that loses at most `MAX_LOSS` points to it. Where
the file does not compare the two, the best K.
The baselines: dense, the best uniform in no more seconds, and the best uniform for the cost: of all uniform rows with
no more GFLOPs than ddl, the DDNet's included, and of the equal-cost row of the same K, which is rounded up; where no
cost is known, uniform with the same K. Likewise the best row for the cost of each method that ranks without a network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from clipselect.errors import ArgumentError
from clipselect.evaluation.fields import Estimate
from clipselect.evaluation.methods import METHODS, names
from clipselect.evaluation.result_entries import BestClip, Difference, Row
from clipselect.report.runs import Run

MAX_LOSS = 1.0
"""Points that the chosen K may lose to the best one."""
MIN_DIFFERING = 6
"""On fewer sources even a unanimous result comes by chance in more than 5 % of cases: 2 x 0.5^5 = 6 %."""
SUBJECT: str = names("subject")[0]
EQUAL_COST: str = names("equal_cost")[0]
UNIFORM, DENSE = names("uniform"), names("dense")
"""What the baselines are called for clips, and for the frames of sets."""
CHEAP = names("cheap")


class Verdict(Enum):
    BETTER = "better"
    WORSE = "worse"
    SIMILAR = "no significant difference"
    TOO_FEW = "too few sources to say"


class Reason(Enum):
    """Why a K is taken."""

    AS_GOOD_AS_BEST = "the smallest with no significant difference from the best"
    NO_SMALLER = "the best; no smaller K was measured"
    SMALLER_ARE_WORSE = f"the best; every smaller K is significantly worse, or more than {MAX_LOSS:g} point worse"
    NOT_COMPARED = "the best; the file does not compare every smaller K with it, so a smaller one may be as good"


@dataclass(frozen=True)
class Choice:
    """Which K to take.

    Attributes:
        row: ddl at that K.
        best: ddl at the K with the highest metric.
        loss: `row` minus `best` in points; None where they are the same row.
    """

    row: Row
    best: Row
    reason: Reason
    loss: Estimate | None = None


@dataclass(frozen=True)
class Comparison:
    """ddl at the chosen K beside a baseline.

    Attributes:
        cost: what the baseline was chosen by: gflops or seconds; clips where no cost is known.
        difference: ddl minus baseline in points.
        paired: the same with its paired interval; None where the file has none.
        differing: sources on which the two differ, where the file says so.
    """

    baseline: Row
    cost: str
    difference: float
    paired: Estimate | None
    differing: int | None
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """What one run says about one data set.

    Attributes:
        metric: the one to go by; empty where only costs were measured.
        rows: in the order of the tables.
        choice: None without rows of ddl.
        uniform, uniform_in_time, dense: how ddl at the chosen K compares with the best uniform for its cost, with the
            best uniform in no more seconds, and with dense, where there are such rows.
        dense_for_less: dense and dense_weighted where they cost no more GFLOPs or seconds and ddl is not better.
        cheap: how it compares with the best row for its cost of each method that ranks without a network.
    """

    run: Run
    data: str
    metric: str
    rows: list[Row]
    choice: Choice | None = None
    uniform: Comparison | None = None
    uniform_in_time: Comparison | None = None
    dense: Comparison | None = None
    dense_for_less: tuple[Comparison, ...] = ()
    cheap: tuple[Comparison, ...] = ()

    @property
    def best_clips(self) -> list[BestClip]:
        """Those of the data set."""
        return [entry for entry in self.run.results.best_clips or () if entry.data == self.data]


def findings(runs: Sequence[Run], metric: str | None = None) -> list[Finding]:
    """One per run and data set, in the order of the files.

    Args:
        metric: the one to go by; None for the first of the data set.

    Raises:
        ArgumentError: a data set without the `metric`.
    """
    return [_finding(run, data, metric) for run in runs for data in dict.fromkeys(row.data for row in run.rows)]


def _finding(run: Run, data: str, wanted: str | None) -> Finding:
    rows = [row for row in run.rows if row.data == data]
    metric = _metric(run, rows, wanted)
    rows = ordered(rows)
    differences = [entry for entry in run.results.differences or () if entry.data == data]
    choice = choose_k(rows, metric, differences)
    if choice is None:
        return Finding(run, data, metric, rows)
    measured, ddl = [row for row in rows if metric in row.metrics], choice.row

    def beside(baseline: Row | None, cost: str) -> Comparison | None:
        return None if baseline is None else compare(ddl, baseline, metric, differences, cost)

    cost = "gflops" if ddl.gflops is not None else "clips"
    dense = [row for row in measured if row.method in (*DENSE, "dense_weighted")]
    cheaper = [beside(row, unit) for unit in ("gflops", "seconds") for row in dense if _costs_no_more(row, ddl, unit)]
    in_time = [row for row in measured if _costs_no_more(row, ddl, "seconds")]
    affordable = _affordable(measured, ddl)
    cheap = [beside(_best(affordable, metric, (name,)), cost) for name in CHEAP]
    return Finding(
        run, data, metric, rows, choice,
        uniform=beside(_best_uniform(affordable, metric), cost),
        uniform_in_time=beside(_best_uniform(in_time, metric), "seconds"),
        dense=beside(next((row for row in dense if row.method in DENSE), None), cost),
        dense_for_less=tuple(c for c in cheaper if c is not None and c.verdict is not Verdict.BETTER),
        cheap=tuple(c for c in cheap if c is not None),
    )  # fmt: skip


def choose_k(rows: Sequence[Row], metric: str, differences: Sequence[Difference] = ()) -> Choice | None:
    """Which K of ddl to take, by the rule above; None without rows of ddl.

    Args:
        rows, differences: those of one data set.
    """
    own = [row for row in ordered(rows) if row.method == SUBJECT and row.k is not None and metric in row.metrics]
    if not own:
        return None
    best = max(own, key=lambda row: row.metrics[metric].value)  # the first of equals
    smaller = own[: own.index(best)]
    losses = [_paired(differences, row, best, metric) for row in smaller]
    for row, loss in zip(smaller, losses, strict=True):
        if loss is not None and loss.low <= 0 <= loss.high and loss.difference >= -MAX_LOSS:
            return Choice(row, best, Reason.AS_GOOD_AS_BEST, loss.estimate)
    if not smaller:
        return Choice(best, best, Reason.NO_SMALLER)
    return Choice(best, best, Reason.NOT_COMPARED if None in losses else Reason.SMALLER_ARE_WORSE)


def compare(
    row: Row, baseline: Row, metric: str, differences: Sequence[Difference] = (), cost: str = "gflops"
) -> Comparison:
    """How a row compares with a baseline of the same data set: by their paired difference where the file has it, and
    else by whether their two intervals overlap."""
    pair = _paired(differences, row, baseline, metric)
    if pair is not None:
        return Comparison(baseline, cost, pair.difference, pair.estimate, pair.differing, judge(pair))
    one, other = row.metrics[metric], baseline.metrics[metric]
    # of two intervals that touch the difference may be 0
    apart = Estimate(one.value - other.value, one.low - other.high, one.high - other.low)
    verdict = verdict_of(apart, min(row.source_count, baseline.source_count))
    return Comparison(baseline, cost, apart.value, None, None, verdict)


def judge(difference: Difference) -> Verdict:
    return verdict_of(difference.estimate, difference.differing)


def ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=place)


def place(row: Row) -> tuple[bool, int, str, float]:
    """Where a row stands: oracles last, methods in the order of `METHODS` with unknown ones after, K ascending."""
    number = [*METHODS].index(row.method) if row.method in METHODS else len(METHODS)
    return row.method in names("oracle"), number, row.method, math.inf if row.k is None else row.k


def is_variant(method: str) -> bool:
    """Whether plots leave the method out and tables show it apart."""
    return method in METHODS and not METHODS[method].in_plots


def _costs_no_more(row: Row, than: Row, cost: str) -> bool:
    """False where it was not measured of both."""
    one, other = row.costs.get(cost), than.costs.get(cost)
    return one is not None and other is not None and one <= other * (1 + 1e-9)


def _metric(run: Run, rows: Sequence[Row], wanted: str | None) -> str:
    """The metric to go by; empty where none was measured and none is wanted."""
    measured = [*dict.fromkeys(name for row in rows for name in row.metrics)]
    if wanted is None:
        return measured[0] if measured else ""
    if wanted not in measured:
        known = ", ".join(measured) or "nothing, only costs"
        raise ArgumentError("metric", f"{wanted} is not measured on {rows[0].data!r} in {run.file}; it has {known}")
    return wanted


def _affordable(rows: Sequence[Row], ddl: Row) -> list[Row]:
    """The rows that cost no more, and the equal-cost row of the same K, which is rounded up; where no cost is known,
    those with the same K."""
    if ddl.gflops is None:
        return [row for row in rows if row.k == ddl.k]
    same_k = [row for row in rows if row.method == EQUAL_COST and row.k == ddl.k]
    return [*same_k, *(row for row in rows if _costs_no_more(row, ddl, "gflops"))]


def _best_uniform(rows: Sequence[Row], metric: str) -> Row | None:
    return _best(rows, metric, (*UNIFORM, EQUAL_COST))


def _best(rows: Sequence[Row], metric: str, methods: Sequence[str]) -> Row | None:
    own = [row for row in rows if row.method in methods]
    return max(own, key=lambda row: row.metrics[metric].value, default=None)


def _paired(differences: Sequence[Difference], row: Row, baseline: Row, metric: str) -> Difference | None:
    """The entry for two rows; a baseline without a K may have the number of all its elements there, or none."""
    wanted = (metric, row.method, row.k, baseline.method)
    for entry in differences:
        same_k = entry.than_k == baseline.k or (baseline.method != SUBJECT and None in (entry.than_k, baseline.k))
        if same_k and (entry.metric, entry.method, entry.k, entry.than) == wanted:
            return entry
    return None


def verdict_of(difference: Estimate, sources: int | None) -> Verdict:
    """What a difference with its interval says, of so many sources that may differ."""
    if difference.low <= 0 <= difference.high:
        return Verdict.SIMILAR
    if sources is not None and sources < MIN_DIFFERING:
        return Verdict.TOO_FEW
    return Verdict.BETTER if difference.low > 0 else Verdict.WORSE
