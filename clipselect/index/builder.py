"""Building a score index: finished videos are kept at once in an SQLite file, the index is written whole at the end."""

import heapq
from collections.abc import Container, Iterator
from pathlib import Path

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.entry import Entry, Row, Scoring
from clipselect.index.index_file import stored_path
from clipselect.index.score_index import ScoreIndex, write_index
from clipselect.index.unfinished import Unfinished, unfinished_path
from clipselect.media.files import check_writable, whole_file


class IndexBuilder:
    """Adds entries to an index, new or not. One process at a time; a context manager.

    Args:
        path: the Parquet file.
        scoring: how all its scores are made.
        overwrite: give up what an index or unfinished work holds that was made otherwise.

    Attributes:
        old: the index that entries are added to; None if it is new.
        resumed: how many videos an earlier, unfinished run has kept.

    Raises:
        ClipselectError: the place cannot be written to, or another process builds the same index.
        ArgumentError: there is an index or unfinished work that was made otherwise, and `overwrite` is not set.
    """

    def __init__(self, path: Path, scoring: Scoring, *, overwrite: bool = False) -> None:
        check_writable(path)
        self.path, self.scoring, self._finished = path, scoring, False
        self.unfinished_path = unfinished_path(path)
        self._unfinished = Unfinished(self.unfinished_path, scoring, overwrite=overwrite)
        try:  # only now that no other process can change the index any more
            self.old = self._old_index(overwrite) if path.exists() else None
            self.resumed = len(self._unfinished)
        except ClipselectError:
            self._unfinished.close()
            raise

    def __enter__(self) -> "IndexBuilder":
        return self

    def __exit__(self, *_: object) -> None:
        self._unfinished.close(keep=not self._finished)

    def _old_index(self, overwrite: bool) -> ScoreIndex | None:
        try:
            old = ScoreIndex(self.path)
        except ClipselectError as e:
            problem = str(e).removeprefix(f"{self.path}: ").split(";")[0]
        else:
            if old.scoring == self.scoring:
                return old
            problem = f"made with {old.scoring}, not with {self.scoring}"
        if overwrite:
            return None
        raise ArgumentError(
            "overwrite", f"must be set to replace {self.path} ({problem}); or give the same options or another name"
        )

    def known(self, path: Path, fps: float) -> Entry | None:
        """The entry (perhaps without clips) of a video that need not be read again, since its file has not changed."""
        entry = self._unfinished.get(stored_path(path)) if self.resumed else None
        if entry is None and self.old is not None:
            entry = self.old.head(path)
        return entry if entry is not None and entry.same_video(Entry.before(path, fps)) else None

    def add(self, entry: Entry) -> None:
        """Keep an entry, instead of an earlier one of the same video: from now on it survives this process."""
        self._unfinished.add(entry)

    def finish(self, only: Container[str] | None = None) -> int:
        """Write the index, old entries and new ones; the number of its videos.

        Args:
            only: stored paths to keep; all by default.
        """
        if self.old is None or len(self._unfinished) or only is not None:
            rows = self._rows()
            with whole_file(self.path) as part:
                write_index(part, self.scoring, (row for row in rows if only is None or row["path"] in only))
                if self.old is not None:
                    self.old.close()  # Windows replaces no open file
        self._finished = True
        return len(ScoreIndex(self.path))

    def _rows(self) -> Iterator[Row]:
        """Sorted by path; the first row of a path is the newest one."""
        last = None
        old = self.old.rows() if self.old is not None else iter(())
        for row in heapq.merge(self._unfinished.rows(), old, key=lambda row: str(row["path"])):
            if row["path"] != last:
                yield row
            last = row["path"]
