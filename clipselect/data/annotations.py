"""Lists of labelled videos and ActivityNet's JSON: which video shows what, and which subset it belongs to.

Read here: lists with a header (path, label and optionally split, start, end), PyTorchVideo's lists without one, the
CSVs in which Kinetics is published, and the JSON of ActivityNet. Names become files only when a `Listing` is asked to
`locate` them, so the files of the other split are never looked for.
"""

import json
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from clipselect.data.splits import SUBSETS, Subset
from clipselect.errors import ClipselectError
from clipselect.index.inputs import PATH_COLUMNS, VIDEO_SUFFIXES, fields, first_of, read_rows, videos_below

LABEL_COLUMNS = ("label", "class", "class_name", "label_name", "action", "category")
KINETICS_COLUMNS = ("youtube_id", "time_start", "time_end")


class Annotation(NamedTuple):
    """One label of a video, and from which second to which; `end` 0 stands for the whole video."""

    label: str
    start: float = 0.0
    end: float = 0.0

    @property
    def timed(self) -> bool:
        return self.end > 0


Annotations = tuple[Annotation, ...]
Located = tuple[str, Annotations]
Lines = Iterator[tuple[int, list[str]]]
"""Line numbers of a list, and the fields of each line."""
Row = tuple[str, Subset | None, Annotation]
"""One line of a list: the name of a video, its subset, and one annotation."""
Entry = tuple[Subset | None, Annotations]
"""Subset and annotations of one video."""


@dataclass(frozen=True)
class FoundVideos:
    """The videos of a split before their labels become numbers.

    Attributes:
        annotations: by path, or for a list by name until that is located.
        train_classes: names of the classes of the training videos; None if there are no training videos.
        missing: names in a list whose file is not there, or whose segments are all empty (the name ends so).
        other_split: how many videos the rule gives to the other split, where the data names none.
    """

    annotations: dict[str, Annotations]
    train_classes: set[str] | None
    missing: tuple[str, ...] = ()
    other_split: int = 0


def labels_of(videos: Iterable[Annotations]) -> set[str]:
    return {annotation.label for annotations in videos for annotation in annotations}


def labels_by_time(annotations: Annotations) -> list[str]:
    """The labels of a video, the longest in total first, otherwise as they come."""
    total: dict[str, float] = {}
    for label, start, end in annotations:
        total[label] = total.get(label, 0) + end - start
    return sorted(total, key=lambda label: -total[label])


@dataclass(frozen=True)
class Listing:
    """What a file says about its videos.

    Attributes:
        videos: subset (None if the file names no subsets) and annotations by the name of the video, in the order of the
            file. Equal values are one object, since there may be a million of them.
        locate: (name, annotations) -> the path of the video and the annotations that hold for that file; None if it is
            not there.
        searched: the folders that `locate` looks into, for messages.
        upload: name of a video -> name of the upload that it was cut from, whose clips must stay in one split; by
            default its own.
        empty: subset by name of the videos all of whose segments are empty.
    """

    videos: dict[str, Entry]
    locate: Callable[[str, Annotations], Located | None]
    searched: str
    upload: Callable[[str], str] = str
    empty: Mapping[str, Subset] = field(default_factory=dict)


def read_annotations(data: Path, prefix: Path | None) -> Listing:
    """The annotations of a .json file, which must be ActivityNet's, or else of a list.

    Args:
        prefix: folder that names are relative to; by default the list's, for paths in lists the current one before it.

    Raises:
        ClipselectError: the file cannot be read, or a part of it not understood; names the line or the video.
    """
    if data.suffix.lower() == ".json":
        return _activitynet(data, prefix or data.parent)
    columns = (*PATH_COLUMNS, *LABEL_COLUMNS, KINETICS_COLUMNS[0])
    header, rows = read_rows(data, columns)
    if not header:
        return _paths(_collected(data, _unheaded(data, rows)), data, prefix)
    if first_of(PATH_COLUMNS, header) is None and not set(KINETICS_COLUMNS) - set(header):
        return _kinetics(data, prefix or data.parent, header, rows)
    return _paths(_collected(data, _headed(data, header, rows, PATH_COLUMNS, ("start", "end"))), data, prefix)


