"""The tables of benchmarks/README.md and README.md, out of benchmarks/results/.

Every function makes one table, with the rows whose methods were measured; where its results file is missing, nothing.
"""

import csv
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from marked_blocks import ROOT, table

from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Difference, Network, Row
from clipselect.evaluation.results import Results, read_results

RESULTS = ROOT / "benchmarks" / "results"

BASES = {
    "shipped": "shipped",
    "narrow_slow": "narrow Slow (3D-ResNet)",
    "narrow_slowfast": "narrow SlowFast",
    "narrow_r2plus1d": "narrow R(2+1)D",
}
"""The results of composed videos, by their file."""
COMPOSED = ("mixed", "hard")
DDL, EQUAL_COST = "ddl", "uniform_equal_cost"
RIVALS = ("uniform", EQUAL_COST, "dense")
CLIPS = (
    DDL, "ddl_average", "ddl_rescaled", "ddl_literal", EQUAL_COST, "uniform", "random", "motion", "packets",
    "confidence", "dense",
)  # fmt: skip
AT_THRESHOLD = "ddl_threshold"
FRAMES = (
    "average", AT_THRESHOLD, "ddl_all", DDL, "ddl_rescaled", "ddl_literal", "even", "random",
    "norm", "agreement", "flip_agreement", "dropout_agreement", "without_outliers", "largest_cluster", "nan",
    "qan", "gfan", "temporal", "lfenet", "ddl_lfenet", "fan", "ddl_fan", "top1", "oracle_sharp", "oracle",
)  # fmt: skip
"""What tables of faces and persons show, where it was measured."""
K_OF_FACES, K_OF_PERSONS = 3, 4


def composed() -> str:
    """Top-1 of ddl and its rivals on the composed videos, of the shipped base."""
    ks = (1, 3, 5, 9)
    results = results_of("shipped")
    rows = []
    for method in CLIPS:
        cells = [at_ks(results, data, method, ks) for data in COMPOSED]
        if any(cells):
            rows.append((f"`{method}`", *cells, gflops(find(results, COMPOSED[0], method, 5))))
    return table(("K = 1 / 3 / 5 / 9", *COMPOSED, "GFLOPs at K = 5"), rows)


def readme() -> str:
    """The same on mixed background, one K a column."""
    results, ks, rows = results_of("shipped"), (1, 3, 5, 9), []
    for method in (DDL, EQUAL_COST, "uniform", "random", "motion", "confidence", "dense"):
        found = [find(results, COMPOSED[0], method, k) for k in ks if METHODS[method].has_k or k == ks[0]]
        if any(found):
            cells = [shown(row, "top1", intervals=False) for row in found]
            cost = gflops(find(results, COMPOSED[0], method, 5))
            rows.append((f"`{method}`", *cells, *[""] * (len(ks) - len(cells)), cost))
    return table(("", *(f"K = {k}" for k in ks), "GFLOPs at K = 5"), rows)


def composed_differences() -> str:
    """What ddl gains at K = 5, and how well clips are ranked, of all bases."""
    rows = []
    for file, base in measured_bases(""):
        results = results_of(file)
        for data in COMPOSED:
            gains = [difference(results, data, "top1", (DDL, 5), rival) for rival in RIVALS]
            ranking = next(entry for entry in results.ranking or () if entry.data == data).measures
            aucs = [f"{ranking[f'auc_{of}'].value:.3f}" for of in ("ddnet", "confidence")]
            sources = next(entry.sources for entry in results.data if entry.name == data)
            accuracy = shown(find(results, data, DDL, 5), "top1")
            rows.append((base, f"{data}, {sources} sources", accuracy, *map(gain, gains), *aucs))
    less = [f"less `{rival}`" for rival in RIVALS]
    return table(("base", "data", "`ddl` at K = 5", *less, "AUC DDNet", "AUC base's confidence"), rows)


