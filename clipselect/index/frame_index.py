"""The frame index: one Parquet file with the score of every image of a data set, sorted by path.

| column | type | |
|---|---|---|
| `path` | string | absolute; bytes that are not UTF-8 appear as `\\xHH` |
| `size`, `mtime_ns` | int64 | when it was read, in bytes and ns since 1970 |
| `group` | string | the set, track or tracklet that it was scored in |
| `score` | float | in (0, 1) |

The file's metadata holds under `clipselect` the name and the fingerprint of the DDNet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from clipselect.errors import ClipselectError
from clipselect.index.index_file import IndexFormat, signature, stored_path
from clipselect.media.files import whole_file
from clipselect.media.text import utf8
from clipselect.scoring.scorer import Scorer

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("group", pa.string()),
        ("score", pa.float32()),
    ]
)
FORMAT = IndexFormat("frame index", "the index option of clipselect faces or reid", "frames", SCHEMA)


def check_replaceable(path: Path) -> None:
    """Raise a ClipselectError if writing a frame index here would replace another kind of file."""
    if not path.is_file():
        return
    try:
        with FORMAT.reading(path):
            pass
    except ClipselectError as e:
        raise ClipselectError(f"{path}: exists and is not a frame index; choose another name or delete it") from e


def write_frame_index(path: Path, scorer: Scorer, frames: Iterable[tuple[str | Path, str, float]]) -> None:
    """Write a frame index, whole or not at all.

    Args:
        frames: path, name of the group and score of every image, in any order.
    """
    rows = []
    for image, group, score in frames:
        size, mtime = signature(image)
        rows.append({"path": stored_path(image), "size": size, "mtime_ns": mtime, "group": utf8(group), "score": score})
    rows.sort(key=lambda row: str(row["path"]))
    schema = FORMAT.described({"model": scorer.name, "sha256": scorer.metadata["sha256"]})
    with whole_file(path) as part:
        pq.write_table(pa.Table.from_pylist(rows, schema), part, compression="zstd")


@dataclass(frozen=True)
class FrameIndex:
    """A frame index in memory, about 200 bytes an image.

    Attributes:
        model, sha256: name and fingerprint of the DDNet that made the scores.
    """

    path: Path
    model: str
    sha256: str
    _rows: dict[str, tuple[int, int, float]]

    @classmethod
    def open(cls, path: Path | str) -> "FrameIndex":
        """Read an index.

        Raises:
            ClipselectError: no such file, or not a frame index that clipselect wrote.
        """
        path = Path(path)
        with FORMAT.reading(path) as (file, made_with):
            table = file.read()
            columns = [table.column(name).to_pylist() for name in ("path", "size", "mtime_ns", "score")]
            rows = {name: (size, mtime, score) for name, size, mtime, score in zip(*columns, strict=True)}
            return cls(path, made_with["model"], made_with["sha256"], rows)

    def __len__(self) -> int:
        return len(self._rows)

    def score(self, path: Path | str) -> float | None:
        """The score of an image; None if the index lacks it or the image has changed since."""
        row = self._rows.get(stored_path(path))
        return None if row is None or row[0] is None or row[:2] != signature(path) else row[2]
