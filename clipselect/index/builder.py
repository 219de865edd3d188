"""Building a score index that survives: finished videos are appended to a journal at once, and the index is written
whole at the end.

`scores.parquet.journal` beside the index is text: a line that says how scores are made, then one row of the table per
line as JSON. A process that is killed leaves at most half a line, which the next one cuts off.
"""

import heapq
import json
import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from clipselect.errors import ClipselectError
from clipselect.index.score_index import Entry, Row, ScoreIndex, Scoring, from_row, stored_path, to_row, write_index
from clipselect.media.files import check_writable, whole_file


class IndexBuilder:
    """Adds entries to an index, new or not. One process at a time; a context manager.

    Args:
        path: the Parquet file.
        scoring: how all its scores are made.
        overwrite: give up what an index or a journal holds that was made otherwise.

    Raises:
        ClipselectError: the place cannot be written to, another process builds the same index, or there is an index or
            a journal that was made otherwise.
    """

    def __init__(self, path: Path, scoring: Scoring, *, overwrite: bool = False) -> None:
        check_writable(path)
        self.path, self.scoring = path, scoring
        self.journal_path = path.with_name(f"{path.name}.journal")
        self._offsets: dict[str, int] = {}
        self._journal = _open_locked(self.journal_path)  # before the index is read: it must not change any more
        try:
            self.old = self._old_index(overwrite) if path.exists() else None
            self._read_journal(overwrite)
        except ClipselectError:
            if os.fstat(self._journal.fileno()).st_size == 0:
                self.journal_path.unlink()
            self._journal.close()
            raise

    def __enter__(self) -> "IndexBuilder":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._offsets:
            self.journal_path.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk has been told of
            self._journal.close()

    def _old_index(self, overwrite: bool) -> ScoreIndex | None:
        try:
            old = ScoreIndex(self.path)
        except ClipselectError as e:
            if overwrite:
                return None
            what = str(e).split(";")[0]
            raise ClipselectError(
                f"{what}, and it would be written over; choose another name, or add --overwrite"
            ) from None
        if old.scoring == self.scoring:
            return old
        if overwrite:
            return None
        raise ClipselectError(
            f"{self.path}: was made with {old.scoring}, not with {self.scoring}; give the same options, another "
            "name, or --overwrite to give its scores up"
        )

    def _read_journal(self, overwrite: bool) -> None:
        journal = self._journal
        journal.seek(0)
        header = json.dumps(self.scoring.record()).encode() + b"\n"
        found = journal.readline()
        if found != header:
            foreign = not header.startswith(found) and _scoring(found) is None
            if (journal.readline() or foreign) and not overwrite:
                raise ClipselectError(
                    f"{self.journal_path}: holds unfinished work of {_scoring(found) or 'something else'}, not of "
                    f"{self.scoring}; finish it with the same options, or add --overwrite to give it up"
                )
            journal.truncate(0)
            journal.write(header)
            journal.flush()
            return
        while line := journal.readline():
            offset = journal.tell() - len(line)
            if not line.endswith(b"\n"):
                journal.truncate(offset)
                break
            try:
                self._offsets[json.loads(line)["path"]] = offset
            except (ValueError, TypeError, KeyError) as e:
                raise ClipselectError(f"{self.journal_path}: is damaged; delete it and index again") from e

    @property
    def resumed(self) -> int:
        """How many videos an earlier, unfinished run has left in the journal."""
        return len(self._offsets)

    def known(self, path: Path, fps: float) -> Entry | None:
        """The entry (perhaps without clips) of a video that need not be read again, since its file has not changed."""
        name = stored_path(path)
        if name in self._offsets:
            entry: Entry | None = from_row(self._row(self._offsets[name]))
        else:
            entry = None if self.old is None else self.old.head(path)
        return entry if entry is not None and entry.same_video(Entry.before(path, fps)) else None

    def add(self, entry: Entry) -> None:
        """Keep an entry: from now on it survives the end of this process."""
        line = json.dumps(to_row(entry)).encode() + b"\n"
        try:
            offset = self._journal.seek(0, os.SEEK_END)
            self._journal.write(line)
            self._journal.flush()
        except OSError as e:
            raise ClipselectError(
                f"{self.journal_path}: cannot be written ({e.strerror}); make room and give the same command again, "
                f"{len(self._offsets)} videos are kept"
            ) from e
        self._offsets[entry.path] = offset

    def finish(self, only: Container[str] | None = None) -> int:
        """Write the index, old entries and new ones, and remove the journal; the number of its videos.

        Args:
            only: stored paths to keep; all by default.
        """
        if self.old and not self._offsets and only is None:
            self.journal_path.unlink()
            return len(self.old)
        kept = (row for row in self.old.rows() if row["path"] not in self._offsets) if self.old else iter(())
        added = (self._row(self._offsets[path]) for path in sorted(self._offsets))
        rows = heapq.merge(kept, added, key=lambda row: row["path"])
        with whole_file(self.path) as part:
            write_index(part, self.scoring, (row for row in rows if only is None or row["path"] in only))
        self.journal_path.unlink()
        return len(ScoreIndex(self.path))

    def _row(self, offset: int) -> Row:
        self._journal.seek(offset)
        row: dict[str, Any] = json.loads(self._journal.readline())
        return row


def _open_locked(path: Path) -> BinaryIO:
    try:
        import fcntl
    except ImportError as e:
        raise ClipselectError("clipselect index needs the file locks of Linux or macOS; use it there, or WSL") from e
    while True:
        try:
            file = path.open("a+b")
        except OSError as e:
            raise ClipselectError(f"{path}: cannot be written ({e.strerror}); choose another place") from e
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ClipselectError(f"{path}: another process builds this index; wait for it or choose another") from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # another process has finished in between and removed it


def _scoring(header: bytes) -> Scoring | None:
    try:
        return Scoring(**json.loads(header))
    except (TypeError, ValueError):
        return None