def seeds() -> str:
    """Top-1 of ddl over the seeds of a distillation: means, and from the lowest to the highest, of intervals too."""
    rows = []
    for recipe in ("labels", "unlabelled"):
        found = [read_results(path) for path in sorted((RESULTS / "seeds").glob(f"{recipe}_*.json"))]
        for data in COMPOSED if found else ():
            means = [mean_and_range(top1_of_seeds(found, data, k)) for k in (1, 3, 5, 9)]
            gains = [gain_of_seeds(found, data, rival) for rival in (EQUAL_COST, "dense")]
            aucs = [
                entry.measures["auc_ddnet"].value for one in found for entry in one.ranking or () if entry.data == data
            ]
            auc = f"{sum(aucs) / len(aucs):.3f} ({min(aucs):.3f}-{max(aucs):.3f})"
            rows.append((f"{recipe}, {len(found)} seeds", data, *means, *gains, auc))
    columns = ("distilled by", "data", *(f"K = {k}" for k in (1, 3, 5, 9)), f"K = 5 less `{EQUAL_COST}`")
    return table((*columns, "K = 5 less `dense`", "AUC"), rows) if rows else ""


def top1_of_seeds(found: Sequence[Results], data: str, k: int) -> list[float]:
    return [row.metrics["top1"].value for one in found if (row := find(one, data, DDL, k))]


def gain_of_seeds(found: Sequence[Results], data: str, rival: str) -> str:
    """The mean difference at K = 5; every seed's paired interval lies within what stands in brackets."""
    less = [one for results in found if (one := difference(results, data, "top1", (DDL, 5), rival))]
    mean = sum(one.difference for one in less) / len(less)
    return f"{mean:+.1f} ({min(one.low for one in less):+.1f} to {max(one.high for one in less):+.1f})"


def trimmed() -> str:
    """Top-1 on videos all of whose clips show the action."""
    methods = (DDL, EQUAL_COST, "uniform", "dense")
    rows = []
    for file, base in measured_bases("trimmed_"):
        results = results_of(file)
        data = results.data[0].name
        less = difference(results, data, "top1", (DDL, 1), EQUAL_COST)
        rows.append((base, *(at_ks(results, data, method, (1, 2, 3)) for method in methods), gain(less)))
    columns = ("K = 1 / 2 / 3", *(f"`{method}`" for method in methods), f"at K = 1 less `{EQUAL_COST}`")
    return table(columns, rows) if rows else ""


def untrimmed() -> str:
    """Mean average precision on videos that nobody composed, cut into pieces."""
    methods = (DDL, EQUAL_COST, "uniform", "motion", "packets", "confidence", "dense")
    rows = []
    for path in sorted(RESULTS.glob("untrimmed_*.json")):
        results = read_results(path)
        for data in results.data:
            count = f"{data.videos} of {data.sources or data.videos} videos"
            less = difference(results, data.name, "map", (DDL, 5), EQUAL_COST)
            cells = (at_ks(results, data.name, method, (1, 3, 5), "map") for method in methods)
            rows.append((f"{data.name}, {count}", *cells, gain(less)))
    columns = ("K = 1 / 3 / 5", *(f"`{method}`" for method in methods), f"at K = 5 less `{EQUAL_COST}`")
    return table(columns, rows) if rows else ""


def faces() -> str:
    """Verification of sets of faces: all as they are, blurred and degraded; then sets of one size, degraded if any."""
    if not exists("faces"):
        return ""
    results = [results_of(file) for file in ("faces", "faces_sets_of_5") if exists(file)]
    columns = [
        (one, data) for one in results for data in conditions(one) if "blur" not in data or "sets of" not in data
    ]
    if any("degraded" in data for _, data in columns):
        columns = [(one, data) for one, data in columns if "sets of" not in data or "degraded" in data]
    metric = next(iter(results[0].rows[0].metrics))
    rows = []
    for method in FRAMES:
        found = [find(one, data, method, K_OF_FACES) for one, data in columns]
        if any(found):
            cost = next((f"{row.gflops:.2f}" for row in found if row and row.gflops is not None), "")
            rows.append((named(method, K_OF_FACES), cost, *(shown(row, metric) for row in found)))
    labels = [data.removeprefix(results[0].data[0].name).removeprefix(", ") or "as they are" for _, data in columns]
    return table((metric_named(metric), "G", *labels), rows)


