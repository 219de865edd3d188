"""Findings in words: the verdict first, then what it rests on."""

from collections.abc import Callable, Iterator, Sequence

from clipselect.evaluation.destination import SYNTHETIC
from clipselect.evaluation.result_entries import Row
from clipselect.report.classes import ClassGain, class_gains
from clipselect.report.findings import MAX_LOSS, SUBJECT, Choice, Comparison, Finding, Verdict
from clipselect.report.formats import (
    UNITS,
    amount,
    count,
    gain,
    gain_interval,
    method_and_k,
    metric_name,
    percent,
    row_name,
)

MAX_ONE_BY_ONE = 3
"""Findings that the summary reports one by one; more are counted."""
HEADLINES = {
    Verdict.BETTER: f"{SUBJECT} is better than uniform",
    Verdict.WORSE: f"Uniform is better than {SUBJECT}",
    Verdict.SIMILAR: f"No significant difference between {SUBJECT} and uniform",
    Verdict.TOO_FEW: f"Too few videos to say whether {SUBJECT} or uniform is better",
}
YES, NO, NOT_SHOWN = "Yes", "No", "Not shown by these {}s"
COMPOSED = {
    "mixed": "mixed (videos composed of an action and background)",
    "hard": "hard (videos composed of an action and background that looks like it)",
}
SYNTHETIC_NOTE = "These figures mean nothing: videos and networks were made up, to see that everything runs."
FOR_LESS = {
    Verdict.WORSE: "is better",
    Verdict.SIMILAR: "shows no significant difference",
    Verdict.TOO_FEW: "there are too few videos to say which is better",
}
COSTS_NO_MORE = {"gflops": "costs no more GFLOPs", "seconds": "takes no more time", "clips": "sees no more clips"}


def summary(found: Sequence[Finding]) -> list[str]:
    """All findings at a glance: few in a sentence each, of many how often which verdict came."""
    synthetic = any(finding.run.results.benchmark == SYNTHETIC for finding in found)
    return [SYNTHETIC_NOTE] * synthetic + _at_a_glance(found)


def _at_a_glance(found: Sequence[Finding]) -> list[str]:
    if len(found) <= MAX_ONE_BY_ONE:
        runs = {finding.run.label for finding in found}
        named = [
            COMPOSED.get(f.data, f.data) if (f.run.results.settings or {}).get("compose") else f.data for f in found
        ]
        pairs = zip(found, named, strict=True)
        return [_in_short(f, f"{name}, {f.run.label}" if len(runs) > 1 else name) for f, name in pairs]
    verdicts = [f.uniform.verdict for f in found if f.uniform is not None]
    timed = [f.uniform_in_time.verdict for f in found if f.uniform_in_time is not None]
    if not verdicts:
        return [f"Nothing here compares {SUBJECT} with uniform."]
    lines = [f"{SUBJECT} against the best uniform for the same cost: {_counted(verdicts)}."]
    return [*lines, f"In the same measured time: {_counted(timed)}."] if timed else lines


def headline(finding: Finding) -> str:
    """The verdict, its figures, and plainly so when uniform or dense does as well for no more."""
    if not finding.metric:
        return f"No accuracy was measured on {finding.data}; the tables show what it costs."
    if finding.choice is None:
        return f"There are no rows of {SUBJECT} on {finding.data}; the tables show what there is."
    uniform = finding.uniform
    if uniform is None:
        verdict = f"There is no row of uniform to compare {SUBJECT} with"
    else:
        verdict = HEADLINES[uniform.verdict] + (" for the same cost" if uniform.cost == "gflops" else "")
    rows = [finding.choice.row, *(c.rival for c in (uniform, finding.dense) if c is not None)]
    figures = [f"{percent(row.metrics[finding.metric])} for {row_name(row)}" for row in rows]
    rivals = [c for c in (finding.uniform_in_time, *finding.dense_for_less, *finding.cheap) if c is not None]
    notes = "".join(_for_less(c) for c in rivals if c.verdict is not Verdict.BETTER)
    return f"{verdict}: {metric_name(finding.metric)} is {', '.join(figures)}{_gflops(rows, finding.run.group)}.{notes}"


def details(finding: Finding) -> list[str]:
    """The sentences after the headline: why this K, every comparison with its interval, the classes that lose most."""
    if finding.choice is None:
        return []
    ddl = finding.choice.row
    compared = [
        (finding.uniform, ", the best uniform for that cost"),
        (finding.uniform_in_time, ", the best uniform in no more time"),
        (finding.dense, ""),
        *((c, f", the best {c.rival.method} for that cost") for c in finding.cheap),
    ]
    sentences = [_compared(ddl, c, role) for c, role in compared if c is not None]
    return [_which_k(finding.choice), *sentences, *_classes(finding), *_best_clips(finding)]


def _in_short(finding: Finding, name: str) -> str:
    if finding.choice is None:
        return headline(finding)
    ddl, parts = finding.choice.row, []
    run = finding.run
    chosen = run.element if ddl.k == 1 else f"{ddl.k} {run.element}s"
    best = f"choosing the best {chosen} of a {run.group} ({SUBJECT})"
    if finding.uniform is None:
        parts.append(f"reaches {percent(ddl.metrics[finding.metric])}, with no row of uniform to compare it with")
    else:
        parts.append(_phrase(finding.uniform))
    if finding.dense is not None:
        parts.append(_phrase(finding.dense) + _saving(ddl, finding.dense))
    worst = ""
    gains = class_gains(finding)
    for c, loss in gains.worst(lambda c: c.gain, 1) if gains else ():
        worst = f"; the class that loses most against uniform is {c.name} ({loss:+.1f} points)"
    return f"{name}: is it worth it? {worth_it(finding)}: {best} {', and '.join(parts)}{worst}."


