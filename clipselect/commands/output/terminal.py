"""Results on the terminal: a table of clips with a timeline of their scores, tables of groups and frames."""

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from clipselect.commands.output.records import Record, Scored
from clipselect.commands.output.shown import best_first, names
from clipselect.media.text import count, printable
from clipselect.pages.formats import clock
from clipselect.pages.timeline import painted
from clipselect.samplers.explanation import HOW_TO_READ, Explanation

MAX_CLIP_ROWS = 20
"""Clips in a table; further ones are there if they were picked."""
MAX_FRAME_ROWS = 8
MAX_GROUP_ROWS = 10
MAX_WORD = 30
"""Letters up to which a word of a table is never broken."""
BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
"""From the lowest to the highest score."""
ASCII = str.maketrans(BARS + "▲✔", ASCII_BARS + "^x") | {ord("…"): "..."}
"""For terminals that have no more."""


def print_video(console: Console, video: Scored) -> None:
    """Everything about one scored video."""
    facts = video.facts
    how = ", fast" if facts["fast"] else ""
    head = Text.assemble(
        (printable(video.title), "bold"),
        f"  {clock(facts['duration'])}, {count(len(video.elements), 'candidate clip')}, {video.picked:,} picked",
        (f"  ({facts['seconds']['total']:.2f} s, {facts['model']}{how})", "dim"),
    )
    notes = [Text(f"warning: {warning}", style="yellow") for warning in facts["warnings"]]
    notes += [Text(f"note: {doubt}", style="yellow") for doubt in facts["doubts"]]
    _print(
        console,
        head,
        *notes,
        *_clip_table(console, video),
        *_timeline(console, video),
        *_explanations(console, video),
        Text(),
    )


def print_groups(console: Console, groups: Sequence[Scored]) -> None:
    """The totals and the best groups; of a single group its frames."""
    if len(groups) == 1:
        print_group(console, groups[0], MAX_FRAME_ROWS)
    if len(groups) <= 1:
        return
    frames, picked = sum(len(group.elements) for group in groups), sum(group.picked for group in groups)
    table = plain_table("best score", "frame", "frames", "picked", "group", left=["frame"], text=["group"])
    ordered = best_first(groups)[:MAX_GROUP_ROWS]
    for group, name in zip(ordered, names(ordered), strict=True):
        best = min(group.elements, key=lambda record: record["rank"])
        cells = (f"{best['score']:.4f}", Text(where(best)), str(len(group.elements)), str(group.picked))
        table.add_row(*cells, Text(printable(name)))
    sources = {group.facts["source"] for group in groups}
    where_from = f"{printable(*sources)}: " if len(sources) == 1 else ""
    totals = f"{where_from}{count(len(groups), 'group')}, {count(frames, 'frame')}, {picked:,} picked; best first"
    more = [_more(len(groups) - MAX_GROUP_ROWS, " groups", "--all prints them")] * (len(groups) > MAX_GROUP_ROWS)
    _print(console, Text(totals, "bold"), table, *more)


def print_group(console: Console, group: Scored, most: int | None = None) -> None:
    """The best frames of a group, or all of them."""
    counted = f"  {count(len(group.elements), 'frame')}, {group.picked:,} picked"
    known = ["percentile"] * has_percentiles(group)
    table = plain_table("rank", "frame", "score", *known, "weight", "picked", left=["frame"], centre=["picked"])
    records = sorted(group.elements, key=lambda record: record["rank"])
    for record in records[:most]:
        weight = "" if record["weight"] is None else f"{record['weight']:.3f}"
        cells = (f"{record['score']:.4f}", *[percentile_text(record)] * len(known), weight)
        _add(table, record, str(record["rank"]), Text(where(record)), *cells)
    left_out = 0 if most is None else max(len(records) - most, 0)
    more = [_more(left_out, "", "--all prints them")] * (left_out > 0)
    _print(console, Text.assemble((printable(group.title), "bold"), counted), table, *more, Text())


def has_percentiles(result: Scored) -> bool:
    """Whether it is known which share of the training elements the scores exceed."""
    return any(element.get("percentile") is not None for element in result.elements)


def percentile_text(element: Record) -> str:
    """The percentile of a score as --threshold takes it, rounded down; empty where it is not known."""
    return "" if element.get("percentile") is None else f"p{math.floor(element['percentile'])}"


def where(frame: Record) -> str:
    """Which frame it is: the name of its file, or its number and time."""
    if frame["path"] is not None:
        return printable(frame["path"].rpartition("/")[2])
    return str(frame["frame"]) if frame["time"] is None else f"{frame['frame']} ({clock(frame['time'])})"


def _clip_table(console: Console, video: Scored) -> list[RenderableType]:
    """The clips by rank, the first `MAX_CLIP_ROWS` and every picked one; as many columns as there is room for. A clip
    that is better than a pick and not picked overlaps a better one, or is too near."""
    records = sorted(video.elements, key=lambda record: record["rank"])
    rows = [record for record in records if record["rank"] <= MAX_CLIP_ROWS or record["picked"]]
    lowest = max((record["rank"] for record in records if record["picked"]), default=0)
    unknown = () if has_percentiles(video) else ("percentile",)
    for left_out in ((), ("frames",), ("frames", "end"), ("frames", "end", "percentile")):
        names = ("rank", "start", "end", "frames", "score", "percentile")
        columns = [name for name in names if name not in (*left_out, *unknown)]
        table = plain_table(*columns, "picked", centre=["picked"])
        for record in rows:
            is_skipped = record["rank"] < lowest and not record["picked"]
            cells = {
                "rank": str(record["rank"]), "start": clock(record["start"]), "end": clock(record["end"]),
                "frames": str(record["frames"]), "score": f"{record['score']:.4f}",
                "percentile": percentile_text(record),
            }  # fmt: skip
            _add(table, record, *(cells[name] for name in columns), otherwise="near a pick" * is_skipped)
        if natural_width(console, table) <= console.width:
            break
    more = [_more(len(records) - len(rows), " clips")] * (len(rows) < len(records))
    return [table, *more]