def persons() -> str:
    """mAP of person tracklets, and what is gained over averaging all frames."""
    results = results_of("reid")
    columns = [data.name for data in results.data if not data.name.startswith("pooled")]
    rows = []
    for method in FRAMES:
        found = [find(results, data, method, K_OF_PERSONS) for data in columns]
        if any(found):
            k = K_OF_PERSONS if METHODS[method].has_k else None
            gains = [gain(difference(results, data, "map", (method, k), "average")) for data in columns]
            cells = [shown(row, "map", intervals=False) for row in found]
            rows.append((named(method, k), *(", ".join(filter(None, pair)) for pair in zip(cells, gains, strict=True))))
    return table(("method", *columns), rows)


def set_networks(name: str) -> str:
    """LFENet or FAN beside averaging and DDL: from the file of run_lfenet.py or run_fan.py, the mean of its seeds."""
    return runs_table(name, seeds_alone=True)


def lfenet_runs() -> str:
    """The same of every run."""
    return runs_table("lfenet")


def fan_runs() -> str:
    return runs_table("fan")


def runs_table(name: str, *, seeds_alone: bool = False) -> str:
    """The metric to go by of sets of all sizes; what does not depend on the run stands once."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        return ""
    with path.open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if "sets of" not in line["data"]]
    lines = [line for line in lines if line["k"] in ("", str(K_OF_FACES))]
    if seeds_alone:
        lines = [line for line in lines if line["run"].startswith("seed_")]
    metric = next(column.removesuffix("_low") for column in lines[0] if column.endswith("_low"))
    columns = list(dict.fromkeys(line["data"] for line in lines))
    values = dict[tuple[str, str], dict[str, list[float]]]()
    for line in lines:
        run = line["run"] if name in line["method"] else ""
        key = (line["method"], "all seeds" if run and seeds_alone else run)
        values.setdefault(key, {}).setdefault(line["data"], []).append(float(line[metric]))
    rows = (
        (f"`{method}`", run, *(mean_and_range(of_data.get(data, [])) for data in columns))
        for (method, run), of_data in values.items()
    )
    return table((metric_named(metric), "run", *columns), rows)


def mean_and_range(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ({min(values):.1f}-{max(values):.1f})" if min(values) < max(values) else ""
    return f"{sum(values) / len(values):.1f}{spread}"


def data_time() -> str:
    """Seconds until the clips of a video are there as tensors."""
    return table(
        ("method", "clips per video", "data time per video"),
        (
            (f"`{row.method}`", "" if row.clips is None else f"{row.clips:.1f}", f"{row.seconds:.3f} s")
            for row in results_of("data_time").rows
        ),
    )


def cost() -> str:
    """Multiply-adds, and seconds where they were measured, of ddl and dense at the paper's settings."""
    results, rows = results_of("cost"), []
    for data in (data for data in results.data if "shipped" in data.name or "measured" in data.name):
        ddl, dense = find(results, data.name, DDL, None), find(results, data.name, "dense", None)
        assert ddl and dense and ddl.gflops and dense.gflops
        cells = [f"{dense.gflops:.0f} G", f"{ddl.gflops:.1f} G", f"{dense.gflops / ddl.gflops:.2f} x"]
        if ddl.seconds and dense.seconds:
            cells += [f"{dense.seconds:.1f} s", f"{ddl.seconds:.2f} s", f"{dense.seconds / ddl.seconds:.2f} x"]
        of_now = results.model is None or "earlier" not in shipped_name(results.model)
        label = data.name if of_now else data.name.replace("(shipped)", "(shipped earlier)")
        rows.append((label, *cells, *[""] * (6 - len(cells))))
    return table(("SlowFast-R50", "dense", "ddl", "fewer by", "dense", "ddl", "faster by"), rows)


