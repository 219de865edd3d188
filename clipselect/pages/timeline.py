"""Scores over the time of a video: as bars for any drawing, and as an SVG for pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.pages.axis import ScoreAxis, score_axis
from clipselect.pages.formats import clock, time_ticks

MAX_BARS = 240
"""On a page: a pixel and a half each on a phone."""
MAX_SPACED_BARS = 60
"""Bars with gaps between them."""
CHARACTER, RANK_GAP = 0.023, 0.012
"""Part of the width that a character of a label takes on a phone, and between two ranks."""
MAX_RANK_ROWS, RANK_ROW = 8, 14
"""Lines of ranks above the bars, and the height of one in pixels."""


@dataclass(frozen=True)
class Bar:
    """A bar of a timeline: the clip that it stands for, from when to when in seconds."""

    clip: int
    start: float
    end: float


@dataclass(frozen=True)
class PickRank:
    """The rank of a picked clip, and the line that it stands in above the bars, 0 for the lowest; None if all are
    full."""

    clip: int
    rank: int
    row: int | None


def timeline_bars(
    spans: ArrayLike, scores: ArrayLike, picked: Collection[int], duration: float, max_bars: int = MAX_BARS
) -> list[Bar]:
    """The bars of a timeline, in time order: at any time the picked clip, or else the best one, that is on screen then.

    A video of too many clips is cut into equal parts, each of which shows its best clip, a picked one first.

    >>> timeline_bars([(0, 1), (1, 2), (1.5, 2.5)], [0.3, 0.8, 0.5], {1}, duration=2.5)
    [Bar(clip=0, start=0.0, end=1.0), Bar(clip=1, start=1.0, end=2.0), Bar(clip=2, start=2.0, end=2.5)]
    >>> timeline_bars([(0, 1), (1, 2), (2, 3), (3, 4)], [0.3, 0.8, 0.9, 0.2], {1}, duration=4, max_bars=2)
    [Bar(clip=1, start=0.0, end=2.0), Bar(clip=2, start=2.0, end=4.0)]

    Args:
        spans: [n, 2] start and end of every clip in seconds, in time order.
        scores: [n].
        picked: indices of the picked clips.
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    bars = _runs(painted(np.unique(spans), spans, scores, picked), np.unique(spans))
    if len(bars) > max_bars:
        edges = np.linspace(0, duration, max_bars + 1)
        bars = _runs(painted(edges, spans, scores, picked), edges)
    return bars


def timeline_note(spans: ArrayLike, scores: ArrayLike, picked: Collection[int], duration: float) -> str:
    """What the bars of `timeline_bars` stand for where they are not a clip each; else empty."""
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    if len(_runs(painted(np.unique(spans), spans, scores, picked), np.unique(spans))) <= MAX_BARS:
        return ""
    return f"Each bar: the best clip of {duration / MAX_BARS:.3g} s, or the picked one"