def _timeline(console: Console, video: Scored) -> list[Text]:
    """A bar per column of the terminal, as high as the best score on screen then; picked clips green and marked ▲."""
    columns = max(10, min(console.width - 2, 100))
    clips, duration = video.elements, video.facts["duration"]
    picked = [i for i, clip in enumerate(clips) if clip["picked"]]
    edges = np.linspace(0, duration, columns + 1)
    shown = painted(edges, [(clip["start"], clip["end"]) for clip in clips], video.scores, picked).tolist()
    axis = video.axis
    bars, marks = Text(), Text()
    for i in shown:
        is_picked = i >= 0 and clips[i]["picked"]
        bar = BARS[round(axis.height(float(video.scores[i])) * (len(BARS) - 1))] if i >= 0 else " "
        bars.append(bar, style="green" if is_picked else "dim")
        marks.append("▲" if is_picked else " ", style="green")
    end = clock(duration)
    scale = f"height: {axis.low:.2f} to {axis.high:.2f}".center(columns - len("0:00.00" + end))
    return [bars, marks, Text("0:00.00" + scale + end if len(scale) < columns - 12 else scale.strip(), style="dim")]


def _explanations(console: Console, video: Scored) -> list[RenderableType]:
    """What the base sees in the picks, best first, if it was asked for: a table, or sentences where it does not fit."""
    text = ["nearest class", "hardest negative", "the base answers"]
    table = plain_table("rank", *text[:2], "D", text[2], text=text)
    sentences = []
    for record in sorted(video.elements, key=lambda record: record["rank"]):
        if record.get("explanation"):
            why = Explanation(**record["explanation"])
            nearest, negative, answer = (Text(printable(n)) for n in (why.nearest, why.hardest_negative, why.answer))
            cells = (nearest, negative, f"{why.discriminability:.2f}", answer.append(f" {why.percent}"))
            table.add_row(str(record["rank"]), *cells)
            sentences.append(Text(f"rank {record['rank']}: {printable(why)}"))
    if not sentences:
        return []
    fits = natural_width(console, table) <= console.width
    caveats = [Text(sentence, style="yellow") for sentence in video.facts["caveats"]]
    return [Text(), *([table] if fits else sentences), Text(HOW_TO_READ, style="dim"), *caveats]


class _Table(Table):
    """A table whose numbers and words are never cut: where the terminal is too narrow for it, rows are sentences."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update_width(10_000)
        for column in self.columns:
            measured = [Measurement.get(console, wide, cell) for cell in (column.header, *column.cells)]
            word, whole = (max(values) for values in zip(*measured, strict=True))
            column.min_width = whole if column.no_wrap else min(word, MAX_WORD)
        if Measurement.get(console, wide, self).minimum <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            for sentence in self._sentences():  # a word that is too long for the terminal gets a longer line
                least = Measurement.get(console, wide, sentence).minimum
                yield from console.render(sentence, options.update_width(max(least, options.max_width)))

    def _sentences(self) -> Iterator[Text]:
        """A row as "rank: 1, score: 0.9000"."""
        for row, cells in zip(self.rows, zip(*(column.cells for column in self.columns), strict=True), strict=True):
            named = [f"{column.header}: {cell}" for column, cell in zip(self.columns, cells, strict=True) if str(cell)]
            yield Text(", ".join(named), style=row.style or "")


def plain_table(
    *names: str, left: Collection[str] = (), centre: Collection[str] = (), text: Collection[str] = ()
) -> Table:
    """A table without lines, its columns aligned to the right.

    Args:
        left, centre: columns that are aligned otherwise.
        text: columns aligned to the left that are broken between words where the terminal is too narrow, and within
            words of more than `MAX_WORD` letters.
    """
    table = _Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        justify: JustifyMethod = "left" if name in (*left, *text) else "center" if name in centre else "right"
        table.add_column(Text(printable(name)), justify=justify, overflow="fold", no_wrap=name not in text)
    return table


def natural_width(console: Console, table: Table) -> int:
    """The columns of the terminal that the table takes if nothing is broken."""
    return Measurement.get(console, console.options.update_width(10_000), table).maximum


def _add(table: Table, record: Record, *cells: str | Text, otherwise: str = "") -> None:
    table.add_row(*cells, "✔" if record["picked"] else otherwise, style="bold green" if record["picked"] else "")


def _more(number: int, what: str, how: str = "") -> Text:
    return Text(f"… {number:,} more{what}; {how or '--json, --csv and --html show all'}", style="dim")


def _print(console: Console, *parts: RenderableType) -> None:
    """Print with characters that the terminal has."""
    try:
        (BARS + "▲✔…").encode(console.encoding)
    except UnicodeError:
        with console.capture() as capture:
            console.print(Group(*parts), crop=False)
        console.file.write(capture.get().translate(ASCII))
        return
    console.print(Group(*parts), crop=False)
