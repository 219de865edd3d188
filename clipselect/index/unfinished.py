"""The entries of an index that is being built: an SQLite file beside it, kept until the index is written.

An entry that was added survives the death of this process, in whatever way it dies, and is found by the next one. Only
if the machine dies the last few may be lost. One process at a time has the file open; its lock ends with the process.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.entry import Entry, Row, Scoring, from_row, to_row

TABLES = "CREATE TABLE made_with (scoring TEXT)", "CREATE TABLE entries (path TEXT PRIMARY KEY, row TEXT)"


def unfinished_path(index: Path) -> Path:
    """The file beside an index that holds what is finished of it."""
    return index.parent / f"{index.name}.unfinished"


class Unfinished:
    """Entries on disk, by path.

    Args:
        path: the SQLite file, new or not.
        scoring: how all its scores are made.
        overwrite: give up what the file holds if it was made otherwise.

    Raises:
        ClipselectError: the file cannot be written, or another process has it open.
        ArgumentError: it was made otherwise, and `overwrite` is not set.
    """

    def __init__(self, path: Path, scoring: Scoring, *, overwrite: bool = False) -> None:
        self.path = path
        self._db = _open_locked(path)
        try:
            found = self._made_with()
            if found != scoring:
                if found is not None and len(self) and not overwrite:
                    raise ArgumentError(
                        "overwrite",
                        f"must be set to give up the unfinished work in {path}, which is of {found}, not of {scoring}; "
                        "or finish it with the same options",
                    )
                self._begin(scoring)
        except (sqlite3.DatabaseError, ValueError, TypeError) as e:
            self._db.close()
            if not overwrite:
                raise ArgumentError(
                    "overwrite",
                    f"must be set to replace {path}, which is damaged or something else than unfinished work; "
                    "or move it away",
                ) from e
            for file in (path, path.with_name(f"{path.name}-wal")):
                file.unlink(missing_ok=True)
            self._db = _open_locked(path)
            self._begin(scoring)
        except ClipselectError:
            self._db.close()
            raise
        self._execute("PRAGMA journal_mode=WAL")  # commits are appended to a second file

    def _made_with(self) -> Scoring | None:
        """What the file holds; None if it is new."""
        if not self._db.execute("SELECT * FROM sqlite_master").fetchone():
            return None
        (record,) = self._db.execute("SELECT scoring FROM made_with").fetchone()
        (problem,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        return Scoring(**json.loads(record))

    def _begin(self, scoring: Scoring) -> None:
        self._execute("BEGIN")
        for name in ("made_with", "entries"):
            self._execute(f"DROP TABLE IF EXISTS {name}")
        for table in TABLES:
            self._execute(table)
        self._execute("INSERT INTO made_with VALUES (?)", json.dumps(scoring.record()))
        self._execute("COMMIT")

    def __len__(self) -> int:
        (count,) = self._execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def add(self, entry: Entry) -> None:
        """Keep an entry, instead of an earlier one of the same path: from now on it survives this process."""
        self._execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", entry.path, json.dumps(to_row(entry)))

    def get(self, path: str) -> Entry | None:
        """The entry of a stored path."""
        found = self._execute("SELECT row FROM entries WHERE path = ?", path).fetchone()
        return from_row(json.loads(found[0])) if found else None

    def rows(self) -> Iterator[Row]:
        """The rows of all entries, sorted by path."""
        for (row,) in self._execute("SELECT row FROM entries ORDER BY path"):
            yield json.loads(row)

    def close(self, *, keep: bool = True) -> None:
        """Let other processes have the file, or delete it if it is not to be kept or holds no entry."""
        if keep and len(self):
            self._db.close()
            return
        with suppress(sqlite3.OperationalError):  # a full disk
            self._db.execute("PRAGMA journal_mode=DELETE")  # or closing would delete the second file of a successor
        if os.name != "nt":  # while it is locked: after that, another process may have opened it
            self.path.unlink(missing_ok=True)
        self._db.close()
        if os.name == "nt":  # Windows deletes no open file, its successor's neither
            with suppress(PermissionError):
                self.path.unlink(missing_ok=True)

    def _execute(self, statement: str, *values: str) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.OperationalError as e:
            raise ClipselectError(
                f"{self.path}: cannot be written ({e}); make room on the disk and index again, what is finished is kept"
            ) from e


def _open_locked(path: Path) -> sqlite3.Connection:
    """The file, made if need be. Until it is closed or this process ends, no other process can open it."""
    while True:
        try:
            path.touch()
        except OSError as e:
            raise ClipselectError(f"{path}: cannot be written ({e.strerror}); choose another place") from e
        with suppress(FileNotFoundError):
            before = path.stat()
            db = _locked(path)
            if os.path.samestat(before, path.stat()):
                return db
            db.close()  # another process has finished in between and removed it


def _locked(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path.absolute(), timeout=0, isolation_level=None)
        db.execute("PRAGMA synchronous=NORMAL")  # writes are not waited for, but their order survives the machine
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # keeps the first lock
        db.execute("BEGIN EXCLUSIVE")
        db.execute("COMMIT")
    except sqlite3.OperationalError as e:
        if "locked" in str(e):
            raise ClipselectError(f"{path}: another process builds this index; wait for it or choose another") from None
        raise ClipselectError(f"{path}: cannot be opened ({e}); choose another place") from e
    except sqlite3.DatabaseError:
        pass  # no SQLite file: its reader will notice
    return db
