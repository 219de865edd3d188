"""Makes the tables of benchmarks/README.md and README.md from benchmarks/results/*.json, between their markers.

python benchmarks/make_readme.py
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from clipselect.evaluation.result_entries import Difference, Row
from clipselect.evaluation.results import Results, read_results
from clipselect.media.files import write_whole

README = Path(__file__).with_name("README.md")
FRONT = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).with_name("results")
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

BASES = {
    "shipped": "`r3d-actions` (shipped)",
    "narrow_slow": "narrow Slow (3D-ResNet)",
    "narrow_slowfast": "narrow SlowFast",
    "narrow_r2plus1d": "narrow R(2+1)D",
}
"""The results of composed videos, by their file."""
COMPOSED, RIVALS = ("mixed", "hard"), ("uniform", "uniform_equal_cost", "dense")
AT_THRESHOLD = "ddl_threshold"
FACES = (
    ("average", None), (AT_THRESHOLD, None), ("ddl_threshold_rescaled", None), ("ddl", 5), ("ddl_rescaled", 5),
    ("random", 5),
    ("ddl", 3), ("ddl_literal", 3), ("random", 3), ("top1", None), ("random", 1), ("oracle_sharp", None), ("oracle", 1),
    ("oracle", 5),
)  # fmt: skip
FACE_SETS = ("val", "val, blur 7", "val, blur 11", "val, blur 17")
PERSONS = (
    ("average", None), (AT_THRESHOLD, None), ("ddl_threshold_rescaled", None), ("ddl_all_rescaled", None), ("ddl", 4),
    ("ddl_rescaled", 4), ("even", 4), ("random", 4), ("first", 4), ("top1", None), ("oracle", 4),
)  # fmt: skip
PERSON_SETS = ("mars, as they are", "mars, 0.5 spoilt", "market1501_train, as they are", "market1501_train, 0.5 spoilt")


def filled(text: str) -> str:
    """The page with every table as the results files have it."""
    return BLOCK.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", text)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(lines) + "\n"


def composed() -> str:
    """Top-1 of ddl and its rivals on the composed videos, of the shipped base."""
    results, rows = results_of("shipped"), []
    for data in COMPOSED:
        rows += [(data, *cells) for cells in accuracies(results, data, ("ddl", *RIVALS), (1, 3, 5, 9), 5)]
    return table(("data", "method", "K = 1", "K = 3", "K = 5", "K = 9", "GFLOPs at K = 5"), rows)


def readme() -> str:
    """Top-1 of the shipped base on mixed background, without intervals."""
    results, rows = results_of("shipped"), []
    for method in ("ddl", "uniform_equal_cost", "uniform", "random", "confidence", "dense"):
        own = [row for row in results.rows if (row.data, row.method) == (COMPOSED[0], method)]
        if method != "dense":
            own = [row for k in (1, 3, 5, 9) for row in own if row.k == k]
        top1 = [f"{row.metrics['top1'].value:.1f}" for row in own]
        cost = own[0 if method == "dense" else 2].gflops
        rows.append((f"`{method}`", *top1, *[""] * (4 - len(top1)), f"{cost:.1f}"))
    return table(("", "K = 1", "K = 3", "K = 5", "K = 9", "GFLOPs at K = 5"), rows)


def composed_differences() -> str:
    """What ddl reaches and gains at K = 5, and how well clips are ranked, of all bases."""
    rows = []
    for file, base in BASES.items():
        results = results_of(file)
        for data in COMPOSED:
            gains = [difference(results, data, "top1", ("ddl", 5), rival) for rival in RIVALS]
            ranking = next(entry for entry in results.ranking or () if entry.data == data).measures
            aucs = [f"{ranking[f'auc_{of}'].value:.3f}" for of in ("ddnet", "confidence")]
            rows.append((base, data, shown(find(results, data, "ddl", 5), "top1"), *map(gain, gains), *aucs))
    less = [f"less {rival}" for rival in RIVALS]
    columns = ("base", "data", "ddl at K = 5", *less, "AUC DDNet", "AUC base's confidence")
    return table(columns, rows)


def trimmed() -> str:
    """Top-1 on videos all of whose clips show the action."""
    rows = []
    for file in ("shipped", "narrow_r2plus1d"):
        results = results_of(f"trimmed_{file}")
        cells = accuracies(results, "actions", ("ddl", *RIVALS), (1, 2, 3), 1)
        rows += [(BASES[file], *own) for own in cells]
    return table(("base", "method", "K = 1", "K = 2", "K = 3", "GFLOPs at K = 1"), rows)


def faces() -> str:
    """TAR at FAR 1e-2 of sets of faces, sharp and blurred, and what is gained over averaging sets of five."""
    results, of_five = results_of("faces"), results_of("faces_sets_of_5")
    rows = []
    for key in FACES:
        own = [find(results, data, *key) for data in FACE_SETS]
        measured = [shown(row, "tar_at_far_1e-2") for row in own]
        first = next(row for row in own if row is not None)
        less = difference(of_five, of_five.data[0].name, "tar_at_far_1e-2", key, "average")
        rows.append((name(*key), f"{first.gflops:.2f}", *measured, gain(less)))
    return table(("method", "G", "as they are", *FACE_SETS_SHOWN, "sets of 5: less average"), rows)


def persons() -> str:
    """mAP of person tracklets, and what is gained over averaging all frames."""
    results = results_of("reid")
    rows = []
    for key in PERSONS:
        cells = []
        for data in PERSON_SETS:
            row, less = find(results, data, *key), difference(results, data, "map", key, "average")
            assert row is not None
            cells.append(
                f"{row.metrics['map'].value:.1f}"
                + (f" ({less.difference:+.1f}: {less.low:+.1f} to {less.high:+.1f})" if less else "")
            )
        rows.append((name(*key), *cells))
    return table(("method", "MARS", "MARS, half degraded", "Market-1501", "Market-1501, half degraded"), rows)


def data_time() -> str:
    """Seconds until the clips of a video are there as tensors."""
    results = results_of("data_time")
    return table(
        ("method", "clips per video", "data time per video"),
        ((row.method, "" if row.clips is None else f"{row.clips:.1f}", f"{row.seconds:.3f} s") for row in results.rows),
    )


def cost() -> str:
    """Multiply-adds, and seconds where they were measured, of ddl and dense at the paper's settings."""
    results, rows = results_of("cost"), []
    for data in results.data:
        ddl, dense = (next(r for r in results.rows if (r.data, r.method) == (data.name, m)) for m in ("ddl", "dense"))
        assert ddl.gflops and dense.gflops
        cells = [f"{dense.gflops:.0f} G", f"{ddl.gflops:.1f} G", f"{dense.gflops / ddl.gflops:.2f} x"]
        if ddl.seconds and dense.seconds:
            cells += [f"{dense.seconds:.1f} s", f"{ddl.seconds:.2f} s", f"{dense.seconds / ddl.seconds:.2f} x"]
        rows.append((data.name, *cells, *[""] * (6 - len(cells))))
    return table(("SlowFast-R50", "dense", "ddl", "fewer by", "dense", "ddl", "faster by"), rows)


