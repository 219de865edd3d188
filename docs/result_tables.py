"""The tables of clips in benchmarks/README.md and README.md, out of benchmarks/results/.

Every function makes one table, with the rows whose methods were measured; where its results file is missing, nothing.
"""

from collections.abc import Sequence

import result_cells
from marked_blocks import table
from result_cells import (
    COMPOSED,
    DDL,
    EQUAL_COST,
    TRIMMED,
    at_ks,
    difference,
    exists,
    find,
    gain,
    gflops,
    mean_and_range,
    results_of,
    seeds_of,
    shipped_name,
    shown,
    signed,
)

from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.results import Results, read_results
from clipselect.media.text import count

BASELINES = ("uniform", EQUAL_COST, "dense")
SEEDS = {
    "labels": "`r3d-actions`",
    "unlabelled": "`r3d-actions`, unlabelled",
    "narrow_slow": "narrow Slow (3D-ResNet)",
    "narrow_slowfast": "narrow SlowFast",
    "narrow_r2plus1d": "narrow R(2+1)D",
}
"""Distillations of several seeds, by the beginnings of their results files."""
CHEAP = ("motion", "packets")
"""Baselines without a network, alike for every DDNet of a base."""
CLIPS = (
    DDL, "ddl_average", "ddl_rescaled", "ddl_literal", EQUAL_COST, "uniform", "random", *CHEAP, "confidence", "dense",
)  # fmt: skip


def composed() -> str:
    """Top-1 of ddl and its baselines on the composed videos, of the shipped base."""
    ks = (1, 3, 5, 9)
    results = results_of("shipped")
    rows = []
    for method in CLIPS:
        cells = [at_ks(results, data, method, ks) for data in COMPOSED]
        if any(cells):
            rows.append((f"`{method}`", *cells, gflops(find(results, COMPOSED[0], method, 5))))
    return table(("K = 1 / 3 / 5 / 9", *COMPOSED, "GFLOPs at K = 5"), rows)


def readme() -> str:
    """The same on mixed background, one K a column; what has no K is the same in all of them."""
    results, ks, rows = results_of("shipped"), (1, 3, 5, 9), []
    for method in (DDL, EQUAL_COST, "uniform", "random", "motion", "packets", "confidence", "dense"):
        found = [find(results, COMPOSED[0], method, k) for k in ks]
        if any(found):
            cells = [shown(row, "top1", intervals=False) for row in found]
            name = f"`{method}`" + ("" if METHODS[method].has_k else ", all clips")
            rows.append((name, *cells, gflops(find(results, COMPOSED[0], method, 5))))
    return table(("", *(f"K = {k}" for k in ks), "GFLOPs at K = 5"), rows)


def composed_differences() -> str:
    """What ddl gains at K = 5, and how well clips are ranked, with the shipped base."""
    results, rows = results_of("shipped"), []
    for data in COMPOSED:
        gains = [difference(results, data, "top1", (DDL, 5), baseline) for baseline in BASELINES]
        ranking = next(entry for entry in results.ranking or () if entry.data == data).measures
        aucs = [f"{ranking[f'auc_{of}'].value:.3f}" for of in ("ddnet", *CHEAP, "confidence")]
        sources = next(entry.sources for entry in results.data if entry.name == data)
        accuracy = shown(find(results, data, DDL, 5), "top1")
        rows.append((f"{data}, {sources} sources", accuracy, *map(gain, gains), *aucs))
    less = [f"minus `{baseline}`" for baseline in BASELINES]
    aucs = ["AUC DDNet", *(f"AUC `{method}`" for method in CHEAP), "AUC base's confidence"]
    return table(("data", "`ddl` at K = 5", *less, *aucs), rows)


