"""The tables of sets of faces, of tracklets of persons, and of networks of sets, out of benchmarks/results/."""

import csv
from collections.abc import Iterable, Sequence

import result_cells
from marked_blocks import table
from result_cells import DDL, at_ks, difference, exists, find, gain, mean_and_range, results_of, seeds_of, shown, signed

from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Difference
from clipselect.evaluation.results import Results
from clipselect.report.formats import metric_name

AT_THRESHOLD = "ddl_threshold"
FRAMES = (
    "average", AT_THRESHOLD, "ddl_all", DDL, "ddl_rescaled", "ddl_literal", "even", "random",
    "sharpness", "jpeg_bytes", "lightqnet",
    "norm", "agreement", "flip_agreement", "dropout_agreement", "without_outliers", "largest_cluster", "nan",
    "qan", "gfan", "temporal", "lfenet", "ddl_lfenet", "fan", "ddl_fan", "top1", "oracle_sharp", "oracle",
)  # fmt: skip
"""What tables of faces and persons show, where it was measured."""
BASELINES = (
    "random",
    "sharpness",
    "jpeg_bytes",
    "lightqnet",
    "agreement",
    "flip_agreement",
    "dropout_agreement",
    "without_outliers",
    "largest_cluster",
    "nan",
    "qan",
    "gfan",
    "temporal",
)
"""Those that stand on the page docs/how-to/which-one.md alone."""
ON_PAGE_OF_RESULTS = tuple(method for method in FRAMES if method not in BASELINES)
SEEDS = (
    "average", AT_THRESHOLD, "ddl_all", "ddl_all_rescaled", DDL, "top1", "norm", "oracle_sharp", "oracle_all",
)  # fmt: skip
TRAINED = ("average", AT_THRESHOLD, "ddl_all", DDL, "nan", "qan", "gfan", "temporal")
ENHANCED = ("average", AT_THRESHOLD, DDL, "lfenet", "ddl_lfenet")
JOINED = ("average", DDL, "fan", "ddl_fan")
CHOOSING = (DDL, "sharpness", "jpeg_bytes", "lightqnet", "norm", "agreement", "flip_agreement", "even", "random")
K_OF_FACES, K_OF_PERSONS = 3, 4
STRICT = "tar_at_far_1e-4"
"""A rate of false accepts ten times lower than that of most tables."""


def people_of_sets() -> str:
    """How many people have images enough for two sets of a size, for each size."""
    counts = {data.name.rpartition(" of ")[2]: data.sources for data in results_of("faces").data}
    return " and ".join(f"{people} with images for two sets of {size}" for size, people in counts.items())


def faces() -> str:
    """Verification of sets of faces: all as they are, blurred and degraded; sets of each size in a cell."""
    if not exists("faces"):
        return ""
    results = results_of("faces")
    metric = next(iter(results.rows[0].metrics))
    columns = by_condition(results, metric)
    rows = []
    for method in ON_PAGE_OF_RESULTS:
        found = [[find(results, data, method, K_OF_FACES) for data in of_sizes] for of_sizes in columns.values()]
        if any(any(of_sizes) for of_sizes in found):
            costs = (f"{row.gflops:.2f}" for row in found[0] if row and row.gflops is not None)
            cells = (" / ".join(shown(row, metric, intervals=False) for row in of_sizes if row) for of_sizes in found)
            rows.append((named(method, K_OF_FACES), " / ".join(costs), *cells))
    return table((sizes_named(columns, metric), "GFLOPs", *columns), rows)


def spread() -> str:
    """mAP of ddl on tracklets and the images kept, where neighbours may be kept and where not."""
    rows = []
    for file, gap in (("reid", "none, the default"), ("reid_spread", "2")):
        results = results_of(file)
        for data in ("mars, as they are", "mars, 0.5 degraded"):
            found = [find(results, data, DDL, k) for k in (1, 2, 4)] + [find(results, data, AT_THRESHOLD, None)]
            cells = (f"{shown(row, 'map', intervals=False)}, {row.clips:.1f} images" for row in found if row)
            rows.append((gap, data.removeprefix("mars, "), *cells))
    return table(("`--min-gap`", "images", *(f"K = {k}" for k in (1, 2, 4)), f"`{AT_THRESHOLD}`"), rows)