def speed() -> str:
    """Scoring beside decoding, per video with few key frames."""
    ratios = ("decode by our threads / decode", "score / decode", "fast / decode", "score / decord")
    rows = (
        (row["video"], *(f"{row[key]:.2f}" if key in row else "" for key in ratios))
        for row in speed_results()["parts"]["a"]
        if "gop 30 " not in row["video"]
    )
    return table(("video", "our threads / decoding", *(key.replace("decode", "decoding") for key in ratios[1:])), rows)


def missed_goals() -> str:
    """Goals of speed and memory that were missed; those of part b, file to answer, also on a quiet machine."""
    rows = []
    for goal in speed_results()["goals"]:
        if not goal["met"]:
            video = goal["goal"].partition(" (")[2].removesuffix(")")
            ddl, dense = (find(results_of("speed_base"), video, method, None) for method in (DDL, "dense"))
            again = f"{dense.seconds / ddl.seconds:.2f}" if ddl and dense and ddl.seconds and dense.seconds else ""
            rows.append((goal["goal"].removeprefix("b: "), f"{goal['measured']:.2f}", again))
    return table(("goal", "measured", "quiet machine"), rows)


def exists(file: str) -> bool:
    return (RESULTS / f"{file}.json").exists()


@cache
def results_of(file: str) -> Results:
    return read_results(RESULTS / f"{file}.json")


def speed_results() -> dict[str, Any]:
    return json.loads((RESULTS / "speed.json").read_text())


def measured_bases(prefix: str) -> list[tuple[str, str]]:
    """The results files of videos that are there, and the names of their bases."""
    return [
        (f"{prefix}{file}", shipped_name(results_of(prefix + file).base) if file == "shipped" else base)
        for file, base in BASES.items()
        if exists(f"{prefix}{file}")
    ]


def shipped_name(network: Network) -> str:
    """Its name; weights that have been replaced since are not taken for the shipped ones."""
    results = results_of("shipped")
    shipped = network.sha256 in {results.base.sha256, results.model.sha256 if results.model else None}
    return f"`{network.name}`{'' if shipped else ' of an earlier version'}"


def at_ks(results: Results, data: str, method: str, ks: Sequence[int], metric: str = "top1") -> str:
    """Its metric at every K, or the one that it has without."""
    found = [find(results, data, method, k) for k in (ks if METHODS[method].has_k else ks[:1])]
    return " / ".join(shown(row, metric, intervals=False) or "-" for row in found) if any(found) else ""


def gflops(row: Row | None) -> str:
    return "" if row is None or row.gflops is None else f"{row.gflops:.1f}"


def conditions(results: Results) -> list[str]:
    """The data sets but those of a domain."""
    domains = {*(results.settings or {}).get("domains", ())}
    return [data.name for data in results.data if domains.isdisjoint(data.name.split(", "))]


def find(results: Results, data: str, method: str, k: int | None) -> Row | None:
    """The row of a method at a K; of a method without K, or where None is asked for, its only one."""
    rows = (row for row in results.rows if (row.data, row.method) == (data, method))
    return next((row for row in rows if k is None or row.k == k or not METHODS[method].has_k), None)


def difference(results: Results, data: str, metric: str, key: tuple[str, int | None], than: str) -> Difference | None:
    """A method at a K less a rival at the same K, or less one without K."""
    wanted = (data, metric, *key, than)
    found = [d for d in results.differences or () if (d.data, d.metric, d.method, d.k, d.than) == wanted]
    return next((d for d in found if d.than_k == key[1] or not METHODS[than].has_k), None)


def named(method: str, k: int | None) -> str:
    return (
        f"`{method}`"
        + (f", K = {k}" if METHODS[method].has_k else "")
        + (" (the default)" if method == AT_THRESHOLD else "")
    )


def metric_named(metric: str) -> str:
    return metric.replace("tar_at_far_", "TAR at FAR ").replace("_", " ")


def shown(row: Row | None, metric: str, intervals: bool = True) -> str:
    if row is None:
        return ""
    value, low, high = row.metrics[metric]
    return f"{value:.1f} ({low:.1f}-{high:.1f})" if intervals else f"{value:.1f}"


def gain(less: Difference | None) -> str:
    return "" if less is None else f"{less.difference:+.1f} ({less.low:+.1f} to {less.high:+.1f})"
