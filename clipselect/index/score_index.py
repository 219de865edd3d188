"""The score index: one Parquet file with one row per video, sorted by path.

| column | type | |
|---|---|---|
| `path` | string | absolute; bytes that are not UTF-8 appear as `\\xHH` |
| `size`, `mtime_ns` | int64 | when it was read, in bytes and ns since 1970 (folder: sum, maximum); null if absent |
| `fps` | double | frames per second given for a folder of frames; null for a file |
| `error` | string | why the video could not be scored; null if it was |
| `warnings` | list of string | what the reader noticed |
| `duration`, `start_time` | double | seconds from the first frame to the end; the container's time of the first frame |
| `clock` | int64 | every time of the row is a whole number of 1/clock seconds, so that it can be had exactly |
| `start`, `end` | list of double | seconds from the first frame, one element per candidate clip, in time order |
| `first_frame`, `frames` | list of int32 | the frames of every clip: the first one, counted from 0, and how many |
| `score` | list of float | the clip's score in (0, 1) |

    pandas.read_parquet("scores.parquet").explode(["start", "end", "first_frame", "frames", "score"])
    duckdb: select path, unnest(start) as start, unnest(score) as score from 'scores.parquet'

The file's metadata holds under `clipselect` how the scores were made (`Scoring`).
"""

import bisect
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.candidates import Clip, Seconds, exact_seconds

if TYPE_CHECKING:
    from clipselect.scoring.scorer import Scorer
    from clipselect.scoring.video_scores import VideoScores

VERSION = 1
ROWS_PER_GROUP, CLIPS_PER_GROUP = 128, 4096
"""A look-up reads one group of rows, which takes about a millisecond; a group ends when either is reached."""

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("fps", pa.float64()),
        ("error", pa.string()),
        ("warnings", pa.list_(pa.string())),
        ("duration", pa.float64()),
        ("start_time", pa.float64()),
        ("clock", pa.int64()),
        ("start", pa.list_(pa.float64())),
        ("end", pa.list_(pa.float64())),
        ("first_frame", pa.list_(pa.int32())),
        ("frames", pa.list_(pa.int32())),
        ("score", pa.list_(pa.float32())),
    ]
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """How scores were made. Those of one index were all made alike.

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
        scorer: "Scorer",
        clip_duration: Seconds | None = None,
        stride: Seconds | None = None,
        fast: bool = False,
    ) -> "Scoring":
        """Defaults as for `score_video`."""
        length = exact_seconds(scorer.clip_duration if clip_duration is None else clip_duration, "clip_duration")
        step = length if stride is None else exact_seconds(stride, "stride")
        return cls(scorer.name, str(scorer.metadata["sha256"]), str(length), str(step), fast)

    def record(self) -> dict[str, Any]:
        """As JSON keeps it; `fast` only where it is so."""
        return {key: value for key, value in asdict(self).items() if value is not False}

    def __str__(self) -> str:
        length, step = (_in_words(Fraction(seconds)) for seconds in (self.clip_duration, self.stride))
        return f"model {self.model} ({self.sha256[:8]}), clips of {length} every {step}{', fast' if self.fast else ''}"


def _in_words(seconds: Fraction) -> str:
    decimal = f"{float(seconds):.9g}"
    return f"{decimal} s" if Fraction(decimal) == seconds else f"{seconds} ({float(seconds):.4g}) s"


@dataclass(frozen=True)
class Entry:
    """What the index knows of one video: its scored candidate clips, or an error. Times are exact."""

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

    def scored(self, video: "VideoScores") -> "Entry":
        """This entry with the video's scores."""
        source = video.source
        return replace(
            self,
            warnings=tuple(source.warnings),
            duration=video.duration,
            start_time=source.start_time,
            clips=video.clips,
            scores=video.scores,
        )

    def same_video(self, other: "Entry") -> bool:
        """Whether both were read from the same content."""
        return (self.size, self.mtime_ns, self.fps) == (other.size, other.mtime_ns, other.fps) and self.size is not None

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return np.array([(c.start, c.end) for c in self.clips], dtype=np.float64).reshape(-1, 2)


def stored_path(path: Path | str) -> str:
    """The path as the index holds it."""
    return text(os.path.abspath(path))  # noqa: PTH100 (keeps links)


