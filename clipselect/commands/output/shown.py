"""Which clips and frames of a result have a picture on pages and in plots, so that neither grows without limit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipselect.commands.output.records import Record, Result, Scored
from clipselect.media.images import Image, squash_image
from clipselect.samplers.picks import Picks

PICK_SIDE, OTHER_SIDE = 480, 176
"""Pixels of the longer side of a clip's picture."""
MAX_PICKS, MAX_OTHERS = 24, 36
"""Clips of a video with a picture; fewer on a page of many videos."""
PICKS_OF_PAGE, OTHERS_OF_PAGE = 300, 300
MIN_PICKS = 5
MAX_TILES = 16
"""Picked frames of a group with a picture, and as many others."""
TILE = 128
"""Height of a frame's picture in pixels."""
PICTURED_GROUPS, NAMED_GROUPS = 40, 2000
"""Groups of a page or plot with pictures, the best ones, and those that a page names."""
TILES_OF_PAGE = 300
"""Frames with a picture on a page, which they keep under 2 MB."""


def thumbnails(picks: Picks, videos: int) -> dict[int, bytes]:
    """JPEG bytes of the clips that a page shows of a video, by index: the best picks large, the best others small.

    Args:
        videos: on the page.
    """
    from clipselect.pages.thumbnails import clip_thumbnails

    best = picks.picked.ranked[: max(MIN_PICKS, min(MAX_PICKS, PICKS_OF_PAGE // videos))].tolist()
    others = np.argsort(picks.ranks)
    others = others[~np.isin(others, picks.picked.ranked)][: min(MAX_OTHERS, OTHERS_OF_PAGE // videos)].tolist()
    sides = dict.fromkeys(best, PICK_SIDE) | dict.fromkeys(others, OTHER_SIDE)
    indices = sorted(sides)
    scores = picks.scores
    made = clip_thumbnails(scores.source, [scores.clips[i] for i in indices], [sides[i] for i in indices])
    return {indices[place]: picture for place, picture in made.items()}


def with_pictures(group: Scored, picture: Callable[[int], Image]) -> Scored:
    """The same group with the pictures of the frames that pages and plots show.

    Args:
        picture: place of a frame among the group's elements -> its pixels.
    """
    picks, others = _picks_and_others(group.elements)
    return replace(
        group, pictures={i: tile(picture(i)) for i in _evenly(picks, MAX_TILES) + _evenly(others, MAX_TILES)}
    )


def best_frames(group: Scored, most: int) -> list[int]:
    """At most `most` frames of those with a picture, best first.

    If there are more, the picked ones, filled up with others from best to worst; or some of the picked ones, from best
    to worst, if these are too many already.
    """
    picks, others = ([i for i in places if i in group.pictures] for places in _picks_and_others(group.elements))
    picks = _evenly(picks, most)
    return sorted(picks + _evenly(others, most - len(picks)), key=lambda i: group.elements[i]["rank"])


def frames_of_page(groups: Sequence[Scored]) -> list[list[int]]:
    """The frames that a page shows of each of its groups, best first; none of those for which it has no room.

    First come the picked frames, one group after the other; what is left of `TILES_OF_PAGE` is for other frames, the
    same for every group.

    Args:
        groups: the best first.
    """
    picks = [min(group.picked, MAX_TILES) for group in groups if group.pictures]
    shown = int(np.searchsorted(np.cumsum(picks), TILES_OF_PAGE, side="right"))
    others = (TILES_OF_PAGE - sum(picks[:shown])) // max(shown, 1)
    most = iter([n + others for n in picks[:shown]] + [0] * (len(picks) - shown))
    return [best_frames(group, next(most) if group.pictures else 0) for group in groups]


def best_first(groups: Iterable[Result]) -> list[Scored]:
    """The groups that have scores, the one with the best frame first."""
    return sorted((group for group in groups if isinstance(group, Scored)), key=lambda group: -group.scores.max())


def names(groups: Sequence[Scored]) -> list[str]:
    """What to call groups side by side: the source's name, without its folder, only if they have not all the same."""
    apart = len({group.facts["source"] for group in groups}) > 1
    found = []
    for group in groups:
        source, name = group.facts["source"], group.facts["group"]
        source = Path(source).name or source
        found.append(f"{source}, {name}" if apart and name else name or source)
    return found


def others_last(elements: Sequence[Record]) -> list[int]:
    """Places of the elements: the picked ones, then the others, both best first."""
    return sorted(range(len(elements)), key=lambda i: (not elements[i]["picked"], elements[i]["rank"]))


def tile(picture: Image) -> Image:
    """A frame at the height of `TILE`."""
    height, width = picture.shape[:2]
    return squash_image(picture, TILE, min(max(round(width * TILE / height), 1), 4 * TILE))


def _picks_and_others(elements: Sequence[Record]) -> tuple[list[int], list[int]]:
    places = others_last(elements)
    picked = sum(element["picked"] for element in elements)
    return places[:picked], places[picked:]


def _evenly(places: list[int], most: int) -> list[int]:
    chosen = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    return [places[i] for i in chosen.tolist()]
