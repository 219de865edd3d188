"""What the index files of clips and of frames have in common.

Both are Parquet, sorted by path. The metadata holds under `clipselect` the version of the format and how the scores
were made, as JSON. A row has the path of a video or an image as `stored_path` writes it, and its `signature`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipselect.errors import ClipselectError
from clipselect.media.text import utf8

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

VERSION = 1


@dataclass(frozen=True)
class IndexFormat:
    """One kind of index file.

    Attributes:
        name: as errors name it, such as "score index".
        made_by: the command that makes one.
        kind: as the metadata has it; None for clips.
        schema: the columns.
    """

    name: str
    made_by: str
    kind: str | None
    schema: "pa.Schema"

    def described(self, made_with: Mapping[str, Any]) -> "pa.Schema":
        """The schema of a file whose scores were made with this model and these options."""
        kind = {} if self.kind is None else {"kind": self.kind}
        return self.schema.with_metadata({"clipselect": json.dumps({"version": VERSION, **kind, **made_with})})

    @contextmanager
    def reading(self, path: Path) -> "Iterator[tuple[pq.ParquetFile, dict[str, Any]]]":
        """The file, memory-mapped, and what its scores were made with.

        Raises:
            ClipselectError: no such file, a file of another kind or version, or the block has failed to read it.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not os.path.isfile(path):
            raise ClipselectError(f"{path}: no such {self.name}; make it with {self.made_by}")
        try:
            file = pq.ParquetFile(path, memory_map=True)
            made_with = json.loads((file.schema_arrow.metadata or {})[b"clipselect"])
            version = made_with.pop("version")
            if made_with.pop("kind", None) != self.kind:
                raise ValueError("an index of another kind")
            if version != VERSION:
                raise ClipselectError(f"{path}: a {self.name} of version {version}, not {VERSION}; make it again")
            yield file, made_with
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as e:
            raise ClipselectError(f"{path}: not a {self.name}; make it with {self.made_by}") from e


def stored_path(path: Path | str) -> str:
    r"""The path as an index holds it: absolute, with bytes that are not UTF-8 as \xHH.

    >>> stored_path("/videos/b/../a.mp4")
    '/videos/a.mp4'
    """
    return utf8(os.path.abspath(path))  # noqa: PTH100 (keeps links)


def signature(path: Path | str) -> tuple[int, int] | tuple[None, None]:
    """Size in bytes and time of change in ns since 1970, by which a changed file is noticed; None if it is not there.

    Of a folder: the sum and the maximum over its visible files.
    """
    try:
        if not os.path.isdir(path):
            stat = os.stat(path)  # noqa: PTH116
            return stat.st_size, stat.st_mtime_ns
        with os.scandir(path) as files:
            stats = [file.stat() for file in files if not file.name.startswith(".") and file.is_file()]
        return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)
    except (OSError, ValueError):
        return None, None
