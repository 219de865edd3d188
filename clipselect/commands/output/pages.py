"""Results to look at: self-contained HTML pages, and PNG pictures for papers and slides."""

import base64
import io
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import jinja2
import numpy as np

from clipselect import __version__
from clipselect.commands.output.records import Failed, Record, Result, Scored
from clipselect.commands.output.terminal import clock, where
from clipselect.media.images import Image, squash_image
from clipselect.media.optional import require
from clipselect.media.text import printable

MAX_PLOTS, MAX_STRIPS, MAX_TILES = 50, 40, 12
"""Videos in a plot; groups in a picture, and frames of each."""
TILE = 112
"""Height of a frame in pixels."""
GREEN, GREY, PAPER, INK = (26, 127, 55), (184, 192, 200), (255, 255, 255), (31, 35, 40)


def clips_page(results: Sequence[Result], settings: Record) -> str:
    """One page without outside references: per video a timeline of scores and a thumbnail of every clip."""
    return _page("clips.html.jinja", results, settings, videos=[_video(r) for r in results if isinstance(r, Scored)])


def frames_page(results: Sequence[Result], settings: Record) -> str:
    """One page without outside references: per group its frames, best first, with scores and weights."""
    return _page("frames.html.jinja", results, settings, groups=[_group(r) for r in results if isinstance(r, Scored)])


def clips_png(results: Sequence[Result]) -> bytes:
    """PNG bytes: one axis per scored video, a bar per clip over its time, picked ones green."""
    require("matplotlib", "a plot")
    from matplotlib.figure import Figure  # slow to import, and not always needed

    scored = [r for r in results if isinstance(r, Scored)]
    shown = scored[:MAX_PLOTS]
    figure = Figure(figsize=(11, 0.6 + 2.3 * len(shown)), layout="constrained")
    for axis, video in zip(np.atleast_1d(figure.subplots(len(shown), squeeze=True)), shown, strict=True):
        clips = video.elements
        starts, scores = [clip["start"] for clip in clips], [clip["score"] for clip in clips]
        widths = [clip["end"] - clip["start"] for clip in clips]
        colours = [tuple(part / 255 for part in (GREEN if clip["picked"] else GREY)) for clip in clips]
        look = {"align": "edge", "edgecolor": "white", "linewidth": 0.5, "alpha": 0.85}
        axis.bar(starts, scores, widths, color=colours, **look)
        axis.set(xlim=(0, video.facts["duration"]), ylim=(0, 1), xlabel="seconds", ylabel="score")
        axis.set_title(printable(Path(video.title).name).replace("$", r"\$"), loc="left", fontsize=10)
        axis.grid(axis="y", alpha=0.3)
    if len(scored) > len(shown):
        left_out = len(scored) - len(shown)
        figure.suptitle(f"the first {len(shown)} videos; {left_out} more are in the other outputs", fontsize=10)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks
        figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def frames_png(results: Sequence[Result]) -> bytes:
    """PNG bytes: a strip per group as in the paper's figure 3, its frames sorted by score, picked ones framed green."""
    from PIL import Image as Pillow  # slow to import, and not always needed
    from PIL import ImageDraw, ImageFont

    groups = [r for r in results if isinstance(r, Scored)][:MAX_STRIPS]
    rows = [[(record, _tile(picture)) for record, picture in best_frames(group, MAX_TILES)] for group in groups]
    widths = [sum(tile.shape[1] + 8 for _, tile in row) for row in rows]
    height = TILE + 56
    canvas = Pillow.new("RGB", (max([*widths, 480]) + 8, height * max(len(groups), 1) + 8), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for number, (group, row) in enumerate(zip(groups, rows, strict=True)):
        top, left = number * height + 8, 8
        title = f"{printable(group.title)[-90:]}: {group.picked} of {len(group.elements)} frames picked"
        draw.text((left, top), title, INK, font)
        for record, tile in row:
            border = (left - 2, top + 18, left + tile.shape[1] + 1, top + 21 + TILE)
            draw.rectangle(border, fill=GREEN if record["picked"] else GREY)
            canvas.paste(Pillow.fromarray(tile), (left, top + 20))
            draw.text((left, top + TILE + 23), f"{record['score']:.3f}", GREEN if record["picked"] else INK, font)
            left += tile.shape[1] + 8
    return png(np.asarray(canvas))


def best_frames(group: Scored, most: int) -> list[tuple[Record, Image]]:
    """At most `most` frames of a group with their pictures, best first.

    If there are more, the picked ones, filled up with others from best to worst; or some of the picked ones, from best
    to worst, if these are too many already.
    """
    ordered = sorted(zip(group.elements, group.pictures, strict=True), key=lambda pair: pair[0]["rank"])
    if len(ordered) <= most:
        return ordered
    picked, others = ([pair for pair in ordered if pair[0]["picked"] == wanted] for wanted in (True, False))
    if len(picked) > most:
        return _evenly(picked, most)
    return sorted(picked + _evenly(others, most - len(picked)), key=lambda pair: pair[0]["rank"])


def jpeg(frame: Image) -> bytes:
    """A frame [h, w, 3] uint8 RGB as JPEG bytes."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = frame.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.options = {"q": "4"}
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def png(picture: Image) -> bytes:
    """A picture [h, w, 3] uint8 RGB as PNG bytes."""
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.fromarray(picture).save(out, "png")
    return out.getvalue()


def _page(template: str, results: Sequence[Result], settings: Record, **content: Any) -> str:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("clipselect.commands.output", ""), autoescape=True)
    errors = [
        ("not scored: " if isinstance(r, Failed) else "") + printable(r.error) for r in results if r.error is not None
    ]
    return environment.get_template(template).render(version=__version__, settings=settings, errors=errors, **content)


def _video(video: Scored) -> dict[str, Any]:
    duration = video.facts["duration"]
    clips = [
        {
            **record,
            "x": 1000 * record["start"] / duration,
            "width": 1000 * (record["end"] - record["start"]) / duration,
            "when": f"{clock(record['start'])} - {clock(record['end'])}",
            "thumbnail": base64.b64encode(picture).decode(),
        }
        for record, picture in zip(video.elements, video.thumbnails, strict=True)
    ]
    ticks = [{"x": 100 * i / 8, "label": clock(duration * i / 8)} for i in range(9)]
    shown = {"title": printable(video.title), "length": clock(duration), "aspect": video.aspect, "picked": video.picked}
    return {**video.facts, **shown, "clips": clips, "ticks": ticks}


def _group(group: Scored) -> dict[str, Any]:
    frames = [
        {
            **record,
            "where": where(record),
            "aspect": picture.shape[1] / picture.shape[0],
            "thumbnail": base64.b64encode(jpeg(_tile(picture))).decode(),
        }
        for record, picture in best_frames(group, len(group.elements))
    ]
    warned = [printable(warning) for warning in group.facts["warnings"]]
    shown = {"title": printable(group.title), "warnings": warned, "frames": frames, "picked": group.picked}
    return {**group.facts, **shown}


def _evenly(items: list[tuple[Record, Image]], count: int) -> list[tuple[Record, Image]]:
    return [items[i] for i in np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int).tolist()]


def _tile(picture: Image) -> Image:
    height, width = picture.shape[:2]
    return squash_image(picture, TILE, max(round(width * TILE / height / 2) * 2, 2))
