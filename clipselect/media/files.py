"""Files that are written whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from clipselect.errors import ClipselectError

Kind = Literal["html", "markdown", "csv", "json"]
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "html": (".html", ".htm"), "markdown": (".md", ".markdown", ".txt"), "csv": (".csv", ".txt"),
    "json": (".json", ".txt"),
}  # fmt: skip
"""That a file of a kind may have."""
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def check_writable(path: Path) -> None:
    """Raise a ClipselectError now, rather than after the work, if this file could not be written."""
    try:
        if path.is_dir():
            raise ClipselectError(f"{path}: is a folder; give the name of a file to write")
        if path.exists() and not os.access(path, os.W_OK):
            raise ClipselectError(f"{path}: is write-protected; choose another name")
        if _is_special(path):
            return
        folder = path.resolve().parent
        if not folder.is_dir():
            raise ClipselectError(f"{path}: the folder {folder} does not exist; create it first")
        probe = _part(path.resolve())
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise ClipselectError(f"{path}: cannot be written ({e.strerror}); choose another place") from e


def check_name(path: Path, kind: Kind) -> None:
    """Raise a ClipselectError if the name of a file to write says that it holds something else; a name without a suffix
    says nothing."""
    suffixes = SUFFIXES[kind]
    if path.suffix and path.suffix.lower() not in suffixes:
        what = {"html": "a page"}.get(kind, f"the {kind} output")
        raise ClipselectError(f"{path}: {what} must be named {suffixes[0]}, not {path.suffix}; choose another name")


def make_folder(folder: Path) -> None:
    """Create a folder that can be written to, or raise a ClipselectError that says why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ClipselectError(f"{folder}: cannot be made a folder ({e.strerror}); choose another place") from e
    check_writable(folder / "file")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to; the file appears under `path` whole, when the block is done, or not at all.

    >>> path = Path("out.txt")
    >>> with whole_file(path) as part:
    ...     _ = part.write_text("all of it")
    ...     path.exists()
    False
    >>> path.read_text()
    'all of it'

    Symbolic links are followed; pipes and devices are written to as they are.

    Raises:
        ClipselectError: an OSError within the block: the file cannot be written.
    """
    target = path.resolve()
    part = target if _is_special(path) else _part(target)
    try:
        yield part
        if part != target:
            part.replace(target)
    except OSError as e:
        remedy = "make room and run it again" if e.errno in DISK_FULL else "choose another place"
        raise ClipselectError(f"{path}: cannot be written ({e.strerror or e}); {remedy}") from e
    finally:
        if part != target:
            with suppress(OSError):
                part.unlink()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; text as UTF-8."""
    with whole_file(path) as part:
        part.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _part(path: Path) -> Path:
    """A name that no other thread, process or machine uses which writes the same file."""
    name = os.fsdecode(os.fsencode(path.name)[:200])
    return path.with_name(f".{name}.{secrets.token_hex(4)}.part")
