r"""Results for machines: one documented JSON document, or one CSV row per clip or frame.

Of videos, as `clipselect score` and `classify` write it:

    {"version": 1, "clipselect": "0.2.0", "settings": {...},
     "videos": [{"path": "a.mp4", "duration": 12.48, "start_time": 0.0, "model": "ddnet3d-actions", "error": null,
                 "warnings": [], "doubts": [], "caveats": [], "fast": false, "decoded": 1.0, "skipped": 0,
                 "seconds": {"total": 0.41, "network": 0.03, "decode": 0.38},
                 "clips": [{"start": 0.0, "end": 1.0, "frames": 25, "first_frame": 0, "score": 0.18, "percentile": 21.4,
                            "rank": 7, "picked": false, "weight": null, "file": null, "explanation": null}, ...]},
                ...]}

Times are seconds from the first frame of the video, `start_time` is where that frame lies in the container's clock;
a clip is [start, end) and `frames` counts the video's frames in it, from `first_frame` (0-based) on. Clips are in time
order. `percentile` is which share of the training elements the score exceeds, in percent, and null where the weights do
not say; in CSV it is a column where they do. `weight` is how much a picked clip counts (eq. 8), null for others; `file`
is where --extract put the clip.
`warnings` are about the file, `doubts` say why the order of the clips is a guess, `caveats` which classes the base of
--explain knows. `fast` is whether the scores are estimates (--fast). `decoded` is the share of the video that was
decoded, and `skipped` how many candidate clips were left out for it (--budget); in CSV these three are columns where
they say something.

`explanation` is what the base of --explain sees in a picked clip, null for others and without it:

    {"nearest": "hockey_fight", "similarity": 0.61, "hardest_negative": "street_fight", "discriminability": 1.9,
     "answer": "hockey_fight", "probability": 0.82}

`nearest` is the class nearest to the base's feature by the cosine `similarity` (eq. 2), the rows of the base's head
standing for the class centroids, and `hardest_negative` the nearest of the others. Outputs of the base without a name
are "background", which can be the hardest negative or the `answer`, the base's likeliest output. `discriminability` is
eq. 3 between the two: 1 where the base cannot distinguish them, larger where the clip is clearer, below 1 where
background is nearer or no class is near. In CSV these are columns of their own, which are there with --explain only.

Of groups of frames, as `clipselect faces` and `reid` write it:

    {"version": 1, "clipselect": "0.2.0", "settings": {...},
     "groups": [{"source": "party.mp4", "group": "track 1", "model": "ddnet2d-faces", "error": null, "warnings": [],
                 "frames": [{"path": null, "frame": 37, "time": 1.233, "box": [212.0, 80.5, 64.0, 64.0],
                             "score": 0.81, "percentile": 93.0, "rank": 1, "picked": true, "weight": 1.0,
                             "file": "out/..."}, ...]}, ...]}

A group is a track of a video, a folder of images, or a tracklet. Of a frame of a video `frame` is its number, counted
from 0, `time` its seconds from the first frame, and `box` the left, top, width and height in pixels where it was found;
of an image `path` is its file. Frames are in the order of the group, without those that could not be read. `weight` is
of eq. 8 and null where a frame was not picked, `file` is where --save put it. With --aggregate a group whose image is
saved or shown has an entry "aggregate": {"network": "fan", "frames": 7, "label": "made by a network from 7 frames: not
a photograph", "file": "out/..."}; `network` is the name of the weights.

In both, rank 1 is the best. A video or group that failed has an `error`, no clips or frames, and null for what is not
known. If not one can be scored, nothing is written. In CSV, bytes of a file name that are not UTF-8 appear as \udcXX.
"""

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clipselect import __version__
from clipselect.media.images import FrameOrigin, Image
from clipselect.pages.axis import ScoreAxis, score_axis
from clipselect.samplers.explanation import Explanation
from clipselect.samplers.picks import Picks

if TYPE_CHECKING:
    from clipselect.samplers.frame_sampler import FrameSelection

Record = dict[str, Any]

AGGREGATE = -1
"""The place of an aggregated face among the pictures of a group."""


@dataclass(frozen=True)
class Kind:
    """The keys of results and of their elements in JSON, and the columns of CSV."""

    entries: str
    elements: str
    columns: tuple[str, ...]


BOX_COLUMNS = ("left", "top", "width", "height")
CLIP_COLUMNS = ("path", "error", "start", "end", "frames", "first_frame", "score", "rank", "picked", "weight", "file")
FRAME_COLUMNS = ("source", "group", "error", "path", "frame", "time", *BOX_COLUMNS, "score", "rank", "picked")
HOW_COLUMNS = ("fast", "decoded", "skipped")
EXPLANATION_COLUMNS = tuple(field.name for field in fields(Explanation))
VIDEOS = Kind("videos", "clips", CLIP_COLUMNS)
GROUPS = Kind("groups", "frames", (*FRAME_COLUMNS, "weight", "file"))


@dataclass(frozen=True)
class Scored:
    """A video or a group of frames whose elements, its clips or frames, have scores.

    Attributes:
        title: its name for people.
        facts: its JSON entry without the elements.
        elements: their JSON records, in the order of the video or group.
        scores: [n] float32, one per element, not rounded.
        thumbnails: JPEG bytes of the clips that a page shows, by their place.
        aspect: width over height of the video as shown.
        of_several: whether it is one of several videos of a run, whose bars are on one scale.
        pictures: pixels of the frames that a page or plot shows, by their place; under `AGGREGATE`, what a network made
            of the picked ones.
    """

    title: str
    facts: Record
    elements: list[Record]
    scores: NDArray[np.float32]
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)
    aspect: float = 16 / 9
    of_several: bool = False
    pictures: dict[int, Image] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """What went wrong after the elements were scored."""
        error: str | None = self.facts["error"]
        return error

    @property
    def axis(self) -> ScoreAxis:
        """Of its bars in the terminal, on the page and in the plot."""
        return score_axis(self.scores.tolist(), of_several=self.of_several)

    @property
    def picked(self) -> int:
        """How many elements were picked."""
        return sum(element["picked"] for element in self.elements)


