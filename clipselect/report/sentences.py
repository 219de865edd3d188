"""Findings in words: the verdict first, then what it rests on."""

from collections.abc import Callable, Iterator, Sequence

from clipselect.evaluation.destination import SYNTHETIC
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Row
from clipselect.media.text import count, enumerated
from clipselect.report.classes import ClassGain, class_gains
from clipselect.report.findings import CHEAP, MAX_LOSS, SUBJECT, Choice, Comparison, Finding, Verdict
from clipselect.report.formats import (
    UNITS,
    amount,
    gain,
    gain_interval,
    method_and_k,
    metric_name,
    percent,
    row_name,
)

FEW_SOURCES = 30
"""On fewer, which K is best is mostly chance: a difference of 10 points is three sources."""
MAX_ONE_BY_ONE = 3
"""Findings that the summary reports one by one; more are counted."""
HEADLINES = {
    Verdict.BETTER: "{ddl} is better than {evenly}",
    Verdict.WORSE: "{ddl} is worse than {evenly}",
    Verdict.SIMILAR: "No significant difference between {ddl} and {evenly}",
    Verdict.TOO_FEW: "Too few sources to say whether {ddl} is better than {evenly}",
}
"""What was found of ddl and evenly spread elements."""
YES, NO, NOT_SHOWN = "Yes", "No", "Not shown"
COMPOSED = {
    "mixed": "mixed (videos composed of an action and background)",
    "hard": "hard (videos composed of an action and background that looks like it)",
}
SYNTHETIC_NOTE = "These figures mean nothing: videos and networks were made up, to see that everything runs."
FOR_LESS = {
    Verdict.WORSE: "is worse than",
    Verdict.SIMILAR: "shows no significant difference from",
    Verdict.TOO_FEW: "cannot be compared, on so few sources, with",
}
NO_MORE = {"gflops": "for no more GFLOPs", "seconds": "in no more time", "clips": "with no more clips"}


def summary(found: Sequence[Finding]) -> list[str]:
    """Whether it is worth it, in plain words: a sentence for each of a few findings; of many, how often which answer
    came. Of several findings also the class that loses most."""
    synthetic = any(finding.run.results.benchmark == SYNTHETIC for finding in found)
    return [SYNTHETIC_NOTE] * synthetic + _at_a_glance(found)


def _at_a_glance(found: Sequence[Finding]) -> list[str]:
    if not any(finding.choice for finding in found):
        return [f"Nothing here compares the accuracy of {SUBJECT} with that of others."]
    if len(found) == 1:
        return [f"Is it worth it? {worth_it(found[0])}"]
    if len(found) <= MAX_ONE_BY_ONE:
        lines = [f"{name_among(f, found, data_title(f))}: is it worth it? {worth_it(f)}" for f in found if f.choice]
    else:
        answers = [_answer(f) for f in found if f.choice is not None]
        counts = [(answer, answers.count(answer)) for answer in (YES, NO, NOT_SHOWN) if answer in answers]
        (first, times), *others = counts
        counted = [f"{first} in {times} of {len(answers)} results", *(f"{o.lower()} in {n}" for o, n in others)]
        lines = [f"Is it worth it to choose the best? {', '.join(counted)}."]
    return lines + _greatest_loss(found)


def _greatest_loss(found: Sequence[Finding]) -> list[str]:
    """The class that loses most of all findings, as a sentence; none if no class loses."""
    known = [(f, gains.worst(lambda c: c.gain, 1)) for f in found if (gains := class_gains(f)) is not None]
    losses = [(loss, c.name, c.sources, f) for f, worst in known for c, loss in worst]
    if not losses:
        return []
    loss, name, sources, finding = min(losses, key=lambda entry: entry[:2])
    where = f"in {name_among(finding, found)} ({count(sources, 'source')})"
    return [f"The class that loses most against as many evenly spread clips is {name}: {loss:+.1f} points {where}."]


def name_among(finding: Finding, found: Sequence[Finding], name: str | None = None) -> str:
    """The finding's data set, by its own name or another, and its run where the findings are of several."""
    name = finding.data if name is None else name
    return f"{name}, {finding.run.label}" if len({f.run.label for f in found}) > 1 else name


def data_title(finding: Finding) -> str:
    """The name of its data set, with what it means where that is known."""
    composed = (finding.run.results.settings or {}).get("compose")
    return COMPOSED.get(finding.data, finding.data) if composed else finding.data


def headline(finding: Finding) -> str:
    """The verdict, its figures, and plainly so when others do as well for no more."""
    if not finding.metric:
        return f"No accuracy was measured on {finding.data}; the tables show what it costs."
    if finding.choice is None:
        return f"There are no rows of {SUBJECT} on {finding.data}; the tables show what there is."
    uniform, evenly = finding.uniform, _evenly_spread(finding.run.element)
    if uniform is None:
        verdict = f"There is no row of {evenly} to compare {SUBJECT} with"
    else:
        said = HEADLINES[uniform.verdict].format(ddl=SUBJECT, evenly=evenly)
        verdict = said + (" for the same cost" if uniform.cost == "gflops" else "")
    rows = [finding.choice.row, *(c.baseline for c in (uniform, finding.dense) if c is not None)]
    figures = [f"{percent(row.metrics[finding.metric])} for {row_name(row)}" for row in rows]
    said = f"{verdict}: {metric_name(finding.metric)} is {', '.join(figures)}{_gflops(rows, finding.run.group)}."
    return " ".join([said, *_for_less(finding)])


