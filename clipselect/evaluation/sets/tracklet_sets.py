"""Which tracklets are searched among which, and which of their frames are degraded."""

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.data.identities import read_identities
from clipselect.data.identity_list import plain_number, read_identity_list
from clipselect.data.tracklets import (
    NOBODY,
    Layout,
    QueryGallery,
    Tracklet,
    query_and_gallery,
    read_tracklets,
)
from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.evaluation.sets.frame_table import FrameTable
from clipselect.evaluation.sets.rows import Record
from clipselect.media.text import printable
from clipselect.media.unreadable import OnError


@dataclass(frozen=True)
class TrackletSet:
    """The tracklets of one or several folders that are searched among each other.

    Attributes:
        places: of the frames of each tracklet in the list of all paths.
        unreadable: the entries `unreadable` of a results file.
    """

    name: str
    tracklets: tuple[Tracklet, ...]
    places: tuple[range, ...]
    unreadable: tuple[Record, ...]

    @property
    def identities(self) -> list[Hashable]:
        return [tracklet.identity for tracklet in self.tracklets]

    @property
    def people(self) -> list[int]:
        """Tracklets whose identity is known."""
        return [i for i, identity in enumerate(self.identities) if identity not in NOBODY]

    def readable(self, paths: Sequence[str], table: FrameTable) -> "TrackletSet":
        """The same without tracklets of which not one frame can be read.

        Raises:
            ClipselectError: nothing is left.
        """
        kept = [i for i, rows in enumerate(table.groups(self.places)) if len(rows)]
        mine = [paths[place] for places in self.places for place in places]
        broken = tuple(_unreadable(path, table.errors[path]) for path in mine if path in table.errors)
        if not kept:
            raise ClipselectError(f"{self.name}: not one of its images can be read; the first: {broken[0]['error']}")
        return replace(
            self,
            tracklets=tuple(self.tracklets[i] for i in kept),
            places=tuple(self.places[i] for i in kept),
            unreadable=(*self.unreadable, *broken),
        )

    def queries(self) -> QueryGallery:
        """Queries and gallery by the protocol of MARS; a `ClipselectWarning` counts the queries left out.

        Raises:
            ClipselectError: an empty gallery, or no query with a true match.
        """
        found = query_and_gallery(self.tracklets)
        if not len(found.gallery):
            raise ClipselectError(
                f"{self.name}: the gallery is empty: all its tracklets are junk (identity -1); add others"
            )
        if found.unmatched == len(found.queries):
            raise ClipselectError(
                f"{self.name}: no query has a true match: that needs an identity that two cameras see, and of folders"
                " IDENTITY/CAMERA/TRACK or tracks with cameras unknown; add such"
            )
        if found.unmatched:
            unmatched = f"{found.unmatched} of {len(found.queries)} queries have no true match and are left out"
            warnings.warn(f"{self.name}: {unmatched}", ClipselectWarning, stacklevel=3)
        return found


def read_tracklet_sets(
    folders: Sequence[Path],
    layout: Layout | None,
    trained_on: Sequence[Path],
    identities: Path | None,
    on_error: OnError,
) -> tuple[list[str], list[TrackletSet]]:
    """The paths of all frames, and the sets with their places among them.

    Args:
        trained_on: folders whose training identities are left out.
        identities: a file that names those that are kept, see `read_identity_list`; distractors are kept, too.
        on_error: called with every image or folder whose name does not give an identity.

    Raises:
        ClipselectError: a folder that cannot be used, or of which nobody is left.
    """
    seen, wanted = _training_identities(trained_on), None if identities is None else read_identity_list(identities)
    paths: list[str] = []
    sets = []
    for folder, name in zip(folders, _names(folders), strict=True):
        found = read_tracklets(folder, layout)
        skipped = {sentence.split(": ")[0]: sentence for sentence in found.skipped}  # a sentence begins with the path
        for path, sentence in skipped.items():
            on_error(path, ClipselectError(sentence))
        kept = tuple(t for t in found.tracklets if plain_number(t.identity) not in seen)
        if not kept:
            raise ClipselectError(f"{folder}: all its identities are among those of trained_on; give others")
        if wanted is not None:
            if wanted.isdisjoint(plain_number(t.identity) for t in kept if t.identity not in NOBODY):
                raise ClipselectError(f"{folder}: {identities} names none of its identities; give another list")
            kept = tuple(t for t in kept if t.identity in NOBODY or plain_number(t.identity) in wanted)
        places = []
        for tracklet in kept:
            places.append(range(len(paths), len(paths) + len(tracklet.paths)))
            paths += map(str, tracklet.paths)
        unreadable = tuple(_unreadable(path, sentence) for path, sentence in skipped.items())
        sets.append(TrackletSet(name, kept, tuple(places), unreadable))
    return paths, sets


def pooled(sets: Sequence[TrackletSet]) -> TrackletSet:
    """All sets as one."""
    return TrackletSet(
        "pooled",
        tuple(t for one in sets for t in one.tracklets),
        tuple(p for one in sets for p in one.places),
        tuple(u for one in sets for u in one.unreadable),
    )


def degraded_places(groups: Sequence[NDArray[np.int64]], fraction: float, seed: int) -> set[int]:
    """Places of the frames to degrade: that fraction of each group, rounded up or down at random, so that it is met on
    average."""
    bad: set[int] = set()
    for group in groups:
        if len(group):
            rng = np.random.default_rng([seed, int(group[0])])
            bad |= {*rng.permutation(group)[: int(len(group) * fraction + rng.random())].tolist()}
    return bad


def _training_identities(folders: Sequence[Path]) -> frozenset[str]:
    """Whom `clipselect distill --shared-names` trains on."""
    if not folders:
        return frozenset()
    return frozenset(map(plain_number, read_identities(folders, "train", shared_names=True).identities))


def _names(folders: Sequence[Path]) -> list[str]:
    """What folders are called in results: by their names, or by their paths where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return [printable(folder if names.count(name) > 1 else name) for folder, name in zip(folders, names, strict=True)]


def _unreadable(path: str, error: str) -> Record:
    return {"path": printable(path), "error": printable(error)}
