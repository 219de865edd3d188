"""Results as pictures for papers and slides: PNG, SVG or PDF, as the file's name says."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clipselect.commands.output.records import AGGREGATE, Result, Scored
from clipselect.commands.output.shown import TILE, best_first, best_frames, names
from clipselect.errors import ClipselectError
from clipselect.media.optional import require
from clipselect.media.text import count, printable
from clipselect.pages.formats import time_ticks
from clipselect.pages.timeline import timeline_bars, timeline_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
MAX_VIDEOS, MAX_STRIPS, MAX_STRIP_TILES, MAX_NAME = 50, 12, 12, 80
"""Videos of a plot; groups of a plot, frames of a group, and characters of its name."""
GREEN, GREY, INK = "#1a7f37", "#afb8c1", "#1f2328"
DPI = 110
GAP, TITLE, SCORE = 10, 30, 22
"""Pixels between tiles, and of the lines above and below them."""


def check_plot(plot: Path) -> None:
    """Raise a ClipselectError unless a plot of that name can be drawn."""
    if plot.suffix.lower() not in FORMATS:
        raise ClipselectError(f"{plot}: a plot must be named .png, .svg or .pdf; choose one of these")
    require("matplotlib", "a plot")


def clips_plot(results: Sequence[Result], suffix: str) -> bytes:
    """One axis per scored video: a bar per clip over its time, picked ones green; of a long video as on its page."""
    from matplotlib.figure import Figure  # slow to import, and not always needed

    scored = [result for result in results if isinstance(result, Scored)]
    shown = scored[:MAX_VIDEOS]
    figure = Figure(figsize=(11, 0.6 + 2.3 * len(shown)), layout="constrained")
    for axis, video in zip(np.atleast_1d(figure.subplots(len(shown), squeeze=True)), shown, strict=True):
        clips, duration, limits = video.elements, video.facts["duration"], video.axis
        picked = [i for i, clip in enumerate(clips) if clip["picked"]]
        spans = [(clip["start"], clip["end"]) for clip in clips]
        bars = timeline_bars(spans, video.scores, picked, duration)
        colours = [GREEN if clips[bar.clip]["picked"] else GREY for bar in bars]
        heights = [max(float(video.scores[bar.clip]), limits.low + 0.015 * (limits.high - limits.low)) for bar in bars]
        widths = [bar.end - bar.start for bar in bars]
        axis.bar([bar.start for bar in bars], heights, widths, color=colours, align="edge", linewidth=0)
        for bar, height in zip(bars, heights, strict=True):
            if clips[bar.clip]["picked"]:  # at least a line wide, however long the video
                axis.vlines((bar.start + bar.end) / 2, limits.low, height, GREEN, linewidth=1.5)
        ticks, labels = zip(*time_ticks(duration, most=10), strict=True)
        axis.set_xticks(ticks, labels)
        axis.set_yticks(limits.ticks, [f"{tick:.2f}" for tick in limits.ticks])
        axis.set(xlim=(0, duration), ylim=(limits.low, limits.high), ylabel="score")
        axis.set_title(_plain(Path(video.title).name), loc="left", fontsize=10)
        axis.set_xlabel(timeline_note(spans, video.scores, picked, duration), fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.3)
    if len(scored) > len(shown):
        left_out = f"the first {len(shown)} videos; {len(scored) - len(shown):,} more are in the other outputs"
        figure.suptitle(left_out, fontsize=10)
    return _saved(figure, suffix)


def frames_plot(results: Sequence[Result], suffix: str) -> bytes:
    """A strip per group as in the paper's figure 3, the best first: frames sorted by score, picked ones green.

    Of many groups the best are drawn; those of a single frame, among which there is nothing to pick, only if there is
    room.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    scored = best_first(results)
    pictured = [group for group in scored if group.pictures]
    groups = best_first(sorted(pictured, key=lambda group: len(group.elements) == 1)[:MAX_STRIPS])
    strips = [best_frames(group, MAX_STRIP_TILES) for group in groups]
    lengths = [
        sum(g.pictures[i].shape[1] + GAP for i in (*strip, *_made(g))) for g, strip in zip(groups, strips, strict=True)
    ]
    strip_height, note = TITLE + TILE + SCORE + GAP, TITLE if len(scored) > len(groups) else 0
    width, height = max([*lengths, 640]) + GAP, strip_height * len(groups) + GAP + note
    figure = Figure(figsize=(width / DPI, height / DPI))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    for number, (group, strip, name) in enumerate(zip(groups, strips, names(groups), strict=True)):
        top, left = note + number * strip_height + TITLE, GAP
        counted = f"{count(len(group.elements), 'frame')}, {group.picked} picked"
        if len(strip) < len(group.elements):
            counted += f", {len(strip)} shown"
        for i in _made(group):
            picture = group.pictures[i]
            right = left + round(picture.shape[1] * TILE / picture.shape[0])
            axis.imshow(picture, extent=(left, right, top + TILE, top), aspect="auto", interpolation="antialiased")
            axis.text(left, top + TILE + 16, "not a photograph", fontsize=8.5, color=INK)
            left, counted = right + GAP, f"{counted}; the first {group.facts['aggregate']['label']}"
        axis.text(GAP, top - 9, f"{_plain(_shortened(name))}: {counted}", fontsize=8.5, color=INK)
        for i in strip:
            picture, record = group.pictures[i], group.elements[i]
            colour = GREEN if record["picked"] else GREY
            right, bottom = left + picture.shape[1], top + TILE
            axis.imshow(picture, extent=(left, right, bottom, top), aspect="auto", interpolation="antialiased")
            axis.add_patch(Rectangle((left, top), right - left, TILE, fill=False, edgecolor=colour, linewidth=2))
            weight = "bold" if record["picked"] else "normal"
            axis.text(left, bottom + 16, f"{record['score']:.3f}", fontsize=8.5, color=INK, fontweight=weight)
            left = right + GAP
    axis.set(xlim=(0, width), ylim=(height, 0))  # which imshow has changed
    if note:
        several = len(groups) < len(pictured) and min(len(group.elements) for group in groups) > 1
        which = f"the best {count(len(groups), 'group')}{' of several frames' * several}"
        left_out = f"{which}; {len(scored) - len(groups):,} more are in the other outputs"
        axis.text(GAP, 20, left_out, fontsize=8.5, color=INK, fontweight="bold")
    made = dict.fromkeys(group.facts["aggregate"]["label"] for group in groups if _made(group))
    return _saved(figure, suffix, f"the first face of a row: {'; '.join(made)}" if made else None)


def _made(group: Scored) -> list[int]:
    """The place of the picture that a network made of a group, if there is one."""
    return [AGGREGATE] if AGGREGATE in group.pictures else []


def _saved(figure: "Figure", suffix: str, about: str | None = None) -> bytes:
    """The file's bytes; `about` goes to its metadata."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks
        kind = suffix.lower().removeprefix(".")
        figure.savefig(
            out,
            format=kind,
            dpi=DPI,
            metadata={"Subject" if kind == "pdf" else "Description": about} if about else None,
        )
    return out.getvalue()


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME else "…" + name[1 - MAX_NAME :]


def _plain(name: str) -> str:
    """A name in which matplotlib sees no mathematics."""
    return printable(name).replace("$", r"\$")
