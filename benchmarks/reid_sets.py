"""The tracklets that are sought in each other: which, whose, and which of their frames are spoilt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from frame_tables import FrameTable, Record
from numpy.typing import NDArray
from rich.text import Text
from shared import tell

from clipselect.commands.common import stderr
from clipselect.commands.stages import TOLD_AT_MOST, Failures
from clipselect.data.identities import read_identities
from clipselect.data.tracklets import Layout, QueryGallery, Tracklet, read_tracklets
from clipselect.errors import ClipselectError
from clipselect.media.text import printable


@dataclass(frozen=True)
class ReIDSet:
    """The tracklets of one or several folders that are sought in each other.

    Attributes:
        places: of their frames in the list of all paths, per tracklet.
        unreadable: what was left out.
    """

    name: str
    tracklets: tuple[Tracklet, ...]
    places: tuple[range, ...]
    unreadable: tuple[Record, ...]


def read_sets(folders: Sequence[Path], layout: Layout | None, seen: frozenset[str]) -> tuple[list[str], list[ReIDSet]]:
    """The paths of all frames, and the sets with their places among them; who was seen in training is left out."""
    paths: list[str] = []
    sets = []
    for folder, name in zip(folders, names_of(folders), strict=True):
        found = read_tracklets(folder, layout)
        for sentence in found.skipped[:TOLD_AT_MOST]:
            stderr().print(Text.assemble(("Error: ", "bold red"), printable(sentence)))
        if len(found.skipped) > TOLD_AT_MOST:
            tell(f"{folder}: {len(found.skipped)} images or folders are left out, see results.json")
        kept = tuple(t for t in found.tracklets if number_of(t.identity) not in seen)
        if not kept:
            raise ClipselectError(f"{folder}: all its identities are among those of --trained-on; give others")
        places = []
        for tracklet in kept:
            places.append(range(len(paths), len(paths) + len(tracklet.paths)))
            paths += map(str, tracklet.paths)
        # a sentence begins with the path
        skipped = tuple({"path": printable(s.split(": ")[0]), "error": printable(s)} for s in found.skipped)
        sets.append(ReIDSet(name, kept, tuple(places), skipped))
    return paths, sets


def seen_in_training(folders: Sequence[Path]) -> frozenset[str]:
    """Numbers or names of the identities that `clipselect distill --shared-names` trains on."""
    if not folders:
        return frozenset()
    return frozenset(map(number_of, read_identities(folders, "train", shared_names=True).identities))


def number_of(identity: str | int) -> str:
    """An identity without leading zeros, which its names differ in from layout to layout."""
    text = str(identity)
    return str(int(text)) if text.isdecimal() else text


def names_of(folders: Sequence[Path]) -> list[str]:
    """What folders are called in results: by their names, or by their paths where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return [printable(folder if names.count(name) > 1 else name) for folder, name in zip(folders, names, strict=True)]


def spoilt_places(groups: Sequence[NDArray[np.int64]], share: float, seed: int) -> set[int]:
    """Places of the frames to spoil: of each group that share, rounded up or down at random so that it is met on
    average."""
    bad: set[int] = set()
    for group in groups:
        if len(group):
            rng = np.random.default_rng([seed, int(group[0])])
            bad |= {*rng.permutation(group)[: int(len(group) * share + rng.random())].tolist()}
    return bad


def pooled(sets: Sequence[ReIDSet]) -> ReIDSet:
    """All sets as one."""
    return ReIDSet(
        "pooled",
        tuple(t for one in sets for t in one.tracklets),
        tuple(p for one in sets for p in one.places),
        tuple(u for one in sets for u in one.unreadable),
    )


def with_readable_frames(one: ReIDSet, paths: Sequence[str], table: FrameTable, failures: Failures) -> ReIDSet:
    """The tracklets of a set of which a frame at least can be read."""
    some = [len(rows) > 0 for rows in table.groups(one.places)]
    if not any(some):
        raise ClipselectError(f"{one.name}: not one of its images can be read; see the errors above")
    mine = [paths[place] for places in one.places for place in places]
    broken = tuple({"path": printable(p), "error": printable(failures.errors[p])} for p in mine if p in failures.errors)
    return replace(
        one,
        tracklets=tuple(t for t, keep in zip(one.tracklets, some, strict=True) if keep),
        places=tuple(p for p, keep in zip(one.places, some, strict=True) if keep),
        unreadable=(*one.unreadable, *broken),
    )


def check_queries(one: ReIDSet, sought: QueryGallery) -> None:
    """Refuse what cannot be evaluated; count what is left out."""
    if not len(sought.gallery):
        raise ClipselectError(f"{one.name}: the gallery is empty: all its tracklets are junk (identity -1); add others")
    if sought.unmatched == len(sought.queries):
        raise ClipselectError(
            f"{one.name}: no query has a true match: it takes an identity that two cameras see, and of folders"
            " IDENTITY/CAMERA/TRACK or tracks with cameras unknown; add such"
        )
    if sought.unmatched:
        tell(f"{one.name}: {sought.unmatched} of {len(sought.queries)} queries have no true match and are left out")
