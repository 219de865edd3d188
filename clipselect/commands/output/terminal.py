"""Results on the terminal: a table of clips with a timeline of their scores, a table of frames."""

import math
from collections.abc import Collection

import numpy as np
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from clipselect.commands.output.records import Record, Scored
from clipselect.media.text import printable

MAX_CLIP_ROWS = 20
"""Clips in a table; further ones are there if they were picked."""
MAX_FRAME_ROWS = 8
BARS = "▁▂▃▄▅▆▇█"


def clock(seconds: float) -> str:
    """Seconds as m:ss.cc.

    >>> clock(83.5)
    '1:23.50'
    """
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def candidates(count: int) -> str:
    """
    >>> candidates(1), candidates(3)
    ('1 candidate clip', '3 candidate clips')
    """
    return f"{count} candidate clip{'' if count == 1 else 's'}"


def print_video(console: Console, video: Scored) -> None:
    """Everything about one scored video."""
    facts = video.facts
    head = Text.assemble(
        (printable(video.title), "bold"),
        f"  {clock(facts['duration'])}, {candidates(len(video.elements))}, {video.picked} picked",
        (f"  ({facts['seconds']['total']:.2f} s, {facts['model']})", "dim"),
    )
    notes = [Text(f"warning: {warning}", style="yellow") for warning in facts["warnings"]]
    console.print(Group(head, *notes, _clip_table(video), _timeline(video, console.width), Text()))


def print_group(console: Console, group: Scored) -> None:
    """The best frames of a group."""
    console.print(
        Text.assemble((printable(group.title), "bold"), f"  {len(group.elements)} frames, {group.picked} picked")
    )
    table = plain_table("rank", "frame", "score", "weight", "picked", left=["frame"])
    records = sorted(group.elements, key=lambda record: record["rank"])
    for record in records[:MAX_FRAME_ROWS]:
        weight = "" if record["weight"] is None else f"{record['weight']:.3f}"
        _add(table, record, str(record["rank"]), where(record), f"{record['score']:.4f}", weight)
    console.print(table)
    if len(records) > MAX_FRAME_ROWS:
        console.print(_more(len(records) - MAX_FRAME_ROWS))
    console.print()


def where(frame: Record) -> str:
    """Which frame it is: the name of its file, or its number and time."""
    if frame["path"] is not None:
        return printable(frame["path"].rpartition("/")[2])
    return str(frame["frame"]) if frame["time"] is None else f"{frame['frame']} ({clock(frame['time'])})"


def _clip_table(video: Scored) -> RenderableType:
    """The clips by rank, the first `MAX_CLIP_ROWS` and every picked one."""
    table = plain_table("rank", "start", "end", "frames", "score", "picked", centre=["picked"])
    records = sorted(video.elements, key=lambda record: record["rank"])
    rows = [record for record in records if record["rank"] <= MAX_CLIP_ROWS or record["picked"]]
    for record in rows:
        start, end = clock(record["start"]), clock(record["end"])
        _add(table, record, str(record["rank"]), start, end, str(record["frames"]), f"{record['score']:.4f}")
    return table if len(rows) == len(records) else Group(table, _more(len(records) - len(rows), " clips"))


def _timeline(video: Scored, width: int) -> Text:
    """A bar per column of the terminal, as high as the best score on screen then; picked clips green and marked ▲."""
    columns = max(10, min(width - 2, 100))
    duration = video.facts["duration"]
    scale = columns / max(duration, 1e-9)
    height = np.full(columns, -1.0)
    picked = np.zeros(columns, dtype=bool)
    for record in video.elements:
        first = int(record["start"] * scale + 1e-6)
        part = slice(first, max(first + 1, math.ceil(record["end"] * scale - 1e-6)))
        height[part] = np.maximum(height[part], record["score"])
        picked[part] |= record["picked"]
    low, high = float(video.scores.min()), float(video.scores.max())
    bars, marks = Text(), Text()
    for value, mark in zip(height, picked, strict=True):
        level = 0 if high == low else round((max(value, low) - low) / (high - low) * (len(BARS) - 1))
        bars.append(BARS[level] if value >= 0 else " ", style="green" if mark else "dim")
        marks.append("▲" if mark else " ", style="green")
    axis = Text("0:00.00" + clock(duration).rjust(columns - 7), style="dim")
    return Text("\n").join([bars, marks, axis])


def plain_table(*names: str, left: Collection[str] = (), centre: Collection[str] = ()) -> Table:
    """A table without lines; columns are aligned to the right unless named."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        justify: JustifyMethod = "left" if name in left else "center" if name in centre else "right"
        table.add_column(Text(printable(name)), justify=justify, overflow="fold")
    return table


def _add(table: Table, record: Record, *cells: str) -> None:
    table.add_row(*cells, "✔" if record["picked"] else "", style="bold green" if record["picked"] else "")


def _more(count: int, what: str = "") -> Text:
    return Text(f"… {count} more{what}; --json, --csv and --html show all", style="dim")