def seeds() -> str:
    """Top-1 of ddl over the seeds of a distillation: means, and from the lowest to the highest, of intervals too."""
    rows = []
    for recipe, name in SEEDS.items():
        found = seeds_of(recipe)
        for data in COMPOSED if found else ():
            means = [mean_and_range(top1_of_seeds(found, data, k)) for k in (1, 3, 5, 9)]
            gains = [gain_of_seeds(found, data, baseline) for baseline in (EQUAL_COST, "dense")]
            rankings = [entry.measures for one in found for entry in one.ranking or () if entry.data == data]
            aucs = [ranking["auc_ddnet"].value for ranking in rankings]
            auc = f"{sum(aucs) / len(aucs):.3f} ({min(aucs):.3f}-{max(aucs):.3f})"
            confidence = f"{rankings[0]['auc_confidence'].value:.3f}"
            cheap = " / ".join(shown(find(found[0], data, method, 5), "top1", intervals=False) for method in CHEAP)
            rows.append((f"{name}, {count(len(found), 'seed')}", data, *means, cheap, *gains, auc, confidence))
    at_5 = ("`motion` / `packets` at 5", f"K = 5 minus `{EQUAL_COST}`", "K = 5 minus `dense`")
    columns = ("base", "data", *(f"K = {k}" for k in (1, 3, 5, 9)), *at_5, "AUC", "AUC base's confidence")
    return table(columns, rows) if rows else ""


def seeds_at_5() -> str:
    """The mean top-1 of ddl over the seeds by labels, at K = 5 on mixed background."""
    values = top1_of_seeds(seeds_of("labels"), COMPOSED[0], 5)
    return f"{sum(values) / len(values):.1f}"


def top1_of_seeds(found: Sequence[Results], data: str, k: int) -> list[float]:
    return [row.metrics["top1"].value for one in found if (row := find(one, data, DDL, k))]


def gain_of_seeds(found: Sequence[Results], data: str, baseline: str) -> str:
    """The mean difference at K = 5; every seed's paired interval lies within what stands in brackets."""
    less = [one for results in found if (one := difference(results, data, "top1", (DDL, 5), baseline))]
    mean = sum(one.difference for one in less) / len(less)
    return signed(mean, min(one.low for one in less), max(one.high for one in less))


def trimmed() -> str:
    """Top-1 on videos all of whose clips show the action."""
    if not exists(TRIMMED):
        return ""
    methods = (DDL, EQUAL_COST, "uniform", "motion", "packets", "dense")
    results = results_of(TRIMMED)
    data = results.data[0].name
    less = difference(results, data, "top1", (DDL, 1), EQUAL_COST)
    columns = ("K = 1 / 2 / 3", *(f"`{method}`" for method in methods), f"at K = 1 minus `{EQUAL_COST}`")
    cells = (at_ks(results, data, method, (1, 2, 3)) for method in methods)
    return table(columns, [(shipped_name(results.base), *cells, gain(less))])


def overlap() -> str:
    """Top-1 and clips taken of ddl on trimmed videos, where picks may overlap and where not."""
    rows = []
    for file, gap in ((TRIMMED, "0, the default"), ("overlap_shipped", "none")):
        results = results_of(file)
        found = [find(results, results.data[0].name, DDL, k) for k in (1, 2, 3)]
        rows.append((gap, *(f"{shown(row, 'top1', intervals=False)}, {row.clips:.1f} clips" for row in found if row)))
    return table(("`--min-gap`", *(f"K = {k}" for k in (1, 2, 3))), rows)


def untrimmed() -> str:
    """Mean average precision on real untrimmed videos, cut into pieces."""
    methods = (DDL, EQUAL_COST, "uniform", "motion", "packets", "confidence", "dense")
    rows = []
    for path in sorted(result_cells.RESULTS.glob("untrimmed_*.json")):
        results = read_results(path)
        for data in results.data:
            count = f"{data.videos} {results.group or 'video'}s of {data.sources or data.videos} videos"
            less = difference(results, data.name, "map", (DDL, 5), EQUAL_COST)
            cells = (at_ks(results, data.name, method, (1, 3, 5), "map") for method in methods)
            rows.append((f"{data.name}, {count}", *cells, gain(less)))
    columns = ("K = 1 / 3 / 5", *(f"`{method}`" for method in methods), f"at K = 5 minus `{EQUAL_COST}`")
    return table(columns, rows) if rows else ""


def untrimmed_rarest() -> str:
    """How often the first clip of a method shows the rarest action of a piece, and how often chance does."""
    rows = [
        (
            f"{best.data}, {best.videos} pieces", f"`{best.method}`", f"{best.hits:.0f} %", f"{best.chance:.0f} %",
            signed(best.gain, best.gain_low, best.gain_high),
        )
        for path in sorted(result_cells.RESULTS.glob("untrimmed_*.json"))
        for best in read_results(path).best_clips or ()
    ]  # fmt: skip
    return table(("data", "first clip by", "shows the rarest action", "by chance", "gain"), rows) if rows else ""