def worth_it(finding: Finding) -> str:
    """Yes, where the best are better than all rivals that cost no more; No, where one of these is better than they."""
    rivals = (finding.uniform, finding.uniform_in_time, *finding.dense_for_less, *finding.cheap)
    verdicts = {c.verdict for c in rivals if c is not None}
    if Verdict.WORSE in verdicts:
        return NO
    return YES if verdicts == {Verdict.BETTER} else NOT_SHOWN.format(finding.run.group)


def _phrase(c: Comparison) -> str:
    """As "is 3.0 points better than uniform, 5 clips"."""
    rival = row_name(c.rival)
    if c.verdict is Verdict.SIMILAR:
        return f"shows no significant difference from {rival} ({c.difference:+.1f} points)"
    if c.verdict is Verdict.TOO_FEW:
        return f"cannot be compared with {rival} on so few videos ({c.difference:+.1f} points)"
    return f"is {abs(c.difference):.1f} points {c.verdict.value} than {rival}"


def _which_k(choice: Choice) -> str:
    why = f"Which K: {choice.row.k}, {choice.reason.value}"
    if choice.loss is None:
        return f"{why}."
    return f"{why}, K = {choice.best.k}, and at most {amount(MAX_LOSS)} point below it: {gain(choice.loss)}."


def _compared(ddl: Row, c: Comparison, role: str) -> str:
    costs = _saving(ddl, c)
    if role and costs:
        costs = f" ({amount(c.rival.costs[c.cost])} against {amount(ddl.costs[c.cost])} {UNITS[c.cost]})"
    if c.paired is None:
        basis = f"the two intervals {'overlap' if c.verdict is Verdict.SIMILAR else 'do not overlap'}, not paired"
    else:
        basis = f"paired 95 % interval {gain_interval(c.paired)}"
    if c.verdict is Verdict.TOO_FEW and c.differing is not None:
        basis += f", but they differ on {count(c.differing, 'source')} only"
    return f"{row_name(ddl)} {_phrase(c)}{role if costs or c.cost == 'clips' else ''}{costs}; {basis}."


def _classes(finding: Finding) -> Iterator[str]:
    gains = class_gains(finding)
    if gains is None:
        return
    rivals: list[tuple[str, Callable[[ClassGain], float | None]]] = [("uniform", lambda c: c.gain)]
    if any(c.over_dense is not None for c in gains.classes):
        rivals.append(("dense", lambda c: c.over_dense))
    clauses = []
    for name, over in rivals:
        losers = [f"{c.name} {loss:+.1f} ({count(c.sources, 'source')})" for c, loss in gains.worst(over, 2)]
        clauses.append(f"against {name}: {', '.join(losers) or 'none'}")
    yield f"Classes that lose most with {method_and_k(SUBJECT, gains.k)}, in points: {'; '.join(clauses)}."


def _best_clips(finding: Finding) -> Iterator[str]:
    entries = {entry.method: entry for entry in finding.best_clips}
    own = entries.pop(SUBJECT, None)
    if own is None:
        return
    others = "".join(f", {name} {entry.hits:.1f} %" for name, entry in entries.items())
    group = finding.run.group
    yield (
        f"The first {finding.run.element} of {SUBJECT} shows the rarest action of its {group} in"
        f" {percent(own.estimate)} of {count(own.videos, group)} ({count(own.sources, 'source')});"
        f" by chance {own.chance:.1f} %{others}."
    )


def _counted(verdicts: Sequence[Verdict]) -> str:
    """How often which verdict came: "better in 3 of 4, worse in 1"."""
    words = [f"{verdict.value} in {verdicts.count(verdict)}" for verdict in Verdict if verdict in verdicts]
    return ", ".join([f"{words[0]} of {len(verdicts)}", *words[1:]])


def _gflops(rows: Sequence[Row], group: str) -> str:
    """As "; GFLOPs per video: 7, 7.5, 20"."""
    known = [amount(row.gflops) for row in rows if row.gflops is not None]
    return f"; GFLOPs per {group}: {', '.join(known)}" if len(known) == len(rows) else ""


def _for_less(c: Comparison) -> str:
    """A rival that ddl does not beat and that costs no more: fewer operations need not be less time."""
    link = ", but" if c.verdict is Verdict.TOO_FEW else " and"
    return f" Note: {row_name(c.rival)} {COSTS_NO_MORE[c.cost]}{link} {FOR_LESS[c.verdict]}."


def _saving(ddl: Row, c: Comparison) -> str:
    """As " with 3.1 times fewer GFLOPs"; empty where the cost of either is not known."""
    own, other = ddl.costs.get(c.cost), c.rival.costs.get(c.cost)
    if own is None or other is None:
        return ""
    unit = UNITS[c.cost]
    if min(own, other) <= 0:
        return f" with {amount(own)} against {amount(other)} {unit}"
    if 0.995 < other / own < 1.005:
        return f" with the same {unit}"
    if other > own:
        return f" with {amount(other / own)} times fewer {unit}"
    return f" with {amount(own / other)} times the {unit}"
