"""What is made of the results for docs/how-to/which-one.md: what there is to take, and how it did beside `ddl`."""

from collections.abc import Mapping, Sequence

from marked_blocks import table
from result_cells import (
    COMPOSED,
    DDL,
    EQUAL_COST,
    TRIMMED,
    difference,
    exists,
    find,
    gflops,
    results_of,
    seeds_of,
)
from result_tables import top1_of_seeds
from set_tables import AT_THRESHOLD, FRAMES, K_OF_FACES, K_OF_PERSONS, by_condition, conditions, named

from clipselect.evaluation.method_entry import Need
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Difference, Row
from clipselect.evaluation.results import Results
from clipselect.report.formats import metric_name

SIMILAR = "no difference shown"
ONE, SOME = 1, 5
"""Clips that are taken."""
RECIPES = {"labels": "labelled videos", "unlabelled": "videos without labels"}
"""Distillations whose seeds were measured, by the beginning of their files: what they need."""
COSTS = ("embedded", "GFLOPs", "ms")
BASELINES = (EQUAL_COST, "uniform", "motion", "packets", "shots", "confidence", "dense")
NEEDS: Mapping[Need, str] = {
    "nothing": "nothing",
    "motion": "every clip decoded",
    "packets": "the file read, nothing decoded",
    "shots": "every clip decoded",
    "base": "the base on every clip: saves nothing",
}
"""What must have seen all clips before any is chosen."""


def choose_clips() -> str:
    """Choices of clips of composed videos: what they need and cost, their top-1, and how they compare with `ddl`."""
    shipped, rows = results_of("shipped"), []
    for recipe, data in RECIPES.items():
        if found := seeds_of(recipe):
            accuracies = [[top1_of_seeds(found, name, k) for k in (ONE, SOME)] for name in COMPOSED]
            cells = [" / ".join(f"{sum(of_k) / len(of_k):.1f}" for of_k in of_data) for of_data in accuracies]
            cost = gflops(find(found[0], COMPOSED[0], DDL, SOME))
            rows.append((f"`{DDL}`", f"a DDNet on every clip, distilled on {data}", cost, *cells, ""))
    for method in BASELINES:
        if row := find(shipped, COMPOSED[0], method, SOME):
            cells = [top1(shipped, data, method) for data in COMPOSED]
            rows.append(
                (
                    f"`{method}`",
                    NEEDS["base" if method == "dense" else METHODS[method].needs],
                    gflops(row),
                    *cells,
                    beside_ddl(method),
                )
            )
    columns = [f"{data}, {ONE} / {SOME} clips" for data in COMPOSED]
    return table(("take", "it needs", "GFLOPs", *columns, f"than `{DDL}`, {SOME} clips"), rows)


def choose_trimmed() -> str:
    """How one clip by `ddl` compares with uniform clips where all clips show the action."""
    results = results_of(TRIMMED) if exists(TRIMMED) else None
    less = results and difference(results, results.data[0].name, "top1", (DDL, ONE), EQUAL_COST)
    return verdict([less] if less else [])


def choose_faces() -> str:
    """Of sets of the largest size that has enough pairs."""
    results = results_of("faces")
    metric = next(iter(results.rows[0].metrics))
    columns = {name: of_sizes[-1] for name, of_sizes in by_condition(results, metric).items()}
    return choose_frames(
        results, K_OF_FACES, columns, f"{metric_name(metric)}, {next(iter(columns.values())).split(', ')[-1]}"
    )


def choose_persons() -> str:
    results = results_of("reid")
    columns = {name: name for name in conditions(results)}
    return choose_frames(results, K_OF_PERSONS, columns, "mAP")


def choose_frames(results: Results, k: int, columns: Mapping[str, str], heading: str) -> str:
    """What was measured of frames but variants and oracles: costs in the first column of data, accuracy, beside
    `average`, and what needs the base on all frames beside `ddl`, too.

    Args:
        columns: the data sets by the names of their columns.
    """
    rows: list[list[str]] = []
    metric = next(iter(results.rows[0].metrics))
    data = [*columns.values()]
    for method in (METHODS[name] for name in FRAMES):
        own = k if method.has_k else None
        found = {name: row for name in data if (row := find(results, name, method.name, own))}
        if not found or not method.in_plots or method.role == "oracle":
            continue
        key, ddl = (method.name, own), (DDL, own) if method.has_k else (AT_THRESHOLD, None)
        beside = [compared(results, name, metric, key, ddl) for name in found]
        cells = []
        for name in data:
            value = f"{found[name].metrics[metric].value:.1f}" if name in found else ""
            words = compared(results, name, metric, key, ("average", None))
            cells.append(f"{value}, {words}" if words in ("better", "worse") else value)
        words = in_how_many(beside) if any(beside) else ""
        rows.append([named(method.name, own), *costs(found[data[0]]), *cells, words])
    heads = [heading, *COSTS, *columns, f"than `{DDL}`; without K, than `{AT_THRESHOLD}`"]
    known = [i for i in range(len(heads)) if any(row[i] for row in rows) or heads[i] not in COSTS]
    return table([heads[i] for i in known], [[row[i] for i in known] for row in rows])


def costs(row: Row) -> list[str]:
    """Of one set; empty where it was not measured."""
    return [
        f"{row.clips:.1f}".removesuffix(".0") if row.clips else "",
        f"{row.gflops:.2f}" if row.gflops else "",
        f"{1000 * row.seconds:.0f}" if row.seconds else "",
    ]


def in_how_many(verdicts: Sequence[str]) -> str:
    """In how many columns a method is better or worse.

    >>> in_how_many(["worse", SIMILAR, "worse"]), in_how_many(["better"] * 2)
    ('worse in 2 of 3', 'better')
    """
    counts = {words: verdicts.count(words) for words in ("better", "worse") if words in verdicts}
    every = len(verdicts)
    return ", ".join(words if n == every else f"{words} in {n} of {every}" for words, n in counts.items()) or SIMILAR


def compared(
    results: Results, data: str, metric: str, one: tuple[str, int | None], other: tuple[str, int | None]
) -> str:
    """Whether a method is better or worse than another; "" where they were not compared."""
    if less := difference(results, data, metric, other, one[0]):
        return verdict([less])
    less = difference(results, data, metric, one, other[0])
    return OPPOSITE[verdict([less])] if less else ""


def top1(results: Results, data: str, method: str) -> str:
    """Of one clip and of some; once where it has no K."""
    found = [find(results, data, method, k) for k in ((ONE, SOME) if METHODS[method].has_k else (None,))]
    return " / ".join(f"{row.metrics['top1'].value:.1f}" for row in found if row)


def beside_ddl(method: str) -> str:
    """Whether a baseline is better or worse than `ddl` by the paired intervals of every seed measured with it."""
    found = {}
    for data in COMPOSED:
        less = [
            difference(results, data, "top1", (DDL, SOME), method)
            for results in (results_of("shipped"), *seeds_of("labels"))
        ]
        found[data] = verdict([one for one in less if one])
    if len({*found.values()}) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{data}: {words}" for data, words in found.items())


OPPOSITE = {"worse": "better", "better": "worse", SIMILAR: SIMILAR}
"""Of a verdict on a baseline, that on the method that it is compared with."""


def verdict(less: Sequence[Difference]) -> str:
    """Of a baseline, by differences `ddl` minus the baseline."""
    if not less:
        return "not compared"
    if all(one.low > 0 for one in less):
        return "worse"
    return "better" if all(one.high < 0 for one in less) else SIMILAR
