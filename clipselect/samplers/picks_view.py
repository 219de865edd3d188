"""Picks as a notebook shows them: the timeline of the video and a picture of every pick."""

from typing import TYPE_CHECKING

from markupsafe import escape

from clipselect.errors import ClipselectError
from clipselect.media.text import count, printable
from clipselect.pages.axis import score_axis
from clipselect.pages.document import STYLE, card
from clipselect.pages.formats import clock
from clipselect.pages.thumbnails import clip_thumbnails, data_uri
from clipselect.pages.timeline import timeline_svg
from clipselect.samplers.explanation import HOW_TO_READ

if TYPE_CHECKING:
    from clipselect.samplers.picks import Picks

MAX_SHOWN, SIDE = 24, 320
"""Pictures, and the longer side of each in pixels."""


def picks_html(picks: "Picks") -> str:
    """An HTML fragment that needs nothing else; without pictures where the video cannot be read any more."""
    scores, order = picks.scores, picks.picked.ordered.tolist()
    shown = [i for i in order if i in {*picks.picked.ranked[:MAX_SHOWN].tolist()}]
    pictures, aspect = {}, 16 / 9
    try:
        picks.check_readable()
        pictures = clip_thumbnails(scores.source, [scores.clips[i] for i in shown], [SIDE] * len(shown))
        aspect = scores.source.aspect
    except ClipselectError as e:
        notes = [*picks.warnings, str(e)]
    else:
        notes = [*picks.warnings]
    if len(shown) < len(order):
        notes.append(f"the best {len(shown)} of {len(order)} picks are shown")
    facts = (
        f"{clock(picks.duration)}, {count(len(scores.clips), 'candidate clip')}, {len(order)} picked by {scores.model}"
    )
    explained = dict(zip(order, picks.explanations, strict=False))
    axis = score_axis(scores.scores.tolist())
    cards = [
        card(
            data_uri(pictures[place]) if place in pictures else "",
            f"{clock(float(scores.clips[i].start))} to {clock(float(scores.clips[i].end))}",
            float(scores.scores[i]),
            axis,
            rank=int(picks.ranks[i]),
            picked=True,
            aspect=aspect,
            detail=str(explained[i]) if i in explained else "",
        )
        for place, i in enumerate(shown)
    ]
    return "\n".join(
        [
            f'<div class="clipselect"><style>{STYLE}</style>',
            f"<h3>{escape(printable(scores.source.path))}</h3>",
            f'<p class="dim">{escape(printable(facts))}</p>',
            *(f'<p class="note">{escape(printable(note))}</p>' for note in notes),
            timeline_svg(scores.spans, scores.scores, order, picks.duration),
            f'<div class="clips">{"".join(cards)}</div>',
            *(f'<p class="dim">{escape(printable(line))}</p>' for line in (HOW_TO_READ, *picks.caveats) if explained),
            "</div>",
        ]
    )
