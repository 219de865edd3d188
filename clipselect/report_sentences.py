"""Findings in words: the trade in one sentence, plainly, and the sentences that bear it out."""

from collections.abc import Sequence

from clipselect.report_findings import METRICS, SUBJECT, Finding
from clipselect.report_schema import Estimate, Row

UNITS = {"gflops": "GFLOPs", "seconds": "seconds"}


def headline(finding: Finding) -> str:
    """The trade in one sentence, and plainly so when uniform at no more cost is as good or better."""
    metric, chosen = finding.metric, finding.chosen
    if not metric:
        return f"No accuracy was measured on {finding.data}; the tables show what it costs."
    if chosen is None:
        return f"There are no rows of {SUBJECT} on {finding.data}; the tables show what there is."
    own = f"{percent(chosen.metrics[metric])} {METRICS.get(metric, metric)} at {amount(chosen.gflops)} GFLOPs a video"
    at, rest = f"{SUBJECT} at {_k(chosen)}", _dense_clause(finding) + _clock_clause(finding)
    if finding.uniform is None:
        return f"{at} reaches {own}{rest}; no row of uniform costs as little."
    rival = finding.uniform.rival
    other = f"{percent(rival.metrics[metric])} at {amount(rival.gflops)}"
    named = f"the best uniform at no more cost ({named_row(rival)})"
    if finding.uniform.verdict == "better":
        return f"{at} reaches {own}, more than {named}: {other}{rest}."
    if finding.uniform.verdict == "worse":
        return f"Uniform beats {SUBJECT}: {at} reaches {own}, less than {named}: {other}{rest}."
    return f"{at} is not told apart from uniform: it reaches {own}, {named} {other}{rest}."


def summary(found: Sequence[Finding]) -> str:
    """All headlines in one sentence: the headline itself if there is one, otherwise how often which verdict came."""
    if len(found) == 1:
        return headline(found[0])
    verdicts = [f.uniform.verdict for f in found if f.uniform is not None]
    timed = [f.in_time.verdict for f in found if f.in_time is not None]
    if not verdicts:
        return f"Nothing here compares {SUBJECT} with uniform at no more cost."
    clock = f"; by the clock {_counted(timed)}" if timed else ""
    return f"{SUBJECT} beside the best uniform at no more cost: {_counted(verdicts)}{clock}."


def details(finding: Finding) -> list[str]:
    """The sentences after the headline: why this K, and every comparison with its interval."""
    chosen, best, metric = finding.chosen, finding.best, finding.metric
    if chosen is None or best is None:
        return []
    top = best.metrics[metric]
    if chosen is best:
        why = f"{_k(best)} is the best, and no smaller K lies within its 95 % interval ({span(top)})"
    else:
        why = f"{_k(chosen)} is the smallest within the 95 % interval of the best, {_k(best)}: {percent(top)}"
    sentences = [f"Which K: {why}."]
    for c in finding.comparisons:
        if c.interval is not None:
            shows = f"paired 95 % interval {c.interval[0]:+.1f} to {c.interval[1]:+.1f}"
        else:
            shows = f"the intervals {'overlap' if c.verdict == 'not told apart' else 'do not overlap'}, not paired"
        words = "not told apart from" if c.verdict == "not told apart" else f"{c.verdict} than"
        rival = named_row(c.rival)
        if c is not finding.dense:
            rival += f", the best uniform in no more {UNITS[c.cost]}"
        sentences.append(
            f"{SUBJECT} at {_k(chosen)} is {words} {rival}: {c.difference:+.1f} points ({shows}),"
            f" {_cost_ratio(chosen, c.rival, c.cost)}."
        )
    return sentences


def amount(value: float) -> str:
    """Three digits that count, without an exponent where people can do without."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def percent(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} % ({span(estimate)})"


def span(estimate: Estimate) -> str:
    return f"{estimate.low:.1f} to {estimate.high:.1f}"


def named_row(row: Row) -> str:
    """A method and its K."""
    return row.method if row.k is None or row.method.startswith("dense") else f"{row.method} at {_k(row)}"


def _counted(verdicts: Sequence[str]) -> str:
    """How often which verdict came: "better in 3 of 4, worse in 1"."""
    words = [f"{word} in {verdicts.count(word)}" for word in ("better", "worse", "not told apart") if word in verdicts]
    return ", ".join([f"{words[0]} of {len(verdicts)}", *words[1:]])


def _dense_clause(finding: Finding) -> str:
    if finding.dense is None:
        return ""
    rival = finding.dense.rival
    return f"; dense: {percent(rival.metrics[finding.metric])} at {amount(rival.gflops)}"


def _clock_clause(finding: Finding) -> str:
    """Fewer operations need not be less time: says so where uniform in no more seconds does as well."""
    if finding.in_time is None or finding.in_time.verdict == "better":
        return ""
    rival = named_row(finding.in_time.rival)
    if finding.in_time.verdict == "worse":
        return f"; by the clock {rival} is better and no slower"
    return f"; by the clock it is not told apart from {rival}, which is no slower"


def _cost_ratio(row: Row, rival: Row, cost: str) -> str:
    own, other = row.numbers[cost], rival.numbers[cost]
    if min(own, other) <= 0:
        return f"{amount(own)} against {amount(other)} {UNITS[cost]}"
    if 0.995 < other / own < 1.005:
        return f"for the same {UNITS[cost]}"
    if other > own:
        return f"for {amount(other / own)} times fewer {UNITS[cost]}"
    return f"for {amount(own / other)} times the {UNITS[cost]}"


def _k(row: Row) -> str:
    return f"K = {row.k}"
