"""Findings in words: the trade in one sentence, plainly, and the sentences that bear it out."""

from collections.abc import Callable, Iterator, Sequence

from clipselect.report.classes import ClassGain, class_gains, worst
from clipselect.report.findings import LOSS, METRICS, SUBJECT, VERDICTS, Comparison, Finding
from clipselect.report.schema import Estimate, Row

UNITS = {"gflops": "GFLOPs", "seconds": "seconds"}
TOLD_APIECE = 3
"""Data sets and runs that the first sentence takes one by one."""


def headline(finding: Finding) -> str:
    """The trade in one sentence, and plainly so when uniform or dense at no more cost is as good or better."""
    metric, chosen = finding.metric, finding.chosen
    if not metric:
        return f"No accuracy was measured on {finding.data}; the tables show what it costs."
    if chosen is None:
        return f"There are no rows of {SUBJECT} on {finding.data}; the tables show what there is."
    own, at = f"{percent(chosen.metrics[metric])} {METRICS.get(metric, metric)}", f"{SUBJECT} at {_k(chosen)}"
    if "gflops" in chosen.numbers:
        own += f" at {amount(chosen.numbers['gflops'])} GFLOPs a {finding.run.group}"
    rest = _dense_clause(finding) + _clock_clause(finding) + _no_dearer_clause(finding)
    if finding.uniform is None:
        return f"{at} reaches {own}{rest}; there is no row of uniform to set beside it."
    rival = finding.uniform.rival
    other = _value_and_cost(rival, metric)
    known = finding.uniform.cost == "gflops"
    named = f"the best uniform for that cost ({in_words(rival)})" if known else in_words(rival)
    told = {
        "better": f"{at} reaches {own}, more than {named}: {other}",
        "worse": f"Uniform beats {SUBJECT}: {at} reaches {own}, less than {named}: {other}",
        "not told apart": f"{at} is not told apart from uniform: it reaches {own}, {named} {other}",
    }
    few = f"Too few videos tell {at} from uniform: it reaches {own}, {named} {other}"
    return f"{told.get(finding.uniform.verdict, few)}{rest}."


def summary(found: Sequence[Finding]) -> str:
    """All findings at a glance: few one by one, of many how often which verdict came."""
    if len(found) <= TOLD_APIECE:
        runs = {finding.run.label for finding in found}
        return " ".join(_in_short(f, f"{f.data}, {f.run.label}" if len(runs) > 1 else f.data) for f in found)
    verdicts = [f.uniform.verdict for f in found if f.uniform is not None]
    timed = [f.in_time.verdict for f in found if f.in_time is not None]
    if not verdicts:
        return f"Nothing here compares {SUBJECT} with uniform."
    clock = f"; by the clock {_counted(timed)}" if timed else ""
    return f"{SUBJECT} beside the best uniform for its cost: {_counted(verdicts)}{clock}."


def details(finding: Finding) -> list[str]:
    """The sentences after the headline: why this K, every comparison with its interval, the classes that lose most."""
    chosen = finding.chosen
    if chosen is None:
        return []
    return [_which_k(finding), *(_compared(finding, chosen, c) for c in finding.comparisons), *_classes(finding)]