def _paths(videos: dict[str, Entry], data: Path, prefix: Path | None) -> Listing:
    folders = [Path(), data.parent] if prefix is None else [prefix]
    starts = [*dict.fromkeys("" if folder == Path() else str(folder) for folder in folders)]

    def locate(name: str, annotations: Annotations) -> Located | None:
        paths = [name] if os.path.isabs(name) else [os.path.join(start, name) for start in starts]  # noqa: PTH117, PTH118
        path = next((path for path in paths if os.path.exists(path)), None)
        return None if path is None else (path, annotations)

    return Listing(videos, locate, " or ".join(start or "the current folder" for start in starts))


def _kinetics(data: Path, folder: Path, header: list[str], rows: Lines) -> Listing:
    """A file called ID_START_END (six digits each) is the clip alone; one called ID is the whole upload."""
    videos = _collected(data, _headed(data, header, rows, ("youtube_id",), KINETICS_COLUMNS[1:]), name=_clip_name)
    files = _by_stem(folder)

    def locate(name: str, annotations: Annotations) -> Located | None:
        label = annotations[0].label
        if name in files:
            return _of_class(files[name], label), tuple(Annotation(a.label) for a in annotations)
        whole = _upload(name)
        return (_of_class(files[whole], label), annotations) if whole in files else None

    return Listing(videos, locate, str(folder), _upload)


def _activitynet(data: Path, folder: Path) -> Listing:
    database = _database(data)
    videos = _collected(data, _entries(data, database))
    empty = {
        name: SUBSETS[entry["subset"].lower()]
        for name, entry in database.items()
        if name not in videos and entry.get("annotations")
    }
    files = _by_stem(folder)

    def locate(name: str, annotations: Annotations) -> Located | None:
        paths = files.get(name) or files.get(f"v_{name}")
        return (paths[0], annotations) if paths else None

    return Listing(videos, locate, str(folder), empty=empty)


def _collected(
    data: Path, rows: Iterator[Row], name: Callable[[str, Annotation], str] = lambda video, _: video
) -> dict[str, Entry]:
    """The rows by video; a row that comes twice counts once."""
    videos: dict[str, Entry] = {}
    several: dict[str, dict[Annotation, None]] = {}
    interned: dict[Entry, Entry] = {}
    for video, subset, annotation in rows:
        key = name(video, annotation)
        if key not in videos:
            entry: Entry = (subset, (annotation,))
            videos[key] = entry if annotation.timed else interned.setdefault(entry, entry)
            continue
        known, annotations = videos[key]
        if known != subset:
            raise ClipselectError(f"{data}: {key} is in both {known} and {subset}; leave it in one of them")
        several.setdefault(key, dict.fromkeys(annotations))[annotation] = None
    for key, together in several.items():
        entry = (videos[key][0], tuple(together))
        videos[key] = interned.setdefault(entry, entry)
    return videos


def _headed(data: Path, header: list[str], rows: Lines, videos: Sequence[str], times: Sequence[str]) -> Iterator[Row]:
    video, label, split = first_of(videos, header), first_of(LABEL_COLUMNS, header), first_of(["split"], header)
    start, end = (first_of([name], header) for name in times)
    if video is None:
        raise ClipselectError(f"{data}: a list without a column of paths; call it path")
    if label is None:
        raise ClipselectError(f"{data}: a list without a column of labels; call it label")
    for number, cells in rows:
        where = f"{data}: line {number}"
        row = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
        if any(row[len(header) :]):
            raise ClipselectError(f"{where} has {len(row)} fields, the header {len(header)}; quote those with commas")
        path, name = row[video], row[label]
        subset = None if split is None else SUBSETS.get(row[split].lower())
        if split is not None and subset is None:
            raise ClipselectError(f"{where} has split {row[split]!r}; write train or val")
        if not name and path and subset == "test":  # as published for a contest
            continue
        if not path or not name:
            raise ClipselectError(f"{where} has no {'label' if path else 'path'}; fill it in or remove the line")
        span = tuple("" if column is None else row[column] for column in (start, end))
        annotation = Annotation(name, *_seconds(span, f"{where} ({path})")) if any(span) else Annotation(name)
        if any(span) and annotation.end <= annotation.start:
            raise ClipselectError(f"{where} ({path}): the segment {span[0]} to {span[1]} s is empty; correct it")
        yield path, subset, annotation


