"""Results for the terminal: a table of clips and a timeline of scores."""

import math

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from clipselect.commands.output.results import Result, clip_records
from clipselect.scoring.video_scores import VideoScores

ROWS = 20
BARS = "▁▂▃▄▅▆▇█"


def printable(text: object) -> str:
    """Text that any terminal can print on one line, whatever bytes a file name holds."""
    return "".join(c if c.isprintable() else "?" for c in str(text).encode("utf-8", "replace").decode())


def clock(seconds: float) -> str:
    """Seconds as m:ss.cc."""
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def video_panel(result: Result, width: int) -> RenderableType:
    """Everything about one scored video."""
    assert result.scores is not None and result.selection is not None
    scores = result.scores
    picked = len(result.selection.ranked)
    head = Text.assemble(
        (printable(result.path), "bold"),
        f"  {clock(float(scores.duration))}, {len(scores.clips)} candidate clips, {picked} picked",
        (f"  ({scores.seconds['total']:.2f} s, {scores.model})", "dim"),
    )
    notes = [Text(f"warning: {w}", style="yellow") for w in scores.source.warnings]
    return Group(
        head, *notes, clip_table(result), timeline(scores, set(result.selection.ranked.tolist()), width), Text()
    )


def clip_table(result: Result) -> RenderableType:
    """The clips by rank, the first `ROWS` and every picked one."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("rank", "start", "end", "frames", "score", "picked"):
        table.add_column(name, justify="center" if name == "picked" else "right")
    records = sorted(clip_records(result), key=lambda r: r["rank"])
    rows = [r for r in records if r["rank"] <= ROWS or r["picked"]]
    for r in rows:
        table.add_row(
            str(r["rank"]), clock(r["start"]), clock(r["end"]), str(r["frames"]), f"{r['score']:.4f}",
            "✔" if r["picked"] else "", style="bold green" if r["picked"] else "",
        )  # fmt: skip
    if len(rows) == len(records):
        return table
    return Group(
        table, Text(f"… {len(records) - len(rows)} more clips; --json, --csv and --html show all", style="dim")
    )


def timeline(scores: VideoScores, picked: set[int], width: int) -> Text:
    """A bar per column of the terminal, as high as the best score on screen then; picked clips green and marked ▲."""
    columns = max(10, min(width - 2, 100))
    spans = scores.spans / max(float(scores.duration), 1e-9) * columns
    height = np.full(columns, -1.0)
    on = np.zeros(columns, dtype=bool)
    for i, (start, end) in enumerate(spans):
        part = slice(int(start + 1e-6), max(int(start + 1e-6) + 1, math.ceil(end - 1e-6)))
        height[part] = np.maximum(height[part], scores.scores[i])
        on[part] |= i in picked
    low, high = float(scores.scores.min()), float(scores.scores.max())
    bars, marks = Text(), Text()
    for value, mark in zip(height, on, strict=True):
        level = 0 if high == low else round((value - low) / (high - low) * (len(BARS) - 1))
        bars.append(BARS[level] if value >= 0 else " ", style="green" if mark else "dim")
        marks.append("▲" if mark else " ", style="green")
    end = clock(float(scores.duration))
    axis = Text("0:00.00" + end.rjust(columns - 7), style="dim")
    return Text("\n").join([bars, marks, axis])


def print_result(console: Console, result: Result) -> None:
    if result.scores is not None and result.selection is not None:
        console.print(video_panel(result, console.width))
