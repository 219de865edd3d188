"""The tables of costs and of speed in benchmarks/README.md and on other pages, out of benchmarks/results/."""

from typing import Any

from marked_blocks import table
from result_cells import DDL, find, results_of, speed_results

Part = list[dict[str, Any]]
"""The rows of one part of run_speed.py."""


def cost() -> str:
    """Multiply-adds, and seconds where they were measured, of ddl and dense at the paper's settings."""
    results, rows = results_of("cost"), []
    for data in (data for data in results.data if "shipped" in data.name or "measured" in data.name):
        ddl, dense = find(results, data.name, DDL, None), find(results, data.name, "dense", None)
        assert ddl and dense and ddl.gflops and dense.gflops
        cells = [f"{dense.gflops:.0f}", f"{ddl.gflops:.1f}", f"{dense.gflops / ddl.gflops:.2f} x"]
        if ddl.seconds and dense.seconds:
            cells += [f"{dense.seconds:.1f}", f"{ddl.seconds:.2f}", f"{dense.seconds / ddl.seconds:.2f} x"]
        rows.append((data.name, *cells, *[""] * (6 - len(cells))))
    columns = [f"{what}{name}" for what in ("GFLOPs, ", "seconds, ") for name in ("`dense`", "`ddl`", "ratio")]
    return table(("SlowFast-R50", *columns), rows)


def data_time() -> str:
    """Seconds until the clips of a video are there as tensors."""
    return table(
        ("method", "clips per video", "data time per video"),
        (
            (f"`{row.method}`", "" if row.clips is None else f"{row.clips:.1f}", f"{row.seconds:.3f} s")
            for row in results_of("data_time").rows
        ),
    )


def data_time_goals() -> str:
    """What samplers may cost, in parts of evenly spread clips and of decoding."""
    ratios = results_of("data_time").record()["ratios"]
    names = {
        "ddl_index / uniform": ("with an index, in parts of uniform K", 1.05),
        "(ddl - uniform) / decode_once": ("without one, beyond uniform K, in parts of decoding once", 1.2),
    }
    rows = ((goal, f"{ratios[name]:.2f}", f"{most:.2f}") for name, (goal, most) in names.items())
    return table(("data time", "measured", "goal: at most"), rows)


def scoring() -> str:
    """Waiting time of scoring beside decoding, on videos with few key frames."""
    ratios = ("decode by our threads / decode", "score / decode", "fast / decode", "score / decord")
    rows = (
        (named(row["video"]), *(ratio(row, key) for key in ratios))
        for row in part("a")
        if "gop 30 " not in row["video"]
    )
    return table(
        ("video", "our threads / decoding", "scoring / decoding", "`--fast` / decoding", "scoring / decord"), rows
    )


def processor_time() -> str:
    """Processor time of scoring beside decoding; with the lowest and highest ratio of a turn."""
    rows = []
    for row in part("g"):
        low, high = row["score / decode, range"]
        ratios = (ratio(row, "frames / decode"), f"{ratio(row, 'score / decode')} ({low:.2f}-{high:.2f})")
        rows.append((named(row["video"]), f"{row['decode']:.2f} s", *ratios))
    return table(("video", "decoding", "the DDNet's frames / decoding", "scoring / decoding"), rows)


def answers() -> str:
    """How many times faster ddl is than dense, from opening the file, beside the ratio of a selection for free."""
    found: dict[tuple[str, int, int], dict[str, str]] = {}
    for row in part("b"):
        if "dense / ddl" in row:
            setting = (row["video"], row["k"], row["clips"])
            found.setdefault(setting, {})[row["pipeline"]] = ratio(row, "dense / ddl")
    pipelines = ("own pipeline", "LabeledVideoDataset")
    rows = (
        (f"{k} of {clips}, {named(video)}", *(cells.get(name, "") for name in pipelines), f"{clips / k:.2f}")
        for (video, k, clips), cells in found.items()
    )
    return table(("clips", "our own pipeline", "`LabeledVideoDataset`", "if selection were free"), rows)


