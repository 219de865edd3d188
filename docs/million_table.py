"""The table of docs/how-to/cost.md: core hours for a million videos, out of benchmarks/results/speed.json."""

from marked_blocks import table
from result_cells import speed_cores, speed_results

MILLION, HOUR = 1_000_000, 3600
VIDEO = "h264_240p_gop_250_10_s"
"""Of the rows with a base: 10 s, as those of the index."""


def scoring() -> str:
    """Of decoding and of an index, on all cores, without the start of the processes."""
    kinds = (("decoding alone", "decoding"), ("`index`", "index"), ("`index --fast`", "index --fast"))
    sizes = {row["size"]: row for row in speed_results()["parts"]["d"]}
    rows = []
    for name, kind in kinds:
        seconds = (
            row["processes"] * (row[kind] - row[f"{kind}, 2 videos"]) / (row["videos"] - 2) for row in sizes.values()
        )
        rows.append((name, *map(cost, seconds)))
    return table(("", *sizes), rows)


def answering() -> str:
    """Of SlowFast R50 on the clips of a video, read, scored and answered by our own pipeline."""
    cores = speed_cores("b")
    rows = []
    for row in speed_results()["parts"]["b"]:
        shown = row["method"] in ("ddl", "uniform", "dense")
        if shown and row["pipeline"] == "own pipeline" and row["video"] == VIDEO and row["clips"] == 30:
            taken = f"all {row['clips']}" if row["method"] == "dense" else f"{row['k']} of {row['clips']}"
            rows.append((f"`{row['method']}`, {taken} clips", cost(cores * row["seconds"])))
    return table(("", "240p"), rows)


def cost(seconds: float) -> str:
    """Core seconds of a video, and the core hours of a million, to two digits."""
    return f"{seconds:.2g} s; {float(f'{MILLION * seconds / HOUR:.2g}'):,.0f} h"
