"""The file of an unfinished index: what is added survives, a second writer is refused, foreign files are left alone."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index import unfinished
from clipselect.index.entry import Entry, Scoring, to_row
from clipselect.index.unfinished import Unfinished

SCORING = Scoring("m", "0" * 64, "1", "1")
OTHER = replace(SCORING, stride="1/10")


def entry(name: str, size: int = 1) -> Entry:
    return Entry(f"/{name}.mp4", size, 1, None, f"an error of {name}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.parquet.unfinished"


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def filled(path: Path, *names: str) -> None:
    """What a run leaves behind that was stopped after so many videos."""
    opened = Unfinished(path, SCORING)
    for name in names:
        opened.add(entry(name))
    opened.close()


def names(path: Path, scoring: Scoring = SCORING) -> list[str]:
    opened = Unfinished(path, scoring)
    found = [row["path"] for row in opened.rows()]
    opened.close()
    return found


def test_entries_come_back_in_order_and_the_last_of_a_path_counts(path: Path) -> None:
    opened = Unfinished(path, SCORING)
    for name in ("b", "日本", "a\0b", "a", "ä", "𝄞"):
        opened.add(entry(name))
    opened.add(entry("b", size=2))
    found = opened.get("/b.mp4")
    assert len(opened) == 6 and found is not None and found.size == 2 and opened.get("/c.mp4") is None
    assert [row["path"] for row in opened.rows()] == sorted(f"/{n}.mp4" for n in ("a", "a\0b", "b", "ä", "日本", "𝄞"))
    assert [*opened.rows()][2] == to_row(entry("b", size=2))
    opened.close()


def test_what_is_added_is_found_by_the_next_run(path: Path) -> None:
    filled(path, "b", "a")
    assert names(path) == names(path) == ["/a.mp4", "/b.mp4"]
    assert files(path) == [path.name]


def test_no_file_stays_that_holds_nothing_or_is_not_to_be_kept(path: Path) -> None:
    filled(path)
    assert files(path) == []
    filled(path, "a")
    Unfinished(path, SCORING).close(keep=False)
    assert files(path) == []


KILLED = """
import sys
from pathlib import Path
from clipselect.index.entry import Entry, Scoring
from clipselect.index.unfinished import Unfinished

opened = Unfinished(Path(sys.argv[1]), Scoring("m", "0" * 64, "1", "1"))
for i in range(len(opened), 10**9):
    opened.add(Entry(f"/{i:09}.mp4", 1, 1, None, "e" * 3000))
    print(i, flush=True)
"""


@pytest.mark.processes
def test_a_process_killed_at_any_moment_loses_nothing_that_it_added(path: Path) -> None:
    last = -1
    for lines in (1, 30, 400):  # within the first page of the file, and while entries move from one file to the other
        with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(lines):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            last = int((process.stdout.read().splitlines() or [last])[-1])
        found = names(path)
        assert found == [f"/{i:09}.mp4" for i in range(len(found))] and last + 1 <= len(found) <= last + 2


@pytest.mark.parametrize("left", [0.0, 0.3, 0.7, 0.97, 1.0])
def test_half_an_entry_is_cut_off(path: Path, tmp_path: Path, left: float) -> None:
    opened = Unfinished(path, SCORING)
    for name in "abc":
        opened.add(entry(name))
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / path.name
    for file in (path.name, f"{path.name}-wal"):  # as a process leaves them that is killed now
        shutil.copy(path.with_name(file), copy.with_name(file))
    opened.close()
    size = copy.with_name(f"{path.name}-wal").stat().st_size
    os.truncate(copy.with_name(f"{path.name}-wal"), int(size * left))
    found = names(copy)
    assert found == ["/a.mp4", "/b.mp4", "/c.mp4"][: len(found)]
    assert (len(found) == 3) == (left == 1.0)
    filled(copy, "d")
    assert names(copy) == [*found, "/d.mp4"]


@pytest.mark.processes
def test_a_second_process_is_refused_at_once(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "0\n"
        with pytest.raises(ClipselectError, match="another process builds this index") as e:
            Unfinished(path, SCORING)
        process.kill()
    assert str(e.value).startswith(f"{path}: ")
    assert len(names(path)) >= 1


def test_a_second_writer_of_the_same_process_is_refused_and_changes_nothing(path: Path) -> None:
    opened = Unfinished(path, SCORING)
    for overwrite in (False, True):
        with pytest.raises(ClipselectError, match="another process builds this index"):
            Unfinished(path, OTHER, overwrite=overwrite)
    opened.add(entry("a"))
    opened.close()
    assert names(path) == ["/a.mp4"]


@pytest.fixture
def finished_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another run finishes, and deletes the file, between the moments at which this one opens it and locks it."""
    connect, others = sqlite3.connect, [Unfinished(path, SCORING)]

    def opened(*args: Any, **options: Any) -> sqlite3.Connection:
        mine = connect(*args, **options)
        while others:
            others.pop().close(keep=False)
        return mine

    monkeypatch.setattr(unfinished.sqlite3, "connect", opened)
    yield
    assert others == []