def details(finding: Finding) -> list[str]:
    """The sentences after the headline: why this K, every comparison with its interval, the classes that lose most."""
    if finding.choice is None:
        return []
    ddl = finding.choice.row
    compared = [
        (finding.uniform, f", the best of {_evenly_spread(finding.run.element)} for that cost"),
        (finding.uniform_in_time, f", the best of {_evenly_spread(finding.run.element)} in no more time"),
        (finding.dense, ""),
        *((c, f", the best {c.baseline.method} for that cost") for c in finding.cheap),
    ]
    sentences = [_compared(ddl, c, role) for c, role in compared if c is not None]
    return [_which_k(finding.choice), *sentences, *_classes(finding), *_best_clips(finding)]


def worth_it(finding: Finding) -> str:
    """Yes, where the best are better than all baselines that cost no more; No, where one of these is better than they;
    and in plain words than what. Needs a choice."""
    assert finding.choice is not None
    run, k, answer = finding.run, finding.choice.row.k, _answer(finding)
    best = f"the best {run.element} of a {run.group}" if k == 1 else f"the best {k} {run.element}s of a {run.group}"
    are = "is" if k == 1 else "are"
    baseline = _deciding(finding)
    shown = f"{answer} by these {run.group}s" if answer == NOT_SHOWN else answer
    if baseline is None:
        return f"{shown}: nothing was measured that {best} could be compared with."
    other = _plainly(baseline, run.element)
    if baseline.verdict is Verdict.WORSE:
        return f"{shown}: {other} are better than {best}."
    if baseline.verdict is Verdict.TOO_FEW:
        return f"{shown}: they are too few to compare {best} with {other}."
    clearly = "not clearly " if baseline.verdict is Verdict.SIMILAR else ""
    return f"{shown}: {best} {are} {clearly}better than {other}."


def _answer(finding: Finding) -> str:
    baseline = _deciding(finding)
    if baseline is None or baseline.verdict not in (Verdict.BETTER, Verdict.WORSE):
        return NOT_SHOWN
    return YES if baseline.verdict is Verdict.BETTER else NO


def _deciding(finding: Finding) -> Comparison | None:
    """Of the baselines that cost no more, the first of those that speak most against ddl."""
    order = (Verdict.WORSE, Verdict.SIMILAR, Verdict.TOO_FEW, Verdict.BETTER)
    baselines = (finding.uniform, finding.uniform_in_time, *finding.dense_for_less, *finding.cheap)
    return min((c for c in baselines if c is not None), key=lambda c: order.index(c.verdict), default=None)


def _plainly(c: Comparison, element: str) -> str:
    """A baseline and its cost as someone says it who knows none of our names."""
    cost = {"gflops": " at the same cost", "seconds": " in the same time", "clips": ""}[c.cost]
    if METHODS[c.baseline.method].role in ("uniform", "equal_cost"):
        return f"{_evenly_spread(element)}{cost}" if cost else f"as many {_evenly_spread(element)}"
    return f"{element}s chosen by {c.baseline.method}{cost}" if c.baseline.method in CHEAP else f"all {element}s{cost}"


def _phrase(c: Comparison) -> str:
    """As "is 3.0 points better than uniform, 5 clips"."""
    baseline = row_name(c.baseline)
    if c.verdict is Verdict.SIMILAR:
        return f"shows no significant difference from {baseline} ({c.difference:+.1f} points)"
    if c.verdict is Verdict.TOO_FEW:
        return f"cannot be compared with {baseline} on so few sources ({c.difference:+.1f} points)"
    return f"is {abs(c.difference):.1f} points {c.verdict.value} than {baseline}"


def _which_k(choice: Choice) -> str:
    why = f"Which K: {choice.row.k}, {choice.reason.value}"
    if choice.loss is not None:
        why += f", K = {choice.best.k}, and at most {amount(MAX_LOSS)} point below it: {gain(choice.loss)}"
    if choice.row.source_count < FEW_SOURCES:
        return f"{why}. On {count(choice.row.source_count, 'source')} this is little more than a guess."
    return f"{why}."


def _compared(ddl: Row, c: Comparison, role: str) -> str:
    costs = _saving(ddl, c)
    if role and costs:
        costs = f" ({amount(c.baseline.costs[c.cost])} against {amount(ddl.costs[c.cost])} {UNITS[c.cost]})"
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
    evenly = _evenly_spread(finding.run.element)
    baselines: list[tuple[str, Callable[[ClassGain], float | None]]] = [(evenly, lambda c: c.gain)]
    if any(c.over_dense is not None for c in gains.classes):
        baselines.append(("dense", lambda c: c.over_dense))
    clauses = []
    for name, over in baselines:
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


def _evenly_spread(element: str) -> str:
    return f"evenly spread {element}s"


def _gflops(rows: Sequence[Row], group: str) -> str:
    """As "; GFLOPs per video: 7, 7.5, 20"."""
    known = [amount(row.gflops) for row in rows if row.gflops is not None]
    return f"; GFLOPs per {group}: {', '.join(known)}" if len(known) == len(rows) else ""


def _for_less(finding: Finding) -> list[str]:
    """The baselines that ddl does not beat and that cost no more: fewer operations need not be less time."""
    names: dict[tuple[Verdict, str], list[str]] = {}
    for c in (finding.uniform_in_time, *finding.dense_for_less, *finding.cheap):
        if c is not None and c.verdict is not Verdict.BETTER:
            names.setdefault((c.verdict, c.cost), []).append(row_name(c.baseline))
    return [
        f"Note: {NO_MORE[cost]}, {SUBJECT} {FOR_LESS[verdict]} {enumerated(baselines)}."
        for (verdict, cost), baselines in names.items()
    ]


def _saving(ddl: Row, c: Comparison) -> str:
    """As " with 3.1 times fewer GFLOPs"; empty where the cost of either is not known."""
    own, other = ddl.costs.get(c.cost), c.baseline.costs.get(c.cost)
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