@dataclass(frozen=True)
class Failed:
    """A video or a group of frames that could not be scored.

    Attributes:
        title: its name for people.
        facts: its JSON entry without the elements, of which there are none.
        error: why, one sentence.
    """

    title: str
    facts: Record
    error: str
    elements: list[Record] = field(default_factory=list, init=False)


Result = Scored | Failed


def scored_video(
    picks: Picks, files: Mapping[int, Path] | None = None, error: str | None = None,
    thumbnails: Mapping[int, bytes] | None = None, *, of_several: bool = False,
) -> Scored:  # fmt: skip
    """The result of a video.

    Args:
        files: where the picked clips were extracted to, by index.
        error: why they could not be.
        thumbnails: JPEG bytes of clips, by index.
        of_several: as of `Scored`.
    """
    facts = picks.to_dict()
    elements = facts.pop("clips")
    for i, file in (files or {}).items():
        elements[i]["file"] = str(file)
    aspect = picks.scores.source.aspect if thumbnails else Scored.aspect
    facts |= {"error": error}
    return Scored(facts["path"], facts, elements, picks.scores.scores, thumbnails or {}, aspect, of_several)


def failed_video(path: Path, model: str, error: str) -> Failed:
    """The result of a video that could not be scored."""
    facts = {"path": str(path), "duration": None, "start_time": None, "model": model, "error": error}
    unknown = dict.fromkeys(HOW_COLUMNS)
    return Failed(str(path), {**facts, "warnings": [], "doubts": [], "caveats": [], **unknown, "seconds": {}}, error)


def scored_group(
    source: str, name: str, model: str, origins: Sequence[FrameOrigin], selection: "FrameSelection",
    error: str | None = None, *,
    warnings: Sequence[str] = (), files: Mapping[int, Path] | None = None,
) -> Scored:  # fmt: skip
    """The result of a group of frames.

    Args:
        source: the video, folder or tracklet that it comes from.
        name: of the group within its source; empty where the source is the group.
        origins: one per frame given, readable or not.
        error: why picked frames could not be saved.
        files: where picked frames were saved, by their place among the frames given.
    """
    places = selection.candidates.tolist()
    weights = dict(zip(selection.indices.tolist(), selection.weights.tolist(), strict=True))
    picked = {n for n, i in enumerate(places) if i in weights}
    marks = _marks(selection, picked)
    elements = [
        _origin(origins[i])
        | {**mark, "weight": round(weights[i], 6) if i in weights else None, "file": _file(files, i)}
        for i, mark in zip(places, marks, strict=True)
    ]
    facts = {"source": source, "group": name, "model": model, "error": error, "warnings": [*warnings]}
    return Scored(_title(source, name), facts, elements, selection.scores)


def failed_group(source: str, name: str, model: str, error: str) -> Failed:
    """The result of a group of frames that could not be scored."""
    facts = {"source": source, "group": name, "model": model, "error": error, "warnings": []}
    return Failed(_title(source, name), facts, error)


def as_json(kind: Kind, results: Sequence[Result], settings: Record, **extra: Any) -> str:
    """The document above; `extra` entries come before its videos or groups."""
    entries = [{**result.facts, kind.elements: result.elements} for result in results]
    document = {"version": 1, "clipselect": __version__, "settings": settings, **extra, kind.entries: entries}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def as_csv(kind: Kind, results: Sequence[Result]) -> str:
    """One row per clip or frame; one row with the error and empty columns for what failed."""
    out = io.StringIO()
    elements = [element for result in results for element in result.elements]
    columns = list(kind.columns)
    if any(element.get("percentile") is not None for element in elements):
        columns.insert(columns.index("score") + 1, "percentile")
    if any(result.facts.get("fast") or result.facts.get("skipped") for result in results):
        columns += HOW_COLUMNS
    if any(element.get("explanation") for element in elements):
        columns += EXPLANATION_COLUMNS
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for result in results:
        for element in result.elements or [{}]:
            box = dict(zip(BOX_COLUMNS, element.get("box") or (), strict=False))
            writer.writerow({**result.facts, **element, **box, **(element.get("explanation") or {})})
    return out.getvalue()


def _marks(selection: "FrameSelection", picked: Collection[int]) -> list[Record]:
    """How good every element is, and whether it was picked."""
    scores, known = selection.scores.tolist(), selection.percentiles
    percentiles = [None] * len(scores) if known is None else known.round(1).tolist()
    return [
        {"score": round(score, 6), "percentile": percentile, "rank": rank, "picked": i in picked}
        for i, (score, percentile, rank) in enumerate(zip(scores, percentiles, selection.ranks.tolist(), strict=True))
    ]


def _file(files: Mapping[int, Path] | None, i: int) -> str | None:
    return str(files[i]) if files and i in files else None


def _origin(origin: FrameOrigin) -> Record:
    return {
        "path": None if origin.path is None else str(origin.path),
        "frame": origin.frame,
        "time": None if origin.time is None else round(origin.time, 6),
        "box": None if origin.box is None else [round(side, 2) for side in origin.box],
    }


def _title(source: str, name: str) -> str:
    return f"{source}, {name}" if name else source