def painted(
    edges: NDArray[np.float64], spans: ArrayLike, scores: ArrayLike, picked: Collection[int]
) -> NDArray[np.int64]:
    """[len(edges) - 1]: the picked clip, or else the best one, on screen between two edges; -1 where there is none."""
    spans, scores = np.asarray(spans, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    tolerance = 1e-6 * max(float(edges[-1]), 1e-3) / len(edges)
    first = np.searchsorted(edges, spans[:, 0] + tolerance, side="right") - 1
    last = np.maximum(np.searchsorted(edges, spans[:, 1] - tolerance, side="left"), first + 1)
    is_picked = np.isin(np.arange(len(scores)), [*picked])
    shown = np.full(len(edges) - 1, -1)
    for i in np.lexsort((scores, is_picked)).tolist():  # the later ones cover the earlier ones
        shown[first[i] : last[i]] = i
    return shown


def pick_ranks(spans: ArrayLike, scores: ArrayLike, picked: Collection[int], duration: float) -> list[PickRank]:
    """The ranks of the picked clips, best first, each in the lowest line in which it lies upon no other.

    >>> pick_ranks([(0, 1), (1, 2), (50, 51)], [0.3, 0.8, 0.5], {0, 1, 2}, duration=60)
    [PickRank(clip=1, rank=1, row=0), PickRank(clip=2, rank=2, row=0), PickRank(clip=0, rank=3, row=1)]

    Args:
        spans, scores, picked, duration: as for `timeline_bars`.
    """
    middles, picked = np.asarray(spans, np.float64).reshape(-1, 2).mean(axis=1) / (duration or 1.0), {*picked}
    rows: list[list[tuple[float, float]]] = [[] for _ in range(MAX_RANK_ROWS)]
    found = []
    for rank, clip in enumerate(np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable").tolist(), start=1):
        if clip in picked:
            middle, half = float(middles[clip]), (len(str(rank)) * CHARACTER + RANK_GAP) / 2
            free = (all(abs(middle - other) >= half + its for other, its in row) for row in rows)
            row = next((row for row, is_free in enumerate(free) if is_free), None)
            found.append(PickRank(clip, rank, row))
            if row is not None:
                rows[row].append((middle, half))
    return found


def timeline_svg(
    spans: ArrayLike,
    scores: Sequence[float] | NDArray[np.float32],
    picked: Collection[int],
    duration: float,
    *,
    links: Sequence[str | None] | None = None,
    axis: ScoreAxis | None = None,
    height: int = 170,
    max_bars: int = MAX_BARS,
) -> str:
    """An `<svg>` as wide as its place on a page within an element of class "clipselect": bars, their axis, round times.

    Args:
        spans: [n, 2] start and end of every clip in seconds, in time order.
        scores: [n].
        picked: indices of the picked clips.
        duration: of the video, in seconds.
        links: where a bar leads to, an address or None per clip, such as "#clip7".
        axis: of the scores; one of their own by default.
        height: in pixels, with one line of ranks.
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    values = [float(score) for score in scores]
    axis = axis or score_axis(values)
    bars = timeline_bars(spans, values, picked, duration, max_bars)
    rank = {i: place for place, i in enumerate(sorted(range(len(values)), key=lambda i: -values[i]), start=1)}
    ranks = pick_ranks(spans, values, picked, duration)
    labels = [(float(spans[one.clip].mean()), one, one.row) for one in ranks if one.row is not None]
    further_rows = RANK_ROW * max((row for _, _, row in labels), default=0)
    height += further_rows
    top, bottom = 20.0 + further_rows, height - 34.0
    drawing = _Drawing(duration or 1.0, top, bottom, axis)
    parts = [drawing.grid(score) for score in axis.ticks]
    for bar in bars:
        title = f"#{rank[bar.clip]}  {clock(spans[bar.clip, 0])} to {clock(spans[bar.clip, 1])}  {values[bar.clip]:.4f}"
        link = None if links is None else links[bar.clip]
        parts.append(drawing.bar(bar, values[bar.clip], bar.clip in picked, title, link))
    parts += [drawing.mark(*spans[i]) for i in picked]
    parts += [drawing.leader(middle, values[one.clip], row) for middle, one, row in labels]
    parts += [drawing.rank(middle, one.rank, row) for middle, one, row in labels]
    *ticks, (_, end) = time_ticks(duration)
    for time, label in ticks:
        room = (len(label) / 2 + len(end) + 1) * CHARACTER * drawing.duration
        parts.append(drawing.tick(time, label, "tick near" if drawing.duration - time < room else "tick"))
    parts.append(drawing.tick(drawing.duration, end))
    spaced = " spaced" if len(bars) <= MAX_SPACED_BARS else ""
    label = f"scores over time, {len(picked)} of {len(values)} clips picked"
    return (
        f'<svg class="timeline{spaced}" role="{"img" if links is None else "group"}" aria-label="{label}" '
        f'width="100%" height="{height}">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Drawing:
    """The elements of a timeline. Times are percent of the width, so that text keeps its shape; heights are pixels."""

    duration: float
    top: float
    bottom: float
    axis: ScoreAxis

    def _x(self, seconds: float) -> str:
        return f"{100 * seconds / self.duration:.3f}%"

    def _y(self, score: float) -> float:
        return self.bottom - (self.bottom - self.top) * self.axis.height(score)

    def grid(self, score: float) -> str:
        y = self._y(score)
        line = f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        return f'{line}<text class="scale" x="100%" dx="8" y="{y + 4:.1f}">{score:.2f}</text>'

    def bar(self, bar: Bar, score: float, is_picked: bool, title: str, link: str | None) -> str:
        y = min(self._y(score), self.bottom - 2)
        place = f'x="{self._x(bar.start)}" width="{self._x(bar.end - bar.start)}"'
        look = ' class="picked"' if is_picked else ""
        drawn = f'<rect{look} {place} y="{y:.1f}" height="{self.bottom - y:.1f}"><title>{escape(title)}</title></rect>'
        if link is None:
            return drawn
        # every pick is a stop of the Tab key; the arrow keys reach the other bars (page.html.jinja)
        stop = "" if is_picked else ' tabindex="-1"'
        return f'<a href="{escape(link)}"{stop} aria-label="{escape(title)}">{drawn}</a>'

    def mark(self, start: float, end: float) -> str:
        place = f'x="{self._x(start)}" width="{self._x(end - start)}"'
        return f'<rect class="mark" {place} y="{self.bottom + 4:.1f}" height="4"/>'

    def leader(self, middle: float, score: float, row: int) -> str:
        """From a rank to its bar."""
        ends = f'y1="{self._rank_y(row) + 2:.1f}" y2="{self._y(score):.1f}"'
        return f'<line class="leader" x1="{self._x(middle)}" x2="{self._x(middle)}" {ends}/>'

    def rank(self, middle: float, rank: int, row: int) -> str:
        place = f'x="{self._x(middle)}" y="{self._rank_y(row):.1f}"'
        return f'<text class="rank" {place} text-anchor="middle">{rank}</text>'

    def _rank_y(self, row: int) -> float:
        return self.top - 8 - RANK_ROW * row

    def tick(self, seconds: float, label: str, look: str = "tick") -> str:
        anchor = "start" if seconds <= 0 else "end" if seconds >= self.duration else "middle"
        place = f'x="{self._x(seconds)}" y="{self.bottom + 27:.1f}"'
        return f'<text class="{look}" {place} text-anchor="{anchor}">{label}</text>'


def _runs(shown: NDArray[np.int64], edges: NDArray[np.float64]) -> list[Bar]:
    """Neighbouring parts that show the same clip as one bar."""
    starts = np.flatnonzero(np.diff(shown, prepend=-2))
    ends = [*starts[1:].tolist(), len(shown)]
    return [
        Bar(int(shown[i]), float(edges[i]), float(edges[end]))
        for i, end in zip(starts.tolist(), ends, strict=True)
        if shown[i] >= 0
    ]