def _unheaded(data: Path, rows: Lines) -> Iterator[Row]:
    """`path 3`, `path,3` and `path,name`; a path may hold spaces, and commas before a number or in quotes."""
    for number, (line,) in rows:
        path = line.rstrip("0123456789")
        label = line[len(path) :]
        if line.startswith('"') or not label or path[-1:] not in {" ", ","}:
            cells = fields(line, "\t" if "\t" in line else ",")
            path, label = cells if len(cells) == 2 else ("", "")
        path, label = path.rstrip(" \t,"), label.strip()
        if not path or not label:
            raise ClipselectError(f"{data}: line {number} is not a path and a label; write `path,label`")
        yield path, None, Annotation(label)


def _clip_name(video: str, annotation: Annotation) -> str:
    return f"{video}_{int(annotation.start):06d}_{int(annotation.end):06d}"


def _upload(clip_name: str) -> str:
    return clip_name.rsplit("_", 2)[0]


def _database(data: Path) -> dict[str, Any]:
    try:
        document = json.loads(data.read_bytes())
    except OSError as e:
        raise ClipselectError(f"{data}: cannot be read ({e.strerror}); check the path and the permissions") from e
    except (ValueError, RecursionError) as e:
        raise ClipselectError(f"{data}: is not JSON ({e}); check that it is whole") from e
    database = document.get("database") if isinstance(document, dict) else None
    if not isinstance(database, dict) or not database:
        raise ClipselectError(f"{data}: is not ActivityNet's JSON; it must hold videos under `database`")
    return database


def _entries(data: Path, database: dict[str, Any]) -> Iterator[Row]:
    """Entries without annotations, as in ActivityNet's test set, are left out, and so are its empty segments."""
    for name, entry in database.items():
        where = f"{data}: video {name}"
        annotations = entry.get("annotations", []) if isinstance(entry, dict) else None
        if not isinstance(annotations, list):
            raise ClipselectError(f"{where} has no list of annotations; write ActivityNet's layout")
        if not annotations:
            continue
        subset = SUBSETS.get(str(entry.get("subset")).lower())
        if subset is None:
            raise ClipselectError(f"{where} has subset {entry.get('subset')!r}; write training or validation")
        for annotation in annotations:
            fields_of = annotation if isinstance(annotation, dict) else {}
            label, segment = fields_of.get("label"), fields_of.get("segment")
            if not isinstance(label, str) or not label.strip():
                raise ClipselectError(f"{where} has an annotation without label; write it as ActivityNet does")
            if not isinstance(segment, list) or len(segment) != 2:
                raise ClipselectError(f"{where} has an annotation without segment; write it as ActivityNet does")
            start, end = _seconds(tuple(segment), where)
            if end > start:
                yield name, subset, Annotation(label.strip(), start, end)


def _seconds(span: tuple[Any, ...], where: str) -> tuple[float, float]:
    """Start and end; a start before the video is its beginning."""
    try:
        start, end = (float(value) for value in span)
    except (TypeError, ValueError, OverflowError):
        start = end = math.nan
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ClipselectError(f"{where}: {span[0]!r} to {span[1]!r} is no segment; write two numbers of seconds")
    return max(start, 0.0), end


def _by_stem(folder: Path) -> dict[str, list[str]]:
    """Every video below a folder by its name without suffix, from one look at the folder."""
    if not os.path.isdir(folder):
        raise ClipselectError(f"{folder}: no such folder; give the one that the videos lie in")
    files: dict[str, list[str]] = defaultdict(list)
    for path in videos_below(folder):
        files[path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name].append(str(path))
    return dict(files)


def _of_class(paths: list[str], label: str) -> str:
    """Of files of the same name, the one in the folder of its class."""
    if len(paths) > 1:
        folders = {label, label.replace(" ", "_")}
        paths = [path for path in paths if Path(path).parent.name in folders] or paths
    return paths[0]