def faces_seeds(metric: str = "tar_at_far_1e-3") -> str:
    """The distillations that were measured."""
    return seeds_table("faces", SEEDS, metric)


def trained_baselines(metric: str = "tar_at_far_1e-3") -> str:
    """Networks of sets that were trained, beside the shipped DDNet."""
    return seeds_table("sets", TRAINED, metric)


def trained_baselines_of_persons() -> str:
    """The same of tracklets."""
    return seeds_table("tracklets", TRAINED, "map", (K_OF_PERSONS,))


def lfenet_seeds(metric: str = "tar_at_far_1e-3") -> str:
    """LFENets, alone and after the shipped DDNet's choice."""
    return seeds_table("lfenet", ENHANCED, metric)


def lfenet_gains() -> str:
    """What LFENets gain."""
    pairs = ("lfenet", None, "average"), ("lfenet", None, AT_THRESHOLD), ("ddl_lfenet", K_OF_FACES, DDL)
    return gains_table("lfenet", pairs)


def fan_seeds(metric: str = "tar_at_far_1e-3") -> str:
    """FANs, of all frames and of the best by the shipped DDNet."""
    return seeds_table("fan", JOINED, metric, (1, K_OF_FACES))


def fan_gains() -> str:
    """What FANs gain."""
    return gains_table("fan", (("fan", None, "average"), ("ddl_fan", 1, "average"), ("ddl_fan", 1, DDL)))


def gains_table(recipe: str, pairs: Iterable[tuple[str, int | None, str]], metric: str = "tar_at_far_1e-3") -> str:
    """Of methods, K and baselines: the mean of the seeds, and from the lowest to the highest end of their intervals."""
    seeds = seeds_of(recipe)
    columns = by_condition(seeds[0], metric)
    rows = []
    for method, k, baseline in pairs:
        for number, size in enumerate(data.rpartition(" ")[2] for data in next(iter(columns.values()))):
            cells = []
            for of_sizes in columns.values():
                found = [difference(results, of_sizes[number], metric, (method, k), baseline) for results in seeds]
                cells.append(gain_of_seeds([one for one in found if one]))
            rows.append((f"{named(method, k)} minus `{baseline}`, sets of {size}", *cells))
    return table((metric_name(metric), *columns), rows)


def gain_of_seeds(found: Sequence[Difference]) -> str:
    mean = sum(one.difference for one in found) / len(found)
    return signed(mean, min(one.low for one in found), max(one.high for one in found))


def qualities(metric: str = "tar_at_far_1e-3") -> str:
    """Ways of choosing few frames of the larger sets: one frame and some."""
    results = results_of("faces")
    columns = {name: of_sizes[-1] for name, of_sizes in by_condition(results, metric).items()}
    size = next(iter(columns.values())).rpartition(" ")[2]
    rows = []
    for method in CHOOSING:
        cells = [at_ks(results, data, method, (1, K_OF_FACES), metric) for data in columns.values()]
        if any(cells):
            rows.append((f"`{method}`", *cells))
    return table((f"{metric_name(metric)}, sets of {size}, K = 1 / {K_OF_FACES}", *columns), rows)


def seeds_table(recipe: str, methods: Sequence[str], metric: str, ks: Sequence[int] = (K_OF_FACES,)) -> str:
    """The mean of the seeds and their range, by condition as `faces`."""
    seeds = seeds_of(recipe)
    if not seeds:
        return ""
    columns = by_condition(seeds[0], metric)
    rows = []
    for method, k in ((name, k) for name in methods for k in (ks if METHODS[name].has_k else ks[:1])):
        cells = []
        for of_sizes in columns.values():
            found = [[find(results, data, method, k) for results in seeds] for data in of_sizes]
            values = [[row.metrics[metric].value for row in of_seeds if row] for of_seeds in found]
            cells.append(" / ".join(filter(None, map(mean_and_range, values))))
        if any(cells):
            rows.append((named(method, k), *cells))
    return table((sizes_named(columns, metric), *columns), rows)


def by_condition(results: Results, metric: str) -> dict[str, list[str]]:
    """The data sets that have the metric: those of all sizes of sets together, by what was done to their frames."""
    measured = {row.data for row in results.rows if metric in row.metrics}
    return columns_of(data for data in conditions(results) if data in measured)