def speed() -> str:
    """Scoring beside decoding, per video with few key frames."""
    parts = json.loads((RESULTS / "speed.json").read_text())["parts"]
    ratios = ("decode by our threads / decode", "score / decode", "fast / decode", "score / decord")
    rows = [
        (row["video"], *(f"{row[key]:.2f}" if key in row else "" for key in ratios))
        for row in parts["a"]
        if "gop 30 " not in row["video"]
    ]
    return table(("video", "our threads / decoding", *(key.replace("decode", "decoding") for key in ratios[1:])), rows)


def speed_goals() -> str:
    """Goals of speed and memory, and what was measured."""
    goals = json.loads((RESULTS / "speed.json").read_text())["goals"]
    rows = ((g["goal"], f"{g['measured']:g}", "met" if g["met"] else "**missed**") for g in goals)
    return table(("goal", "measured", ""), rows)


TABLES: dict[str, Callable[[], str]] = {
    made.__name__: made
    for made in (composed, readme, composed_differences, trimmed, faces, persons, data_time, cost, speed, speed_goals)
}
FACE_SETS_SHOWN = [data.removeprefix("val, ") for data in FACE_SETS[1:]]


def results_of(file: str) -> Results:
    return read_results(RESULTS / f"{file}.json")


def accuracies(
    results: Results, data: str, methods: Sequence[str], ks: Sequence[int], at: int
) -> Iterable[tuple[str, ...]]:
    """A line per method: top-1 at every K, and GFLOPs at one of them; dense stands in the first column."""
    for method in methods:
        own = [row for row in results.rows if (row.data, row.method) == (data, method)]
        if method == "dense":
            (row,) = own
            yield f"dense ({row.clips:.3g} clips)", shown(row, "top1"), *[""] * (len(ks) - 1), f"{row.gflops:.1f}"
        else:
            by_k = {row.k: row for row in own}
            yield method, *(shown(by_k[k], "top1") for k in ks), f"{by_k[at].gflops:.1f}"


def find(results: Results, data: str, method: str, k: int | None) -> Row | None:
    return next((r for r in results.rows if (r.data, r.method, r.k) == (data, method, k)), None)


def difference(results: Results, data: str, metric: str, key: tuple[str, int | None], than: str) -> Difference | None:
    """A method at a K less a rival at the same K, or less one without K."""
    wanted = (data, metric, *key, than)
    found = [d for d in results.differences or () if (d.data, d.metric, d.method, d.k, d.than) == wanted]
    return next((d for d in found if d.than_k == key[1] or than in ("dense", "average")), None)


def name(method: str, k: int | None) -> str:
    return f"`{method}`" + ("" if k is None else f", K = {k}") + (" (the default)" if method == AT_THRESHOLD else "")


def shown(row: Row | None, metric: str) -> str:
    if row is None:
        return ""
    value, low, high = row.metrics[metric]
    return f"{value:.1f} ({low:.1f}-{high:.1f})"


def gain(less: Difference | None) -> str:
    return "" if less is None else f"{less.difference:+.1f} ({less.low:+.1f} to {less.high:+.1f})"


def main() -> None:
    for page in (README, FRONT):
        write_whole(page, filled(page.read_text()))


if __name__ == "__main__":
    main()
