"""What is made of the results for docs/how-to/which-one.md: what there is to take, and how it did beside `ddl`."""

from collections.abc import Mapping, Sequence

from marked_blocks import table
from result_cells import (
    COMPOSED,
    DDL,
    EQUAL_COST,
    difference,
    find,
    gflops,
    measured_bases,
    results_of,
    seeds_of,
)
from result_tables import top1_of_seeds

from clipselect.evaluation.method_entry import Need
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Difference
from clipselect.evaluation.results import Results

ONE, SOME = 1, 5
"""Clips that are taken."""
RECIPES = {"labels": "labelled videos", "unlabelled": "videos without labels"}
"""Distillations whose seeds were measured, by the beginning of their files: what they need."""
RIVALS = (EQUAL_COST, "uniform", "motion", "packets", "shots", "confidence", "dense")
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
    for method in RIVALS:
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
    return table(("take", "it needs", "G", *columns, f"than `{DDL}`, {SOME} clips"), rows)


def choose_trimmed() -> str:
    """How one clip by `ddl` compares with uniform clips where all clips show the action, with every base measured."""
    less = [
        one
        for file, _ in measured_bases("trimmed_")
        if (one := difference(results_of(file), results_of(file).data[0].name, "top1", (DDL, ONE), EQUAL_COST))
    ]
    return verdict(less)


def top1(results: Results, data: str, method: str) -> str:
    """Of one clip and of some; once where it has no K."""
    found = [find(results, data, method, k) for k in ((ONE, SOME) if METHODS[method].has_k else (None,))]
    return " / ".join(f"{row.metrics['top1'].value:.1f}" for row in found if row)


def beside_ddl(method: str) -> str:
    """Whether a rival is better or worse than `ddl` by the paired intervals of every seed that was measured with it."""
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


def verdict(less: Sequence[Difference]) -> str:
    """Of a rival, by differences `ddl` less the rival."""
    if not less:
        return "not compared"
    if all(one.low > 0 for one in less):
        return "worse"
    return "better" if all(one.high < 0 for one in less) else "no difference shown"
