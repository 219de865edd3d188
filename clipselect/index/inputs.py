"""The videos that a user names: by folders, wildcards, lists of paths, or one by one."""

import codecs
import csv
import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from clipselect.errors import ClipselectError
from clipselect.media.frame_folder import IMAGE_SUFFIXES
from clipselect.media.text import printable

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".ogv"}
    | {".3gp", ".vob", ".mxf", ".gif"}
)
WEIGHTS_SUFFIXES = frozenset({".safetensors", ".onnx", ".pt", ".pth"})
LIST_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
PATH_COLUMNS = ("path", "video_path", "video", "file", "filename", "filepath")


def expand(patterns: Iterable[str]) -> list[Path]:
    """The paths as they are; those that do not exist and hold wildcards become what they match, sorted.

    What matches nothing stays, to be reported like any other missing file.

    Raises:
        ClipselectError: an empty path, which would stand for the current folder.
    """
    paths: list[Path] = []
    for pattern in patterns:
        if not pattern:
            raise ClipselectError("one of the paths given is empty; give the name of a file or a folder")
        literal = os.path.exists(pattern) or not glob.has_magic(pattern)
        matches = [] if literal else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        paths += map(Path, matches or [pattern])
    return paths


def refuse_data_file(path: Path) -> None:
    """Raise a ClipselectError if results written here would replace a video or weights."""
    if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES | WEIGHTS_SUFFIXES:
        kind = "weights" if path.suffix.lower() in WEIGHTS_SUFFIXES else "a video"
        raise ClipselectError(f"{path}: exists and is named like {kind}; choose another output")


def find_videos(
    patterns: Iterable[str],
    prefix: Path | None = None,
    on_error: Callable[[str, ClipselectError], Any] | None = None,
) -> list[Path]:
    """All videos named, in the order given.

    Args:
        patterns: files, wildcards, folders (see `videos_below`), and lists of paths (.csv, .tsv, .txt; see `listed`).
            Of what a wildcard matches, folders without videos are passed over, and no file is read as a list.
        prefix: folder that the relative paths of lists start from.
        on_error: called with the path and the error of everything that names no video, which is left out; without it,
            the error is raised.

    Raises:
        ClipselectError: wildcards that match nothing, a folder without videos, or a list without paths of files that
            are there.
    """
    found: list[Path] = []
    for pattern in patterns:
        paths = expand([pattern])
        by_wildcard = paths != [Path(pattern)]
        inside: dict[Path, None] = {}  # "**" matches a folder and what lies in it
        failed = False
        for path in paths:
            try:
                inside |= dict.fromkeys(_videos_at(path, prefix, by_wildcard=by_wildcard))
            except ClipselectError as e:
                if on_error is None:
                    raise
                failed = True
                on_error(str(path), e)
        if not inside and not failed:
            error = ClipselectError(f"{pattern}: only folders without videos match; check the pattern and the folder")
            if on_error is None:
                raise error
            on_error(pattern, error)
        found += inside
    return found


def _videos_at(path: Path, prefix: Path | None, *, by_wildcard: bool) -> list[Path]:
    if os.path.isdir(path):
        inside = [*videos_below(path)]
        if not inside and not by_wildcard:
            raise ClipselectError(f"{path}: a folder without videos or images; check the path")
        return inside
    if path.suffix.lower() in LIST_SUFFIXES and os.path.isfile(path) and not by_wildcard:
        paths = listed(path, prefix)
        if not any(map(os.path.lexists, paths)):
            first, many = printable(paths[0]), len(paths) > 1
            missing = f"none of the {len(paths)} files it lists is there, such as {first}"
            problem = missing if many else f"the file it lists, {first}, is not there"
            remedy = "give videos, or a prefix, the folder from which its paths count"
            raise ClipselectError(f"{path}: was read as a list of videos, a path a line, and {problem}; {remedy}")
        return paths
    if glob.has_magic(str(path)) and not os.path.lexists(path):
        raise ClipselectError(f"{path}: nothing matches; check the pattern and the folder")
    return [path]


def listed(path: Path, prefix: Path | None = None) -> list[Path]:
    """The paths of a list: its column `path` (or video, file, filename, ...) if it has a header, otherwise one path a
    line, by itself, before a label as PyTorchVideo writes it ("a.mp4 3"), or before a comma.

    A relative path starts from the `prefix`. Without one it starts from the current folder, or from the list's folder
    if it is only there.
    """
    header, rows = read_rows(path, PATH_COLUMNS)
    column = first_of(PATH_COLUMNS, header)
    if column is not None:
        names = [row[column].strip() for _, row in rows if len(row) > column and row[column].strip()]
    else:
        names = [_without_label(row[0], prefix or path.parent) for _, row in rows]
    if not names:
        raise ClipselectError(f"{path}: a list without paths; write one path a line, or a column named path")
    return [prefix / name if prefix else _resolved(Path(name), path.parent) for name in names]