def columns_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of data sets by what was done to their frames."""
    columns: dict[str, list[str]] = {}
    for data in names:
        of_sets, sized, _ = data.partition(", sets of ")
        kind, _, changed = of_sets.partition(", ")
        name = changed or "as they are" if sized or kind == "faces" else data
        columns.setdefault(name, []).append(data)
    return columns


def sizes_named(columns: dict[str, list[str]], metric: str) -> str:
    sizes = " / ".join(data.partition(", sets of ")[2] for data in next(iter(columns.values())))
    return f"{metric_name(metric)}, sets of {sizes}" if sizes else metric_name(metric)


def persons(file: str = "reid", methods: Sequence[str] = ON_PAGE_OF_RESULTS) -> str:
    """mAP of person tracklets, and what is gained over averaging all frames."""
    results = results_of(file)
    columns = conditions(results)
    rows = []
    for method in methods:
        found = [find(results, data, method, K_OF_PERSONS) for data in columns]
        if any(found):
            k = K_OF_PERSONS if METHODS[method].has_k else None
            gains = [gain(difference(results, data, "map", (method, k), "average")) for data in columns]
            cells = [shown(row, "map", intervals=False) for row in found]
            rows.append((named(method, k), *(", ".join(filter(None, pair)) for pair in zip(cells, gains, strict=True))))
    return table(("method", *columns), rows)


def x_mars() -> str:
    """The same of the people of X-MARS, with all baselines."""
    return persons("x_mars", FRAMES)


def runs(
    name: str, metric: str = "tar_at_far_1e-3", ks: Sequence[int] = (1, K_OF_FACES), file: str | None = None
) -> str:
    """LFENet or FAN beside averaging and DDL, every run of run_lfenet.py or run_fan.py; sets of each size in a cell.
    What does not depend on the run stands once.

    Args:
        file: of benchmarks/results/, without .csv; named as the network by default.
    """
    lines = [line for line in csv_lines(file or name) if line["k"] in ("", *map(str, ks)) and line[metric]]
    if not lines:
        return ""
    columns = columns_of(dict.fromkeys(line["data"] for line in lines))
    found = dict[tuple[str, str], dict[str, str]]()
    for line in lines:
        run = line["run"] if line["method"] in (name, f"ddl_{name}") else ""
        key = named(line["method"], int(line["k"] or 0)), run
        found.setdefault(key, {})[line["data"]] = f"{float(line[metric]):.1f}"
    rows = (
        (method, run, *(" / ".join(cells.get(data, "") for data in of_sizes) for of_sizes in columns.values()))
        for (method, run), cells in found.items()
    )
    return table((sizes_named(columns, metric), "run", *columns), rows)


def fan_images(metric: str = "tar_at_far_1e-3") -> str:
    """FAN on sets of 8 of which every N become one image, beside averaging all."""
    lines = csv_lines("fan_images")
    if not lines:
        return ""
    data = [*dict.fromkeys(line["data"] for line in lines)]
    wanted = [("average", "seed_0"), *(("fan", f"images_{images}") for images in (1, 2, 4)), ("fan", "seed_0")]
    rows = []
    for method, run in wanted:
        found = {line["data"]: line for line in lines if (line["method"], line["run"]) == (method, run)}
        images = int(run.removeprefix("images_")) if run != "seed_0" else 8
        name = "`average`" if method == "average" else f"`fan`, {images} x {8 // images}"
        cells = (f"{float(found[one][metric]):.1f}" for one in data)
        rows.append((name, *cells, f"{float(found[data[0]]['gflops']):.2f} G"))
    return table((f"{metric_name(metric)}, N x n_avg", "as they are", "blur 17", "multiply-adds of a set"), rows)


def csv_lines(name: str) -> list[dict[str, str]]:
    """The rows of a results file; none where it is not there."""
    path = result_cells.RESULTS / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def conditions(results: Results) -> list[str]:
    """The data sets but those of a domain, and the one of all together."""
    left_out = {*(results.settings or {}).get("domains", ()), "pooled"}
    return [data.name for data in results.data if left_out.isdisjoint(data.name.split(", "))]


def named(method: str, k: int | None) -> str:
    return (
        f"`{method}`"
        + (f", K = {k}" if METHODS[method].has_k else "")
        + (" (the default)" if method == AT_THRESHOLD else "")
    )
