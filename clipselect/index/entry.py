"""What an index knows of one video, and how that is written as a row of the table."""

import math
import os
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.index.index_file import signature, stored_path
from clipselect.media.candidate_clips import Clip, Seconds, exact_seconds, spans_of
from clipselect.media.text import utf8
from clipselect.scoring.scorer import AnyScorer, check_can_index

Row = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """With which DDNet and options scores were made; the same for all scores of an index.

    Attributes:
        model, sha256: name and fingerprint of the DDNet.
        clip_duration, stride: exact seconds, written as a fraction: "2", "1/3".
        fast: estimated from the frames that decode quickest, see `clipselect.media.fast`.
    """

    model: str
    sha256: str
    clip_duration: str
    stride: str
    fast: bool = False

    @classmethod
    def from_scorer(
        cls,
        scorer: AnyScorer,
        clip_duration: Seconds | None = None,
        stride: Seconds | None = None,
        fast: bool = False,
    ) -> "Scoring":
        """With a DDNet and with these options; the defaults are those of `score_video`.

        Raises:
            ArgumentError: the scorer is a function.
        """
        check_can_index(scorer)
        length = exact_seconds(scorer.clip_duration if clip_duration is None else clip_duration, "clip_duration")
        step = length if stride is None else exact_seconds(stride, "stride")
        return cls(scorer.name, str(scorer.metadata["sha256"]), str(length), str(step), fast)

    def record(self) -> dict[str, Any]:
        """As it is written to a file; `fast` only if it is set."""
        return {key: value for key, value in asdict(self).items() if value is not False}

    def __str__(self) -> str:
        length, step = (_shown(Fraction(seconds)) for seconds in (self.clip_duration, self.stride))
        return f"model {self.model} ({self.sha256[:8]}), clips of {length} every {step}{', fast' if self.fast else ''}"


def _shown(seconds: Fraction) -> str:
    decimal = f"{float(seconds):.9g}"
    return f"{decimal} s" if Fraction(decimal) == seconds else f"{seconds} ({float(seconds):.4g}) s"


@dataclass(frozen=True)
class Entry:
    """What an index knows of one video: its scored candidate clips, or an error.

    Attributes:
        path: see `stored_path`.
        size, mtime_ns: see `signature`; None if the file was not there.
        fps: frames per second given for a folder of frames; None for a file.
        error: why the video could not be scored.
        warnings: what its reader noticed.
        duration: exact seconds from the first frame to the end of the last.
        start_time: the container's time of the first frame, in exact seconds.
        clips: the candidates in time order.
        scores: [n] float32 in (0, 1), one per clip.
    """

    path: str
    size: int | None
    mtime_ns: int | None
    fps: float | None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    duration: Fraction = Fraction(0)
    start_time: Fraction = Fraction(0)
    clips: list[Clip] = field(default_factory=list)
    scores: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @classmethod
    def before(cls, path: Path | str, fps: Seconds) -> "Entry":
        """The entry of a video that is about to be read."""
        size, mtime = signature(path)
        return cls(stored_path(path), size, mtime, float(fps) if os.path.isdir(path) else None)

    def same_video(self, other: "Entry") -> bool:
        """Whether both were read from the same content."""
        return (self.size, self.mtime_ns, self.fps) == (other.size, other.mtime_ns, other.fps) and self.size is not None

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return spans_of(self.clips)


def to_row(entry: Entry) -> Row:
    """A row of the table, of types that JSON knows.

    >>> row = to_row(Entry("/a.mp4", 10, 20, None, duration=Fraction(1, 3)))
    >>> row["path"], row["duration"], row["clock"]
    ('/a.mp4', 0.3333333333333333, 3)
    >>> from_row(row).duration
    Fraction(1, 3)

    Raises:
        ClipselectError: times too fine for float64.
    """
    times = [entry.duration, entry.start_time, *(t for c in entry.clips for t in (c.start, c.end))]
    clock = math.lcm(*(t.denominator for t in times))
    if clock >= 2**63 or any(Fraction(round(float(t) * clock), clock) != t for t in times):
        raise ClipselectError(
            f"{entry.path}: the times of its clips are too fine; choose a rounder clip duration and stride"
        )
    return {
        "path": entry.path,
        "size": entry.size,
        "mtime_ns": entry.mtime_ns,
        "fps": entry.fps,
        "error": None if entry.error is None else utf8(entry.error),
        "warnings": [utf8(warning) for warning in entry.warnings],
        "duration": None if entry.error else float(entry.duration),
        "start_time": None if entry.error else float(entry.start_time),
        "clock": None if entry.error else clock,
        "start": [float(c.start) for c in entry.clips],
        "end": [float(c.end) for c in entry.clips],
        "first_frame": [c.first for c in entry.clips],
        "frames": [c.frames for c in entry.clips],
        "score": entry.scores.tolist(),
    }


def from_row(row: Row) -> Entry:
    """The inverse of `to_row`."""
    entry = Entry(row["path"], row["size"], row["mtime_ns"], row["fps"], row["error"], tuple(row["warnings"]))
    if entry.error is not None:
        return entry
    clock = row["clock"]

    def exact(seconds: float) -> Fraction:
        return Fraction(round(seconds * clock), clock)

    clips = [
        Clip(exact(start), exact(end), first, first + frames - 1)
        for start, end, first, frames in zip(row["start"], row["end"], row["first_frame"], row["frames"], strict=True)
    ]
    duration, start_time, scores = exact(row["duration"]), exact(row["start_time"]), np.array(row["score"], np.float32)
    return replace(entry, duration=duration, start_time=start_time, clips=clips, scores=scores)