def choosing() -> str:
    """Seconds from opening the file to the answer that are not the base's: decoding, and the DDNet."""
    methods, found = ("uniform", "packets", "motion", DDL, "dense"), dict[tuple[str, int, int], dict[str, str]]()
    for row in part("b"):
        if row["pipeline"] == "own pipeline":
            seconds = row["seconds"] - row["seconds_base"]
            found.setdefault((row["video"], row["k"], row["clips"]), {})[row["method"]] = f"{seconds:.2f} s"
    rows = ((f"{k} of {clips}, {named(video)}", *map(cells.get, methods)) for (video, k, clips), cells in found.items())
    return table(("clips", *(f"`{method}`" for method in methods)), rows)


def budgets() -> str:
    """Processor time of a long video, whole and within budgets, in parts of decoding it."""
    ways = ("score", "fast", "budget 0.4", "budget 0.3", "budget 0.2")
    rows = ((named(row["video"]), *(ratio(row, f"{way} / decode") for way in ways)) for row in part("k"))
    heads = (f"`--{way}`" if way != "score" else "all clips" for way in ways)
    return table(("processor time / decoding", *heads), rows)


def backends() -> str:
    """Of the DDNet, those that could be measured."""
    rows = (
        (row["back end"], f"{row['ms per clip']:.2f} ms", f"{row['largest difference']:.1g}")
        for row in part("c")
        if "missing" not in row
    )
    return table(("back end", "a clip", "largest difference"), rows)


def more_workers() -> str:
    """An index by more and more workers."""
    rows = (
        (
            row["engine"],
            str(row["workers"]),
            str(row["cores"]),
            f"{row['videos per second']:.1f}",
            f"{row['per core']:.1f}",
        )
        for row in part("j")
    )
    return table(("engine", "workers", "cores that work", "videos per second", "per core"), rows)


def many_files() -> str:
    """`clipselect index` beside one decoding process for every core."""
    kinds = ("index", "index --fast", "decoding")
    ratios = ("index / decoding, without starting", "index --fast / decoding, without starting")
    rows = (
        (
            f"{row['videos']} of {row['size']}",
            *(f"{row[kind]:.1f} s" for kind in kinds),
            *(ratio(row, r) for r in ratios),
        )
        for row in part("d")
    )
    heads = ("`index`", "`index --fast`", "decoding", "`index` / decoding", "`index --fast` / decoding")
    return table(("copies of 10 s", *heads), rows)


def base_precisions() -> str:
    """Heavy bases in float32 and in bf16: seconds of a clip, and how far features move."""
    rows = []
    for row in part("i"):
        moved = f"{100 * row['distance of features']:.1f} %"
        seconds = (f"{row['32']:.2f} s", f"{row['bf16']:.2f} s", ratio(row, "32 / bf16"))
        rows.append((f"`{row['base']}`", row["clip"], *seconds, moved))
    return table(("base", "clip", "float32", "bf16", "times faster", "features move by"), rows)


def bf16_apart() -> str:
    """The most that a figure of composed videos changes when the shipped base computes in bf16, in points."""
    exact, apart = results_of("shipped"), []
    for row in results_of("bf16_shipped").rows:
        same = find(exact, row.data, row.method, row.k)
        assert same is not None
        apart.append(abs(row.metrics["top1"][0] - same.metrics["top1"][0]))
    return f"{max(apart):.1f}"


def goals() -> str:
    """All goals of speed and memory."""
    return table(
        ("goal", "measured", ""),
        (
            (goal["goal"], f"{goal['measured']:.2f}", "met" if goal["met"] else "**missed**")
            for goal in speed_results()["goals"]
        ),
    )


def part(letter: str) -> Part:
    """No rows where it was not measured."""
    rows: Part = speed_results()["parts"].get(letter, [])
    return rows


def ratio(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.2f}" if key in row else ""


def named(video: str) -> str:
    """
    >>> named("h264_720p_gop_250_60_s"), named("av1 240p gop 30 10 s")
    ('H.264 720p, 60 s', 'AV1 240p, 10 s, key frames every 30')
    """
    codec, size, _, gop, seconds, _ = video.replace("_", " ").split()
    names = {"h264": "H.264", "hevc": "H.265", "vp9": "VP9", "av1": "AV1", "mpeg4": "MPEG-4"}
    return f"{names[codec]} {size}, {seconds} s" + (f", key frames every {gop}" if gop != "250" else "")
