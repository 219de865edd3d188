"""Results of choosing frames, for machines: one documented JSON document, or one CSV row per frame.

    {"version": 1, "clipselect": "0.1.0", "settings": {...},
     "groups": [{"source": "party.mp4", "group": "track 1", "model": "ddnet2d-faces", "error": null, "warnings": [],
                 "frames": [{"path": null, "frame": 37, "time": 1.233, "box": [212.0, 80.5, 64.0, 64.0],
                             "score": 0.81, "rank": 1, "picked": true, "weight": 1.0, "file": "out/..."}, ...]}, ...]}

A group is a track of a video, a folder of images, or a tracklet. Of a frame of a video `frame` is its number, counted
from 0, `time` its seconds from the first frame, and `box` the left, top, width and height in pixels where it was found;
of an image `path` is its file. Frames are in the order of the group, rank 1 is the best, `weight` is of eq. 8 and null
where a frame was not picked, `file` is where it was saved. A group that failed has an `error` and no frames.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipselect import __version__
from clipselect.media.images import FrameOrigin, Image
from clipselect.method.selection import ranks
from clipselect.samplers.frame_sampler import FrameSelection

CSV_COLUMNS = (
    "source", "group", "error", "path", "frame", "time", "left", "top", "width", "height",
    "score", "rank", "picked", "weight", "file",
)  # fmt: skip


@dataclass(frozen=True)
class GroupResult:
    """What became of one group: the selection among its frames, or an error.

    Attributes:
        source: video, folder or tracklet that it comes from.
        name: of the group within its source; empty where the source is the group.
        origins: [n], one per frame given.
        pictures: by place of the frame, where pictures are wanted.
        files: where picked frames were saved, by place.
    """

    source: str
    name: str
    model: str
    origins: Sequence[FrameOrigin] = ()
    selection: FrameSelection | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    pictures: dict[int, Image] = field(default_factory=dict)
    files: dict[int, Path] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.source}, {self.name}" if self.name else self.source


def as_json(results: Sequence[GroupResult], settings: dict[str, Any]) -> str:
    """The document above."""
    groups = [
        {
            "source": r.source, "group": r.name, "model": r.model, "error": r.error, "warnings": list(r.warnings),
            "frames": frame_records(r),
        }
        for r in results
    ]  # fmt: skip
    document = {"version": 1, "clipselect": __version__, "settings": settings, "groups": groups}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def frame_records(result: GroupResult) -> list[dict[str, Any]]:
    """The entries of `frames`, in the order of the group; frames that could not be read are left out."""
    selection = result.selection
    if selection is None:
        return []
    weight = dict(zip(selection.indices.tolist(), selection.weights.tolist(), strict=True))
    rank = ranks(selection.scores).tolist()
    records = []
    for place, i in enumerate(selection.candidates.tolist()):
        origin = result.origins[i]
        records.append(
            {
                "path": None if origin.path is None else str(origin.path),
                "frame": origin.frame,
                "time": None if origin.time is None else round(origin.time, 6),
                "box": None if origin.box is None else [round(side, 2) for side in origin.box],
                "score": round(float(selection.scores[place]), 6),
                "rank": rank[place],
                "picked": i in weight,
                "weight": round(weight[i], 6) if i in weight else None,
                "file": str(result.files[i]) if i in result.files else None,
            }
        )
    return records


def as_csv(results: Sequence[GroupResult]) -> str:
    """One row per frame; one row with the error and empty columns for a group that failed."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for result in results:
        for record in frame_records(result) or [{}]:
            box = record.pop("box", None) or [None] * 4
            sides = dict(zip(("left", "top", "width", "height"), box, strict=True))
            writer.writerow({"source": result.source, "group": result.name, "error": result.error, **record, **sides})
    return out.getvalue()
