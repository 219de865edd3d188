"""What a report says, whatever it is written as: the verdict, then findings and tables, then how to read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipselect.evaluation.methods import METHODS, names
from clipselect.evaluation.provenance import other_base
from clipselect.report.findings import MAX_LOSS, MIN_DIFFERING, Finding, findings
from clipselect.report.formats import METRICS, amount, metric_name
from clipselect.report.runs import Run
from clipselect.report.sentences import MAX_ONE_BY_ONE, data_title, details, headline, summary, worth_it
from clipselect.report.tables import (
    Table,
    best_clips_table,
    differences_table,
    fact,
    facts_tables,
    methods_table,
    ranking_table,
    results_tables,
    unreadable_table,
)

READING = (
    "Accuracies are in percent, their 95 % interval in brackets. Intervals come from drawing the sources again"
    " and again (bootstrap): twenty videos composed of one source count as one. Where all or no answers are right,"
    " the interval is the exact one of a proportion.",
    "GFLOPs are 10^9 multiply-adds per video or other group, counted as the file says: the DDNet's, or another"
    " scorer's in its place, on all candidates, and the base's on the kept ones.",
    "Seconds are per video, from opening the file to the answer, after the file was read once. They hold for this"
    " machine only.",
    "Peak MB is the largest resident memory of the whole process while the method ran; peak GPU MB is what was"
    " allocated on the GPU.",
    "Differences are in points, paired over the same videos. A difference is significant if its 95 % interval"
    f" does not contain 0. If the two differ on fewer than {MIN_DIFFERING} sources, they are too few to say.",
    "Which K: the smallest without a significant difference from the best K (paired) that loses at most"
    f" {amount(MAX_LOSS)} point to it. It is chosen on the videos that it is evaluated on, which flatters it a"
    " little.",
    "The best of evenly spread clips for a cost: the best row of uniform (of frames: even) with no more GFLOPs than"
    " ddl at that K, or uniform_equal_cost of that K, which is rounded up and so costs at most one clip more. Where"
    " seconds were measured, also the best in no more seconds.",
    "AUC: the chance that in a video a clip that shows the action scores higher than one that does not, averaged"
    " over the videos. 0.5 is chance; below that the ranking is worse than none.",
    "First clip on the rarest action: of the videos where some candidates show their rarest action and some do not, the"
    " percentage whose first clip by the method does. Chance is the action's mean share of the candidates.",
)


@dataclass(frozen=True)
class Passage:
    """One finding in words.

    Attributes:
        name: the run's label; empty where there is one run only.
        answer: whether it is worth it; empty where the report's summary says so of this finding.
    """

    name: str
    finding: Finding
    answer: str
    headline: str
    details: list[str]


@dataclass(frozen=True)
class Section:
    """What a report says about one data set of a benchmark, in all runs that have it.

    Attributes:
        notes: what the figures leave out, and what keeps runs from being compared as they stand.
        brief_tables: the tables with fewer columns, for a terminal.
    """

    title: str
    notes: list[str]
    passages: list[Passage]
    tables: list[Table]
    brief_tables: list[Table]


@dataclass(frozen=True)
class Report:
    """All of it, in the order in which it is read.

    Attributes:
        summary: is it worth it? A sentence per finding; of many findings, the number of times each answer came.
        words: what the sentences speak of: ddl and its main baselines, K, the metrics to go by, GFLOPs.
        files: where it was written.
    """

    title: str
    summary: list[str]
    sections: list[Section]
    ranking: list[Table]
    words: dict[str, str]
    methods: Table
    facts: list[Table]
    unreadable: list[Table]
    runs: list[Run]
    files: tuple[Path, ...] = ()
    reading: tuple[str, ...] = READING


def make_report(runs: Sequence[Run], metric: str | None = None) -> Report:
    """The report of some runs; `metric` as for `findings`."""
    found = findings(runs, metric)
    grouped: dict[str, list[Finding]] = {}
    for finding in found:
        grouped.setdefault(f"{finding.run.results.benchmark}: {data_title(finding)}", []).append(finding)
    title = ", ".join(dict.fromkeys(run.results.benchmark for run in runs))
    sections = [_section(title, of_data, len(found) > MAX_ONE_BY_ONE) for title, of_data in grouped.items()]
    return Report(
        title, summary(found), sections, ranking_table(runs), _words(runs, found), methods_table(runs),
        facts_tables(runs), unreadable_table(runs), [*runs],
    )  # fmt: skip


def _words(runs: Sequence[Run], found: Sequence[Finding]) -> dict[str, str]:
    used = {row.method for run in runs for row in run.rows}
    words = {name: METHODS[name].description for name in names("subject", "uniform", "dense") if name in used}
    words["K"] = f"how many {runs[0].element}s reach the base"
    words |= {metric_name(f.metric): METRICS[f.metric][1] for f in found if f.metric in METRICS}
    if any(row.gflops is not None for f in found for row in f.rows):
        words["GFLOPs"] = f"10^9 multiply-adds per {runs[0].group}"
    return words


def _section(title: str, found: Sequence[Finding], with_answers: bool) -> Section:
    names = [f.run.label if len(found) > 1 else "" for f in found]
    answers = [f"Is it worth it? {worth_it(f)}" if with_answers and f.choice else "" for f in found]
    passages = [Passage(*said, headline(said[1]), details(said[1])) for said in zip(names, found, answers, strict=True)]
    more = [*differences_table(found), *best_clips_table(found)]
    return Section(
        title, _notes(found), passages,
        [*results_tables(found), *more], [*results_tables(found, brief=True), *more],
    )  # fmt: skip


def _notes(found: Sequence[Finding]) -> list[str]:
    notes = [note for f in found for note in _run_notes(f, f"{f.run.label}: " if len(found) > 1 else "")]
    group = found[0].run.group
    for key, words in (("videos", f"{group}s"), ("classes", "classes"), ("candidates", f"candidates per {group}")):
        values = [getattr(f.run.data(f.data), key) for f in found]
        if len({*values}) > 1:
            listed = ", ".join(f"{f.run.label} {fact(value)}" for f, value in zip(found, values, strict=True))
            notes.append(f"The runs differ in {words} ({listed}): they do not measure the same.")
    timed = [f.run.results.environment for f in found if any(row.seconds is not None for row in f.rows)]
    if any(len({getattr(e, key, None) for e in timed}) > 1 for key in ("cpu", "cores", "threads", "device")):
        notes.append("Seconds were measured on different machines or settings: compare them within a run only.")
    return notes


def _run_notes(finding: Finding, name: str) -> Iterator[str]:
    run, data = finding.run, finding.run.data(finding.data)
    left_out = [f"{len(data.unreadable)} could not be read"] if data.unreadable else []
    left_out += [f"{data.missing} are listed but not there"] if data.missing else []
    if left_out:
        yield f"{name}Of the {run.files}, {' and '.join(left_out)}; the figures are of the others."
    if data.other_split:
        yield f"{name}The data names no val split: a held-out fifth was evaluated, {data.other_split} videos were not."
    base, model = run.results.base, run.results.model
    if model is not None and (other := other_base(model.record(), base.name, base.sha256)):
        yield f"{name}The DDNet was distilled for {other}."
