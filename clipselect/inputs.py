"""Which videos are meant: by folders, wildcards, lists of paths, or one by one."""

import csv
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipselect.errors import ClipselectError
from clipselect.sources import IMAGE_SUFFIXES

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".ogv"}
    | {".3gp", ".vob", ".mxf", ".gif"}
)
LIST_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
PATH_COLUMNS = ("path", "video_path", "video", "file", "filename", "filepath")


def expand(patterns: Iterable[str]) -> list[Path]:
    """The paths as they are; those that do not exist and hold wildcards become what they match, sorted.

    What matches nothing stays, to be reported like any other missing file.
    """
    paths: list[Path] = []
    for pattern in patterns:
        literal = os.path.exists(pattern) or not glob.has_magic(pattern)
        matches = [] if literal else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        paths += map(Path, matches or [pattern])
    return paths


def find_videos(patterns: Iterable[str], prefix: Path | None = None) -> list[Path]:
    """All videos meant, in the order given.

    Args:
        patterns: files, wildcards, folders (searched to the bottom, where a folder that holds images is one video), and
            lists of paths (.csv, .tsv, .txt; see `listed`).
        prefix: folder that the paths of lists count from.

    Raises:
        ClipselectError: wildcards that match nothing, a folder without videos, or a list without paths.
    """
    found: list[Path] = []
    for path in expand(patterns):
        if os.path.isdir(path):
            inside = [*_below(path, set())]
            if not inside:
                raise ClipselectError(f"{path}: a folder without videos or images; check the path")
            found += inside
        elif path.suffix.lower() in LIST_SUFFIXES and os.path.isfile(path):
            found += listed(path, prefix)
        elif glob.has_magic(str(path)) and not os.path.lexists(path):
            raise ClipselectError(f"{path}: nothing matches; check the pattern and the folder")
        else:
            found.append(path)
    return found


def listed(path: Path, prefix: Path | None = None) -> list[Path]:
    """The paths of a list: its column `path` (or video, file, filename, ...) if it has a header, otherwise one path a
    line, by itself, before a label as PyTorchVideo writes it ("a.mp4 3"), or before a comma.

    A path that is not absolute counts from the `prefix`, or else from the current folder, or if it is not there from
    the list's.
    """
    try:
        lines = [line for line in path.read_text("utf-8-sig", "surrogateescape").splitlines() if line.strip()]
    except OSError as e:
        raise ClipselectError(f"{path}: cannot be read ({e.strerror}); check its permissions") from e
    separator = "\t" if lines and "\t" in lines[0] else ","
    header = [name.strip().lower() for name in next(csv.reader(lines[:1], delimiter=separator), [])]
    column = next((header.index(name) for name in PATH_COLUMNS if name in header), None)
    if column is not None:
        rows = csv.reader(lines[1:], delimiter=separator)
        names = [row[column].strip() for row in rows if len(row) > column and row[column].strip()]
    else:
        names = [_without_label(line.strip(), prefix or path.parent) for line in lines if not line.startswith("#")]
    if not names:
        raise ClipselectError(f"{path}: a list without paths; write one path a line, or a column named path")
    return [prefix / name if prefix else _resolved(Path(name), path.parent) for name in names]


def _without_label(line: str, folder: Path) -> str:
    if os.path.exists(line) or os.path.exists(folder / line):
        return line
    if "," in line:
        return next(csv.reader([line]))[0].strip()
    words = line.rsplit(None, 1)
    return words[0] if len(words) == 2 and words[1].lstrip("-").isdecimal() else line


def _resolved(path: Path, folder: Path) -> Path:
    beside = folder / path
    return beside if not os.path.exists(path) and os.path.exists(beside) else path


def _below(folder: Path, above: set[str]) -> Iterator[Path]:
    """Videos in a folder and those below it, sorted; links are followed, but never in a circle."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted((e for e in os.scandir(folder) if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as e:
        raise ClipselectError(f"{folder}: cannot be read ({e.strerror}); check its permissions") from e
    if any(os.path.splitext(e.name)[1].lower() in IMAGE_SUFFIXES and os.path.isfile(e) for e in entries):  # noqa: PTH122
        yield folder
    for entry in entries:
        if os.path.isdir(entry):
            yield from _below(folder / entry.name, above | {real})
        elif os.path.splitext(entry.name)[1].lower() in VIDEO_SUFFIXES:  # noqa: PTH122
            yield folder / entry.name