def text(words: str) -> str:
    """Words that may hold a file name, with what is not UTF-8 in it as \\xHH."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def signature(path: Path | str) -> tuple[int, int] | tuple[None, None]:
    """Size in bytes and time of change in ns, by which a changed file is known; of a folder over its files."""
    try:
        if not os.path.isdir(path):
            stat = os.stat(path)  # noqa: PTH116
            return stat.st_size, stat.st_mtime_ns
        with os.scandir(path) as files:
            stats = [file.stat() for file in files if not file.name.startswith(".") and file.is_file()]
        return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)
    except (OSError, ValueError):
        return None, None


def to_row(entry: Entry) -> Row:
    """A row of the table, of types that JSON knows.

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
        "error": None if entry.error is None else text(entry.error),
        "warnings": [text(warning) for warning in entry.warnings],
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


def write_index(path: Path, scoring: Scoring, rows: Iterator[Row]) -> None:
    """Write rows that come sorted by path."""
    metadata = {"clipselect": json.dumps({"version": VERSION, **scoring.record()})}
    with pq.ParquetWriter(path, SCHEMA.with_metadata(metadata), compression="zstd") as writer:
        group: list[Row] = []
        clips = 0
        for row in rows:
            group.append(row)
            clips += len(row["score"])
            if len(group) >= ROWS_PER_GROUP or clips >= CLIPS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(group, SCHEMA))
                group, clips = [], 0
        if group:
            writer.write_table(pa.Table.from_pylist(group, SCHEMA))


class ScoreIndex:
    """A score index opened for reading. The file is memory-mapped, and only a few groups of rows are held decoded.

    Attributes:
        scoring: how its scores were made.

    Raises:
        ClipselectError: no such file, or not an index that clipselect wrote.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not os.path.isfile(self.path):
            raise ClipselectError(f"{self.path}: no such score index; make it with clipselect index")
        try:
            self._file = pq.ParquetFile(self.path, memory_map=True)
            description = json.loads((self._file.schema_arrow.metadata or {})[b"clipselect"])
            if (version := description.pop("version")) != VERSION:
                raise ClipselectError(f"{self.path}: an index of version {version}, not {VERSION}; make it again")
            self.scoring = Scoring(**description)
            groups = [self._file.metadata.row_group(i).column(0) for i in range(self._file.metadata.num_row_groups)]
            self._first_paths = [group.statistics.min for group in groups]
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as e:
            raise ClipselectError(f"{self.path}: not a score index; make it with clipselect index") from e
        self._group = lru_cache(maxsize=2)(self._read_group)
        self._heads = lru_cache(maxsize=8)(self._read_heads)

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def close(self) -> None:
        """Let go of the file, which Windows does not replace while it is open."""
        self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def entry(self, path: Path | str) -> Entry | None:
        """What it knows of a video, by the path it was indexed under or the one that its links lead to."""
        for name in dict.fromkeys((stored_path(path), stored_path(os.path.realpath(path)))):
            group, row, _ = self._find(name)
            if row is not None:
                return from_row(self._group(group).slice(row, 1).to_pylist()[0])
        return None

    def head(self, path: Path | str) -> Entry | None:
        """The entry that a video was indexed under, without its clips and scores: quick, to go through many."""
        return self._find(stored_path(path))[2]

    def _find(self, name: str) -> tuple[int, int | None, Entry | None]:
        group = bisect.bisect_right(self._first_paths, name) - 1
        return (group, *self._heads(group).get(name, (None, None))) if group >= 0 else (group, None, None)

    def _read_heads(self, group: int) -> dict[str, tuple[int, Entry]]:
        rows = self._read_group(group, ["path", "size", "mtime_ns", "fps", "error"]).to_pylist()
        return {row["path"]: (i, Entry(**row)) for i, row in enumerate(rows)}

    def rows(self) -> Iterator[Row]:
        """All rows, sorted by path."""
        for i in range(self._file.metadata.num_row_groups):
            yield from self._read_group(i).to_pylist()

    def _read_group(self, i: int, columns: list[str] | None = None) -> pa.Table:
        # no threads of Arrow's own: they do not survive a fork
        return self._file.read_row_group(i, columns=columns, use_threads=False)
