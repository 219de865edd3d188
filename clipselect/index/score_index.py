"""The score index: one Parquet file with one row per video, sorted by path.

| column | type | |
|---|---|---|
| `path` | string | absolute; bytes that are not UTF-8 appear as `\\xHH` |
| `size`, `mtime_ns` | int64 | when it was read, in bytes and ns since 1970 (folder: sum, maximum); null if absent |
| `fps` | double | frames per second given for a folder of frames; null for a file |
| `error` | string | why the video could not be scored; null if it was |
| `warnings` | list of string | what the reader noticed |
| `duration`, `start_time` | double | seconds from the first frame to the end; the container's time of the first frame |
| `clock` | int64 | every time of the row is a whole number of 1/clock seconds, so that it can be restored exactly |
| `start`, `end` | list of double | seconds from the first frame, one element per candidate clip, in time order |
| `first_frame`, `frames` | list of int32 | the frames of every clip: the first one, counted from 0, and how many |
| `score` | list of float | the clip's score in (0, 1) |

    pandas.read_parquet("scores.parquet").explode(["start", "end", "first_frame", "frames", "score"])
    duckdb: select path, unnest(start) as start, unnest(score) as score from 'scores.parquet'

The file's metadata holds under `clipselect` how the scores were made (`Scoring`).
"""

import bisect
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clipselect.index.entry import Entry, Row, Scoring, from_row
from clipselect.index.index_file import IndexFormat, stored_path

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
FORMAT = IndexFormat("score index", "clipselect index", None, SCHEMA)


def write_index(path: Path, scoring: Scoring, rows: Iterator[Row]) -> None:
    """Write rows that come sorted by path."""
    with pq.ParquetWriter(path, FORMAT.described(scoring.record()), compression="zstd") as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            if len(group) >= ROWS_PER_GROUP or sum(len(one["score"]) for one in group) >= CLIPS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(group, SCHEMA))
                group = []
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
        with FORMAT.reading(self.path) as (self._file, made_with):
            self.scoring = Scoring(**made_with)
            groups = [self._file.metadata.row_group(i).column(0) for i in range(self._file.metadata.num_row_groups)]
            self._first_paths = [group.statistics.min for group in groups]
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

    def paths(self) -> list[str]:
        """The paths of all videos, sorted."""
        groups = range(self._file.metadata.num_row_groups)
        return [path for i in groups for path in self._read_group(i, ["path"])["path"].to_pylist()]

    def rows(self) -> Iterator[Row]:
        """All rows, sorted by path."""
        for i in range(self._file.metadata.num_row_groups):
            yield from self._read_group(i).to_pylist()

    def _read_group(self, i: int, columns: list[str] | None = None) -> pa.Table:
        # no threads of Arrow's own: they do not survive a fork
        return self._file.read_row_group(i, columns=columns, use_threads=False)