def read_rows(path: Path, columns: Collection[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of a list, in lower case, and its rows, each with the number of its (last) line, as they are read.

    A first line that names none of the `columns` is no header: then the header is empty and a row is its line,
    stripped, comments (#) left out. Fields are separated by tabs, commas or semicolons, whichever the header holds.
    UTF-8 or, with a mark at the start, UTF-16; bytes that are not UTF-8 survive as in names of files.

    Raises:
        ClipselectError: at once or while rows are read: the file cannot be read, or its quotes do not match.
    """
    lines = enumerate(_lines(path), 1)
    number, first = next(((number, line) for number, line in lines if line.strip()), (0, ""))
    separator = next((s for s in "\t,;" if s in first), ",")
    header = [cell.strip().lower() for cell in fields(first, separator)]
    if any(name in columns for name in header):
        return header, _cells(path, (line for _, line in lines), separator, number)
    kept = ((number, line.strip()) for number, line in chain([(number, first)], lines) if not line.startswith("#"))
    return [], ((number, [line]) for number, line in kept if line)


def first_of(names: Iterable[str], header: Sequence[str]) -> int | None:
    """The column of the first of the `names` that the header has.

    >>> first_of(["path", "file"], ["label", "file"])
    1
    """
    return next((header.index(name) for name in names if name in header), None)


def fields(line: str, separator: str = ",") -> list[str]:
    """The fields of one line; none if its quotes do not match.

    >>> fields('"one, two.mp4",3')
    ['one, two.mp4', '3']
    """
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        with path.open(encoding="utf-16" if wide else "utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from file
    except OSError as e:
        remedy = "check the path" if isinstance(e, FileNotFoundError) else "check its permissions"
        raise ClipselectError(f"{path}: cannot be read ({e.strerror}); {remedy}") from e
    except UnicodeError as e:
        raise ClipselectError(f"{path}: is not the UTF-16 text that it begins as; save it as UTF-8") from e


def _cells(path: Path, lines: Iterator[str], separator: str, header: int) -> Iterator[tuple[int, list[str]]]:
    without_nul = (line.replace("\0", "\ufffd") for line in lines)  # csv of Python 3.10 refuses the whole file
    reader = csv.reader(without_nul, delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield header + reader.line_num, row
    except csv.Error as e:
        line = header + reader.line_num
        raise ClipselectError(f"{path}: line {line} cannot be read ({e}); check its quotes and commas") from e


def _without_label(line: str, folder: Path) -> str:
    if os.path.exists(line) or os.path.exists(folder / line):
        return line
    if "," in line:
        return (fields(line) or [line])[0].strip()
    words = line.rsplit(None, 1)
    return words[0] if len(words) == 2 and words[1].lstrip("-").isdecimal() else line


def _resolved(path: Path, folder: Path) -> Path:
    beside = folder / path
    return beside if not os.path.exists(path) and os.path.exists(beside) else path


def videos_below(folder: Path, *, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Videos in a folder and those below it, sorted.

    A folder that holds images, the `folder` itself included, is one video, unless there are video files in it or below
    it, which the images lie beside. Links are followed, but never in a circle; hidden files and folders are passed
    over.

    Args:
        above: real paths of folders that links must not lead back to.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    entries = visible(folder)
    inside: list[Path] = []
    for entry in entries:
        if is_folder(entry):
            inside += videos_below(folder / entry.name, above=above | {real})
        elif _suffix(entry.name) in VIDEO_SUFFIXES:
            inside.append(folder / entry.name)
    has_images = any(_suffix(e.name) in IMAGE_SUFFIXES and os.path.isfile(e) for e in entries)
    if has_images and not any(_suffix(path.name) in VIDEO_SUFFIXES and not os.path.isdir(path) for path in inside):
        yield folder
    yield from inside


def image_folders(
    folder: Path, on_error: Callable[[str, ClipselectError], Any] | None = None, *, above: frozenset[str] = frozenset()
) -> Iterator[tuple[Path, list[str]]]:
    """The folders that hold images, the `folder` itself included, and the names of their images, both sorted.

    Links are followed, but never in a circle; hidden files and folders are passed over. No image is opened.

    Args:
        on_error: called with the path and the error of every folder that cannot be read, which is left out; without it,
            the error is raised.
        above: as for `videos_below`.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = visible(folder)
    except ClipselectError as e:
        if on_error is None:
            raise
        on_error(str(folder), e)
        return
    images = [e.name for e in entries if _suffix(e.name) in IMAGE_SUFFIXES and _is_file(e)]
    if images:
        yield folder, images
    for entry in entries:
        if is_folder(entry):
            yield from image_folders(folder / entry.name, on_error, above=above | {real})


def visible(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder and is not hidden, sorted by name.

    Raises:
        ClipselectError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as e:
        raise ClipselectError(f"{folder}: cannot be read ({e.strerror}); check its permissions") from e


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or leads to one; only links cost a look at the disk."""
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()


def _is_file(entry: os.DirEntry[str]) -> bool:
    return os.path.isfile(entry) if entry.is_symlink() else entry.is_file()


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122
