"""Whole pages, and the parts that they have in common with the view of a notebook."""

import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from clipselect.media.text import printable
from clipselect.pages.axis import ScoreAxis

STYLE = (files("clipselect.pages") / "style.css").read_text("utf-8")
"""CSS of everything within an element of class "clipselect", light and dark."""
MAX_NAME = 48
"""Characters of a name."""
SEPARATORS = re.compile(r"(?<=[_/,\-])(?=.)")
SCRIPT = (files("clipselect.pages") / "play.js").read_text("utf-8")
"""Plays the clips of a page, and unfolds the clip that a bar leads to."""


def breakable(name: object) -> Markup:
    """A name that is broken after its separators where it does not fit; a long one is shortened in its middle.

    >>> breakable("subject1_adl.mp4")
    Markup('subject1_<wbr>adl.mp4')
    >>> breakable("a" * 50).striptags()
    'aaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaaaaaaaaaaaaaaaaa'
    """
    whole = printable(name)
    half = MAX_NAME // 2
    short = whole if len(whole) <= MAX_NAME else f"{whole[:half]}…{whole[1 - half :]}"
    parts = Markup("<wbr>").join(SEPARATORS.split(short))
    return parts if short == whole else Markup('<span title="{}">{}</span>').format(whole, parts)


def environment(package: str) -> jinja2.Environment:
    """For a package's own templates; they extend `page.html.jinja`. All values are escaped and made printable."""
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, "") for name in (package, "clipselect.pages")]),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["breakable"] = breakable
    found.globals |= {"style": Markup(STYLE), "script": Markup(SCRIPT), "card": card}
    return found


def card(
    picture: str,
    caption: str,
    score: float,
    axis: ScoreAxis,
    *,
    rank: int,
    picked: bool,
    aspect: float,
    detail: str = "",
    anchor: str = "",
    video: str = "",
    link: str = "",
    timeline: str = "",
) -> Markup:
    """A `<figure>`: the picture of a clip or frame, its rank, and its score as a number and a bar.

    Args:
        picture: address, from `data_uri`; empty if there is none.
        caption, detail: plain text.
        axis: of the bar.
        aspect: width over height as shown.
        anchor: the id to link to.
        video: address of the clip itself, with "#t=START,END", to play it in the place of the picture.
        link: where the caption leads to, such as the clip.
        timeline: where the way back to the timeline leads to.
    """
    return Markup(
        _card().render(
            picture=Markup(picture),
            caption=caption,
            score=score,
            height=axis.height(score),
            rank=rank,
            picked=picked,
            aspect=aspect,
            detail=detail,
            anchor=anchor,
            video=video,
            link=link,
            timeline=timeline,
        )
    )


@cache
def _card() -> jinja2.Template:
    return environment("clipselect.pages").get_template("card.html.jinja")
