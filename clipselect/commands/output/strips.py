"""Groups of frames to look at, best first, as in the paper's figure 3: one picture, one page, a table for terminals."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipselect import __version__
from clipselect.commands.output.display import clock
from clipselect.commands.output.frame_results import GroupResult, frame_records
from clipselect.commands.output.pages import jpeg
from clipselect.media.images import Image, squash_image
from clipselect.media.text import printable

TILE = 112
"""Height of a frame in pixels."""
PER_STRIP, STRIPS = 12, 40
ROWS = 8
Ranked = tuple[int, dict[str, Any]]
GREEN, GREY, PAPER, INK = (26, 127, 55), (184, 192, 200), (255, 255, 255), (31, 35, 40)


def ranked_records(result: GroupResult, most: int) -> list[Ranked]:
    """Place and record of the frames that have a picture, best first; at most so many: the picked ones, and evenly from
    best to worst of them, or of the others if the picked ones are fewer."""
    assert result.selection is not None
    pairs = zip(result.selection.candidates.tolist(), frame_records(result), strict=True)
    ordered = sorted((p for p in pairs if p[0] in result.pictures), key=lambda pair: pair[1]["rank"])
    if len(ordered) <= most:
        return ordered
    picked, others = ([p for p in ordered if p[1]["picked"] == wanted] for wanted in (True, False))
    if len(picked) > most:
        return _evenly(picked, most)
    return sorted(picked + _evenly(others, most - len(picked)), key=lambda pair: pair[1]["rank"])


def _evenly(items: list[Ranked], count: int) -> list[Ranked]:
    return [items[i] for i in np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int).tolist()]


def strip_png(results: Sequence[GroupResult]) -> bytes:
    """PNG bytes: a strip per group, its frames sorted by their scores, picked ones framed green."""
    from PIL import Image as Pillow  # slow to import, and not always needed
    from PIL import ImageDraw, ImageFont

    groups = [r for r in results if r.selection is not None][:STRIPS]
    rows = [ranked_records(r, PER_STRIP) for r in groups]
    tiles = [[_tile(r.pictures[i]) for i, _ in row] for r, row in zip(groups, rows, strict=True)]
    widths = [sum(tile.shape[1] + 8 for tile in row) for row in tiles]
    height = TILE + 56
    canvas = Pillow.new("RGB", (max([*widths, 480]) + 8, height * max(len(groups), 1) + 8), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for number, (result, row, pictures) in enumerate(zip(groups, rows, tiles, strict=True)):
        top, left = number * height + 8, 8
        kept = len(result.selection.indices) if result.selection is not None else 0
        of = len(result.selection.candidates) if result.selection is not None else 0
        draw.text((left, top), f"{printable(result.title)[-90:]}: {kept} of {of} frames picked", INK, font)
        for (_, record), picture in zip(row, pictures, strict=True):
            frame = (left - 2, top + 18, left + picture.shape[1] + 1, top + 21 + TILE)
            draw.rectangle(frame, fill=GREEN if record["picked"] else GREY)
            canvas.paste(Pillow.fromarray(picture), (left, top + 20))
            draw.text((left, top + TILE + 23), f"{record['score']:.3f}", GREEN if record["picked"] else INK, font)
            left += picture.shape[1] + 8
    return png(np.asarray(canvas))


def png(picture: Image) -> bytes:
    """A picture [h, w, 3] uint8 RGB as PNG bytes."""
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.fromarray(picture).save(out, "png")
    return out.getvalue()


def strip_page(results: Sequence[GroupResult], settings: dict[str, Any], intro: str) -> str:
    """One page without outside references: per group its frames, best first, with scores and weights.

    Args:
        intro: what the page shows, one sentence.
    """
    environment = jinja2.Environment(loader=jinja2.PackageLoader("clipselect.commands.output", ""), autoescape=True)
    return environment.get_template("strips.html.jinja").render(
        version=__version__, settings=settings, intro=intro,
        groups=[_group(r) for r in results if r.selection is not None],
        failed=[printable(r.error) for r in results if r.error is not None],
    )  # fmt: skip


def print_group(console: Console, result: GroupResult) -> None:
    """The best frames of a group as a table."""
    if result.selection is None:
        return
    records = sorted(frame_records(result), key=lambda record: record["rank"])
    kept = sum(record["picked"] for record in records)
    console.print(Text.assemble((printable(result.title), "bold"), f"  {len(records)} frames, {kept} picked"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("rank", "frame", "score", "weight", "picked"):
        table.add_column(name, justify="left" if name == "frame" else "right")
    for r in records[:ROWS]:
        weight = "" if r["weight"] is None else f"{r['weight']:.3f}"
        table.add_row(
            str(r["rank"]), _where(r), f"{r['score']:.4f}", weight, "✔" if r["picked"] else "",
            style="bold green" if r["picked"] else "",
        )  # fmt: skip
    console.print(table)
    if len(records) > ROWS:
        console.print(Text(f"… {len(records) - ROWS} more; --json, --csv and --html show all", style="dim"))
    console.print()


def _group(result: GroupResult) -> dict[str, Any]:
    frames = [
        {
            **record,
            "where": _where(record),
            "aspect": result.pictures[i].shape[1] / result.pictures[i].shape[0],
            "thumbnail": base64.b64encode(jpeg(_tile(result.pictures[i]))).decode(),
        }
        for i, record in ranked_records(result, len(result.pictures))
    ]
    kept = 0 if result.selection is None else len(result.selection.indices)
    return {
        "title": printable(result.title), "model": result.model, "warnings": [printable(w) for w in result.warnings],
        "frames": frames, "picked": kept,
    }  # fmt: skip


def _where(record: dict[str, Any]) -> str:
    if record["path"] is not None:
        return printable(record["path"].rpartition("/")[2])
    return f"{record['frame']} ({clock(record['time'])})" if record["time"] is not None else str(record["frame"])


def _tile(picture: Image) -> Image:
    height, width = picture.shape[:2]
    return squash_image(picture, TILE, max(round(width * TILE / height / 2) * 2, 2))
