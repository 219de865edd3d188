"""Person tracklets on disk: the names of files and folders say who is seen by which camera in which images.

No image is opened. Links are followed, hidden files are skipped, frames are in natural order (f2 before f10).
"""

import os
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipselect.data.splits import split_folders
from clipselect.errors import ClipselectError, check_argument
from clipselect.index.inputs import image_folders
from clipselect.media.frame_folder import natural_order

Layout = Literal["mars", "market1501", "ilids-vid", "prid2011", "folders"]
Name = str | int

JUNK, DISTRACTOR = -1, 0
"""Identities of MARS and Market-1501 that name no person: detections to ignore, and people who are never searched."""
NOBODY = (JUNK, DISTRACTOR)


@dataclass(frozen=True)
class Tracklet:
    """One person in one camera, for a while.

    Attributes:
        identity: a number in MARS and Market-1501 (`JUNK` and `DISTRACTOR` are no people), otherwise a folder's name.
        camera: None where it is not known.
        track: distinguishes the tracklets of an identity in a camera.
        paths: of the frames, in time order; one at least.
    """

    identity: Name
    camera: Name | None
    track: Name
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class TrackletFolder:
    """What was found in a folder.

    Attributes:
        tracklets: ordered by identity, camera and track.
        skipped: one sentence for every image whose name does not say what it is, and every folder that cannot be read.
    """

    layout: Layout
    tracklets: tuple[Tracklet, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class QueryGallery:
    """Which tracklets are sought among which, for `clipselect.evaluation.metrics.retrieval`.

    Attributes:
        queries, gallery: indices of tracklets.
        identities, cameras: of all tracklets. A camera that is not known counts as one of its own.
        unmatched: queries whose identity no other camera sees; the retrieval excludes them.
    """

    queries: NDArray[np.int64]
    gallery: NDArray[np.int64]
    identities: tuple[Hashable, ...]
    cameras: tuple[Hashable, ...]
    unmatched: int


@dataclass(frozen=True)
class _Naming:
    """How a published set names its images: matched against CAMERA/PERSON/FILE, the end of the absolute path."""

    pattern: re.Pattern[str]
    example: str
    numbered: bool = True


_MARS = re.compile(r".*/(?P<identity>\d+|0*-1)C(?P<camera>\d+)T(?P<track>\d+)F\d+\.[^/]+")
_MARKET = re.compile(r".*/(?P<identity>\d+|-1)_c(?P<camera>\d+)s(?P<track>\d+)_\d+_\d+\.[^/]+")
_ILIDS = re.compile(r"(?P<camera>cam\d+)/(?P<identity>person\d+)/[^/]+")
_PRID = re.compile(r"(?P<camera>cam_[ab])/(?P<identity>person_\d+)/[^/]+")
_NAMINGS: dict[Layout, _Naming] = {
    "mars": _Naming(_MARS, "0718C3T0010F004.jpg (identity, camera, track, frame)"),
    "market1501": _Naming(_MARKET, "0002_c1s1_000451_03.jpg (identity, camera and sequence, frame, box)"),
    "ilids-vid": _Naming(_ILIDS, "cam1/person001/cam1_person001_00317.png", numbered=False),
    "prid2011": _Naming(_PRID, "cam_a/person_0001/0001.png", numbered=False),
}
LAYOUTS: tuple[Layout, ...] = (*_NAMINGS, "folders")


def read_tracklets(folder: Path | str, layout: Layout | None = None) -> TrackletFolder:
    """The tracklets of a folder.

    Args:
        layout: "mars" (PPPPCcTttttFfff.jpg), "market1501" (PPPP_cCsS_FFFFFF_BB.jpg, one tracklet per identity, camera
            and sequence), "ilids-vid" (cam1/person001/*.png), "prid2011" (cam_a/person_0001/*.png) or "folders":
            IDENTITY/CAMERA/TRACK/*.jpg, IDENTITY/TRACK/*.jpg or IDENTITY/*.jpg, in the last two with cameras unknown;
            a folder that holds images itself is one tracklet of its own name. By default the published naming that
            most of the images follow, or else "folders".

    Raises:
        ClipselectError: no such folder, no images, unknown layout, no image named as the layout wants, or one tracklet
            in two places.
    """
    root = Path(folder)
    check_argument(layout in (None, *LAYOUTS), "layout", f"must be one of {', '.join(LAYOUTS)}, got {layout}")
    if not os.path.isdir(root):
        what = "a file, not a folder" if os.path.lexists(root) else "no such folder"
        raise ClipselectError(f"{root}: {what}; give a folder of tracklets")
    skipped: list[str] = []
    found = [(place, names) for place, names in image_folders(root, lambda _, e: skipped.append(str(e)))]
    if not found:
        why = f" ({skipped[0]})" if skipped else ""
        raise ClipselectError(f"{root}: a folder without images{why}; give a folder of tracklets")
    layout = layout or _detected(found)
    if layout == "folders":
        if splits := sorted(path.name for path in split_folders(root).values()):
            raise ClipselectError(f"{root}: holds splits ({', '.join(splits)}), not identities; give one of them")
        tracklets = [_of_folder(root, place, names) for place, names in found]
    else:
        tracklets = _by_name(root, found, _NAMINGS[layout], skipped)
    return TrackletFolder(layout, tuple(sorted(tracklets, key=_order)), tuple(skipped))


def _by_name(root: Path, found: list[tuple[Path, list[str]]], naming: _Naming, skipped: list[str]) -> list[Tracklet]:
    """The tracklets of a published naming; a sentence on images that are named otherwise is appended to `skipped`."""
    frames: dict[tuple[Name, Name, Name], list[Path]] = {}
    for place, names in found:
        above = _above(place)
        others: list[str] = []
        for name in names:
            match = naming.pattern.fullmatch(f"{above}/{name}")
            if match:
                frames.setdefault(_key(match, naming), []).append(place / name)
            else:
                others.append(name)
        if others:
            more = f" ({len(others) - 1} more in that folder)" if len(others) > 1 else ""
            skipped.append(f"{place / others[0]}{more}: is not named like {naming.example}; rename or remove it")
    if not frames:
        raise ClipselectError(
            f"{root}: not one of its images is named like {naming.example}; give another layout of {', '.join(LAYOUTS)}"
        )
    for paths in () if naming.numbered else frames.values():  # where a folder is a tracklet
        places = sorted({str(path.parent) for path in paths})
        if len(places) > 1:  # stills beside a sequence, or two copies of the set
            raise ClipselectError(
                f"{root}: a tracklet is both in {places[0]} and in {places[1]}; give one of these folders"
            )
    return [Tracklet(*key, tuple(sorted(paths, key=lambda p: natural_order(p.name)))) for key, paths in frames.items()]


def query_and_gallery(tracklets: Sequence[Tracklet]) -> QueryGallery:
    """Split as MARS does: of every identity and camera one tracklet is a query, the first by its track.

    The gallery holds all tracklets but junk, the queries too, as in MARS's own evaluation: the retrieval leaves out
    what is of a query's identity and camera, so that none finds itself. Junk and distractors are no queries.

    Args:
        tracklets: in any order; the choice does not depend on it.
    """
    cameras = [("unknown", i) if t.camera is None else t.camera for i, t in enumerate(tracklets)]
    first: dict[tuple[Hashable, Hashable], int] = {}
    seen_by: dict[Hashable, set[Hashable]] = {}
    for i in sorted(range(len(tracklets)), key=lambda i: _order(tracklets[i])):
        identity = tracklets[i].identity
        if identity not in NOBODY:
            first.setdefault((identity, cameras[i]), i)
            seen_by.setdefault(identity, set()).add(cameras[i])
    queries = sorted(first.values())
    return QueryGallery(
        np.array(queries, np.int64),
        np.array([i for i, t in enumerate(tracklets) if t.identity != JUNK], np.int64),
        tuple(t.identity for t in tracklets),
        tuple(cameras),
        sum(len(seen_by[tracklets[i].identity]) < 2 for i in queries),
    )


def _detected(found: list[tuple[Path, list[str]]]) -> Layout:
    counts = dict.fromkeys(_NAMINGS, 0)
    for place, names in found:
        above = _above(place)
        for layout, naming in _NAMINGS.items():
            counts[layout] += sum(naming.pattern.fullmatch(f"{above}/{name}") is not None for name in names)
    best = max(counts, key=lambda layout: counts[layout])
    return best if 2 * counts[best] > sum(len(names) for _, names in found) else "folders"


def _above(place: Path) -> str:
    """The two folders that a file is in, whatever part of them was given."""
    return "/".join(Path(os.path.abspath(place)).parts[-2:])  # noqa: PTH100 (links keep their names)


def _key(match: re.Match[str], naming: _Naming) -> tuple[Name, Name, Name]:
    parts = match.groupdict()
    if not naming.numbered:
        return parts["identity"], parts["camera"], 1
    identity = JUNK if parts["identity"].endswith("-1") else int(parts["identity"])
    return identity, int(parts["camera"]), int(parts["track"])


def _of_folder(root: Path, place: Path, names: list[str]) -> Tracklet:
    paths = tuple(place / name for name in sorted(names, key=natural_order))
    below = place.relative_to(root).parts
    if not below:
        return Tracklet(Path(os.path.abspath(root)).name, None, ".", paths)  # noqa: PTH100
    if len(below) < 3:
        return Tracklet(below[0], None, below[-1] if len(below) == 2 else ".", paths)
    return Tracklet(below[0], below[1], "/".join(below[2:]), paths)


def _order(tracklet: Tracklet) -> list[object]:
    """By identity, camera and track, numbers in names by their value; then by the paths."""
    return [*map(_name_order, (tracklet.identity, tracklet.camera, tracklet.track)), tracklet.paths]


def _name_order(name: Name | None) -> list[tuple[bool, int, str]]:
    return [(False, 0, ""), (True, name, "")] if isinstance(name, int) else natural_order(name or "")