def amount(value: float) -> str:
    """Three digits that count, without an exponent where people can do without."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def percent(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} % ({span(estimate)})"


def span(estimate: Estimate) -> str:
    return f"{estimate.low:.1f} to {estimate.high:.1f}"


def in_words(row: Row) -> str:
    """A way of choosing by what the base sees: "uniform, 5 clips", "dense", "ddl at K = 3"."""
    if row.method.startswith("uniform") and "clips" in row.numbers:
        clips = amount(row.numbers["clips"])
        return f"uniform, {clips} clip{'s' if clips != '1' else ''}"
    return row.method if row.k is None or row.method.startswith("dense") else f"{row.method} at {_k(row)}"


def _in_short(finding: Finding, name: str) -> str:
    chosen = finding.chosen
    if chosen is None:
        return headline(finding)
    parts = []
    if finding.uniform is None:
        parts.append(f"reaches {percent(chosen.metrics[finding.metric])}, without a row of uniform to set beside it")
    else:
        parts.append(_told(finding.uniform))
    if finding.dense is not None:
        dense = finding.dense
        factor = f" for {_factor(chosen, dense.rival, dense.cost)}" if _both_cost(chosen, dense) else ""
        parts.append(_told(finding.dense) + factor)
    text = f"{name}: {SUBJECT} at {_k(chosen)} {', and '.join(parts)}"
    by_class = class_gains(finding)
    for g, gain in worst(by_class[1], lambda g: g.gain, 1) if by_class else ():
        text += f"; worst class against uniform: {g.name} ({gain:+.1f} points)"
    return text + "."


def _told(c: Comparison) -> str:
    """As "is 3.0 points better than uniform, 5 clips"."""
    if c.verdict in ("better", "worse"):
        return f"is {abs(c.difference):.1f} points {c.verdict} than {in_words(c.rival)}"
    if c.verdict == "not told apart":
        return f"is not told apart from {in_words(c.rival)} ({c.difference:+.1f} points)"
    return f"cannot be told from {in_words(c.rival)} with so few videos ({c.difference:+.1f} points)"


def _which_k(finding: Finding) -> str:
    chosen, best = finding.chosen, finding.best
    assert chosen is not None and best is not None
    if chosen is not best and finding.to_best is not None:
        loss = finding.to_best
        why = (
            f"{_k(chosen)} is the smallest that is not told apart from the best, {_k(best)}, and loses at most"
            f" {amount(LOSS)} point to it: {loss.value:+.1f} ({loss.low:+.1f} to {loss.high:+.1f})"
        )
    elif all(row is best or row.method != SUBJECT or (row.k or 0) > (best.k or 0) for row in finding.rows):
        why = f"{_k(best)} is the best, and no smaller one was measured"
    elif finding.can_tell:
        why = f"{_k(best)} is the best; every smaller one is worse for sure, or by more than {amount(LOSS)} point"
    else:
        why = f"{_k(best)} is the best; the file pairs no other K with it, so whether a smaller one will do is not told"
    return f"Which K: {why}."


def _compared(finding: Finding, chosen: Row, c: Comparison) -> str:
    if c.interval is not None:
        shows = f"paired 95 % interval {c.interval[0]:+.1f} to {c.interval[1]:+.1f}"
    else:
        shows = f"the intervals {'overlap' if c.verdict == 'not told apart' else 'do not overlap'}, not paired"
    if c.verdict == "too few videos to tell" and c.differing is not None:
        shows += f", but they differ on {c.differing} source{'s' if c.differing != 1 else ''} only"
    costs = ""
    if _both_cost(chosen, c):
        both = f"{amount(c.rival.numbers[c.cost])} against {amount(chosen.numbers[c.cost])} {UNITS[c.cost]}"
        costs = f" for {_factor(chosen, c.rival, c.cost)}" if c is finding.dense else f" at {both}"
    what = {"gflops": ", the best uniform for that cost", "seconds": ", the best uniform in no more time"}
    rival = in_words(c.rival) + ("" if c is finding.dense else what.get(c.cost, ""))
    verb = {"better": "is better than", "worse": "is worse than", "not told apart": "is not told apart from"}
    words = verb.get(c.verdict, "cannot be told, with so few videos, from")
    return f"{SUBJECT} at {_k(chosen)} {words} {rival}{costs}: {c.difference:+.1f} points ({shows})."


def _classes(finding: Finding) -> Iterator[str]:
    by_class = class_gains(finding)
    if by_class is None:
        return
    k, gains = by_class
    rivals: list[tuple[str, Callable[[ClassGain], float | None]]] = [(f"uniform at K = {k}", lambda g: g.gain)]
    if any(g.dense is not None for g in gains):
        rivals.append(("dense", lambda g: g.over_dense))
    clauses = []
    for name, gain in rivals:
        losers = [
            f"{g.name} {value:+.1f} ({g.sources} source{'s' if g.sources != 1 else ''})"
            for g, value in worst(gains, gain, 2)
        ]
        clauses.append(f"against {name} {', '.join(losers) or 'none'}")
    yield f"Classes on which {SUBJECT} at K = {k} loses most, in points: {'; '.join(clauses)}."


def _counted(verdicts: Sequence[str]) -> str:
    """How often which verdict came: "better in 3 of 4, worse in 1"."""
    words = [f"{word} in {verdicts.count(word)}" for word in VERDICTS if word in verdicts]
    return ", ".join([f"{words[0]} of {len(verdicts)}", *words[1:]])


def _value_and_cost(row: Row, metric: str) -> str:
    cost = f" at {amount(row.numbers['gflops'])}" if "gflops" in row.numbers else ""
    return percent(row.metrics[metric]) + cost


def _dense_clause(finding: Finding) -> str:
    if finding.dense is None:
        return ""
    rival = finding.dense.rival
    return f"; {rival.method}: {_value_and_cost(rival, finding.metric)}"


def _clock_clause(finding: Finding) -> str:
    """Fewer operations need not be less time: says so where uniform in no more seconds does as well."""
    if finding.in_time is None or finding.in_time.verdict == "better":
        return ""
    rival = in_words(finding.in_time.rival)
    if finding.in_time.verdict == "worse":
        return f"; by the clock {rival} is better and no slower"
    if finding.in_time.verdict == "not told apart":
        return f"; by the clock it is not told apart from {rival}, which is no slower"
    return f"; {rival} is no slower, and too few videos tell them apart"


def _no_dearer_clause(finding: Finding) -> str:
    """Selection that saves nothing: says so where dense does as well."""
    says = {
        "worse": "and is better",
        "not told apart": "and is not told apart from it",
        "too few videos to tell": "and too few videos tell them apart",
    }
    costs = {"gflops": "costs no more GFLOPs", "seconds": "takes no more seconds"}
    return "".join(f"; {c.rival.method} {costs[c.cost]} {says[c.verdict]}" for c in finding.no_dearer)


def _both_cost(chosen: Row, c: Comparison) -> bool:
    """Whether what they are compared in besides is known of both."""
    return c.cost in chosen.numbers and c.cost in c.rival.numbers and c.cost in UNITS


def _factor(row: Row, rival: Row, cost: str) -> str:
    """As "3.1 times fewer GFLOPs"."""
    own, other = row.numbers[cost], rival.numbers[cost]
    if min(own, other) <= 0:
        return f"{amount(own)} against {amount(other)} {UNITS[cost]}"
    if 0.995 < other / own < 1.005:
        return f"the same {UNITS[cost]}"
    if other > own:
        return f"{amount(other / own)} times fewer {UNITS[cost]}"
    return f"{amount(own / other)} times the {UNITS[cost]}"


def _k(row: Row) -> str:
    return f"K = {row.k}"
