"""Results for machines: one documented JSON document, or one CSV row per clip.

    {"version": 1, "clipselect": "0.1.0", "settings": {...},
     "videos": [{"path": "a.mp4", "duration": 12.48, "start_time": 0.0, "model": "ddnet3d-actions", "error": null,
                 "warnings": [], "seconds": {"total": 0.41, "network": 0.03, "decode": 0.38},
                 "clips": [{"start": 0.0, "end": 1.0, "frames": 25, "first_frame": 0, "score": 0.18, "rank": 7,
                            "picked": false, "file": null}, ...]}, ...]}

Times are seconds from the first frame of the video, `start_time` is where that frame lies in the container's clock;
a clip is [start, end) and `frames` counts the video's frames in it, from `first_frame` (0-based) on. Clips are in time
order, rank 1 is the best. A video that failed has an `error`, `duration` null and no clips. `file` is where --extract
put the clip. If not one video can be scored, nothing is written. In CSV, bytes of a file name that are not UTF-8 appear
as \\udcXX.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipselect import __version__
from clipselect.method.selection import Selection, ranks
from clipselect.scoring.video_scores import VideoScores

CSV_COLUMNS = ("path", "error", "start", "end", "frames", "first_frame", "score", "rank", "picked", "file")


@dataclass(frozen=True)
class Result:
    """What became of one video: its scores and the selection, or an error.

    Attributes:
        files: where the picked clips were extracted to, by clip index.
    """

    path: Path
    model: str
    scores: VideoScores | None = None
    selection: Selection | None = None
    error: str | None = None
    files: dict[int, Path] = field(default_factory=dict)


def as_json(results: Sequence[Result], settings: dict[str, Any], **extra: Any) -> str:
    """The document above; `extra` entries come before its videos."""
    document = {
        "version": 1,
        "clipselect": __version__,
        "settings": settings,
        **extra,
        "videos": [video_record(result) for result in results],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def video_record(result: Result) -> dict[str, Any]:
    """One entry of `videos`."""
    scores = result.scores
    return {
        "path": str(result.path),
        "duration": None if scores is None else _seconds(scores.duration),
        "start_time": None if scores is None else _seconds(scores.source.start_time),
        "model": result.model,
        "error": result.error,
        "warnings": [] if scores is None else list(scores.source.warnings),
        "seconds": {} if scores is None else {k: round(v, 4) for k, v in scores.seconds.items()},
        "clips": clip_records(result),
    }


def clip_records(result: Result) -> list[dict[str, Any]]:
    """The entries of `clips`, in time order."""
    if result.scores is None or result.selection is None:
        return []
    rank = ranks(result.scores.scores).tolist()
    picked = set(result.selection.ranked.tolist())
    return [
        {
            "start": _seconds(clip.start),
            "end": _seconds(clip.end),
            "frames": clip.frames,
            "first_frame": clip.first,
            "score": round(float(result.scores.scores[i]), 6),
            "rank": rank[i],
            "picked": i in picked,
            "file": str(result.files[i]) if i in result.files else None,
        }
        for i, clip in enumerate(result.scores.clips)
    ]


def as_csv(results: Sequence[Result]) -> str:
    """One row per clip; one row with the error and empty columns for a video that failed."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for result in results:
        for record in clip_records(result) or [{}]:
            writer.writerow({"path": str(result.path), "error": result.error, **record})
    return out.getvalue()


def _seconds(value: Any) -> float:
    return round(float(value), 6)