@pytest.mark.usefixtures("finished_meanwhile")
def test_a_file_that_is_deleted_before_it_is_locked_is_not_written_to(path: Path) -> None:
    filled(path, "mine")
    assert names(path) == ["/mine.mp4"]


@pytest.mark.parametrize(
    "content", [b"my notes", b"my notes\n" * 1000, b'{"model": 1}\n', b"SQLite format 3\0", "tables"]
)
def test_a_foreign_file_is_left_alone(path: Path, content: bytes | str) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (x)")
        other.close()
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match=r"s\.parquet\.unfinished") as e:
        Unfinished(path, SCORING)
    assert e.value.argument == "overwrite" and path.read_bytes() == before and files(path) == [path.name]
    Unfinished(path, SCORING, overwrite=True).close()
    assert files(path) == []


@pytest.mark.parametrize("damage", [b"\0", b"\xff"])
def test_a_damaged_file_is_refused_and_kept(path: Path, damage: bytes) -> None:
    filled(path, *(f"{i}" * 100 for i in range(300)))
    content = path.read_bytes()
    path.write_bytes(content[:12_000] + damage * 10_000 + content[22_000:])
    with pytest.raises(ArgumentError, match="damaged") as e:
        Unfinished(path, SCORING)
    assert str(path) in str(e.value) and path.stat().st_size == len(content)
    Unfinished(path, SCORING, overwrite=True).close()
    assert files(path) == []


def test_work_of_other_options_is_refused_and_both_are_named(path: Path) -> None:
    filled(path, "a", "b")
    with pytest.raises(ArgumentError, match=r"every 1 s, not of .* every 0\.1 s") as e:
        Unfinished(path, OTHER)
    assert e.value.argument == "overwrite" and str(path) in str(e.value)
    assert names(path) == ["/a.mp4", "/b.mp4"]
    Unfinished(path, OTHER, overwrite=True).close()
    assert files(path) == []


def test_an_empty_file_of_other_options_is_no_obstacle(path: Path) -> None:
    opened = Unfinished(path, SCORING)
    shutil.copy(path, path.with_name("copy"))
    opened.close()
    path.with_name("copy").rename(path)
    assert names(path, OTHER) == []
    path.touch()  # killed before it wrote anything
    assert names(path) == []


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 60 kB."""
    resource = pytest.importorskip("resource")  # of POSIX
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_with_what_to_do_and_what_was_added_is_kept(
    path: Path, request: pytest.FixtureRequest
) -> None:
    opened, added = Unfinished(path, SCORING), list[str]()
    request.getfixturevalue("full_disk")
    with pytest.raises(ClipselectError, match="make room") as e:
        for i in range(100, 200):
            opened.add(Entry(f"/{i}.mp4", 1, 1, None, "e" * 1000))
            added.append(f"/{i}.mp4")
    assert str(e.value).startswith(f"{path}: ") and 0 < len(added) == len(opened)
    opened.close()
    assert names(path) == added


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="none/s: cannot be written"):
        Unfinished(tmp_path / "none" / "s", SCORING)
