"""Labelled videos in the layouts that data sets come in:

- a folder, as Kinetics is unpacked: `DIR/SPLIT/CLASS/VIDEO` (SPLIT is train or val; validation is val, and so is test
  where there is no other) or `DIR/CLASS/VIDEO`; a video is a file or a folder of frames, at any depth below its class;
- a list (.csv, .tsv, .txt): with a header, columns path, label and where wanted split, start, end (seconds), several
  rows of one path being several labels or segments of it; without, PyTorchVideo's `path label` or `path,label`;
- Kinetics' own CSV (label,youtube_id,time_start,time_end,split); files ID_START_END.* or ID.* at any depth;
- ActivityNet's JSON; files ID.* or v_ID.* at any depth; segments that end before they begin, of which it holds a few,
  are left out.

Where the data names no split, or train alone, a fifth of every class is val, always the same videos: see
`clipselect.data.splits`.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import get_args

from clipselect.data.annotations import Annotation, Annotations, FoundVideos, labels_by_time, labels_of
from clipselect.data.lists import read_list
from clipselect.data.splits import Split, SplitRoot, of_split, short_name, split_folders, split_root, subfolders
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.index.inputs import VIDEO_SUFFIXES, is_folder, videos_below, visible
from clipselect.media.candidate_clips import Clip

BACKGROUND = -1
MIN_INSIDE = 0.5
"""A clip shows an action if at least this fraction of it lies within segments of the action."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Where an action is: [start, end) in seconds from the start of the video, 0 <= start < end; `label` as below."""

    start: float
    end: float
    label: int


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """A video and what it shows.

    Attributes:
        path: a file or a folder of frames.
        labels: indices into `Dataset.classes`, the main one first: the longest in total where there are segments,
            otherwise the first one named; empty when unlabelled.
        segments: where the actions are, in time order; empty where that is not known.
    """

    path: str
    labels: tuple[int, ...]
    segments: tuple[Segment, ...] = ()

    @property
    def label(self) -> int:
        return self.labels[0]


@dataclass(frozen=True)
class Dataset:
    """The videos of one split.

    Attributes:
        name: the name of the folder, or of the file without suffix.
        classes: their names, sorted (by value if all are numbers), or those that were asked for.
        videos: sorted by path for folders, in the order of the file for lists.
        missing: names in a list or JSON whose file is not there, or whose segments are all empty (the name ends so).
        other_split: how many videos are in the other split only because the data names no splits, or train alone.
    """

    name: str
    classes: tuple[str, ...]
    videos: list[LabelledVideo]
    missing: tuple[str, ...] = ()
    other_split: int = 0


def read_dataset(
    data: Path | str, split: Split | None, *, prefix: Path | str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """The labelled videos of one split.

    Args:
        data: a folder, a list or a JSON file, as above.
        split: "train" or "val"; together they are all of the data. None for all of data that names no splits.
        prefix: for lists and JSON, the folder that the videos lie in; by default the file's, for paths in lists the
            current one before it.
        classes: the names that labels are indices of (a base's), in this order. By default those of the training
            videos, whichever split is read, so that the two agree.

    Raises:
        ClipselectError: nothing there, a layout or line that is not understood, a class without videos, fewer than two
            classes of a split, a class that is not among `classes` or in val alone, a split without videos, or not one
            file there.
        ArgumentError: no split of data that has several.
    """
    data = _checked(data, split)
    if os.path.isdir(data):
        if prefix is not None:
            raise ClipselectError(f"{data}: is a folder, and a prefix is for lists and JSON; leave the prefix out")
        found = _of_folder(data, split)
    else:
        found = read_list(data, split, None if prefix is None else Path(prefix))
    names = _class_names(data, found, classes, least=1 if split is None else 2)
    return Dataset(short_name(data), names, _indexed(found.annotations, names), found.missing, found.other_split)


def read_whole_dataset(
    data: Path | str, *, prefix: Path | str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """All labelled videos, those of train before those of val where the data names splits; see `read_dataset`."""
    try:
        return read_dataset(data, None, prefix=prefix, classes=classes)
    except ArgumentError:  # it names splits
        train = read_dataset(data, "train", prefix=prefix, classes=classes)
        val = read_dataset(data, "val", prefix=prefix, classes=train.classes)
        return replace(train, videos=train.videos + val.videos, missing=train.missing + val.missing, other_split=0)


def read_background(data: Path | str, split: Split) -> dict[str, list[str]]:
    """Background videos of one split, sorted, by domain: `DIR/SPLIT/DOMAIN/VIDEO` or `DIR/DOMAIN/VIDEO`.

    Videos that lie in the folder directly are one domain of its name. Without folders of splits, or with train alone, a
    fifth of every domain is val, as for labelled videos.

    Raises:
        ClipselectError: no folder, a domain without videos, or a split without any.
    """
    data = _checked(data, split)
    if not os.path.isdir(data):
        raise ClipselectError(f"{data}: no such folder; give a folder of background videos")
    root = split_root(data, split)
    domains: dict[str, list[Path]] = defaultdict(list)
    for entry in visible(root.path):
        path = root.path / entry.name
        if is_folder(entry) and [*islice(videos_below(path), 2)] != [path]:
            domains[entry.name] += _videos_of(path, "domain")
        elif is_folder(entry) or path.suffix.lower() in VIDEO_SUFFIXES:
            domains[short_name(data)].append(path)
    chosen = {name: sorted(_chosen(root, paths, split)) for name, paths in domains.items()}
    if not any(chosen.values()):
        raise ClipselectError(f"{data}: has no background videos for {split}; add some")
    return {name: paths for name, paths in chosen.items() if paths}


def shown_class(clip: Clip, video: LabelledVideo) -> int:
    """The class that a clip of a video shows: without segments that of the video, or BACKGROUND if it has none.

    With segments it is the class whose segments together fill most of the clip, or BACKGROUND if none fills half of it.
    """
    if not video.segments:
        return video.labels[0] if video.labels else BACKGROUND
    start, end = float(clip.start), float(clip.end)
    filled: dict[int, float] = {}
    filled_to: dict[int, float] = {}
    for s in sorted(video.segments, key=lambda segment: segment.start):
        from_, to = max(start, s.start, filled_to.get(s.label, start)), min(end, s.end)
        if from_ < to:
            filled[s.label] = filled.get(s.label, 0.0) + to - from_
            filled_to[s.label] = to
    label = max(filled, key=lambda label: filled[label], default=BACKGROUND)
    return label if filled.get(label, 0.0) >= MIN_INSIDE * (end - start) else BACKGROUND


def has_classes(folder: Path) -> bool:
    """Whether a folder without splits holds folders of classes, and no videos directly.

    A folder of frames is a video.
    """
    entries = visible(folder)
    folders = [folder / entry.name for entry in entries if is_folder(entry)]
    files = [entry for entry in entries if not is_folder(entry)]
    firsts = [next(videos_below(path), None) for path in folders]
    direct = any(first == path for first, path in zip(firsts, folders, strict=True))
    return any(firsts) and not direct and not any(Path(e.name).suffix.lower() in VIDEO_SUFFIXES for e in files)


def _checked(data: Path | str, split: Split | None) -> Path:
    if split not in (None, *get_args(Split)):
        raise ArgumentError("split", f"must be train or val, got {split!r}")
    return Path(data)


def _of_folder(data: Path, split: Split | None) -> FoundVideos:
    """Paths are sorted; the classes are those of the split itself if there is no folder of training videos."""
    root = split_root(data, split)
    classes = subfolders(root.path)
    if not classes:
        direct = next(videos_below(root.path), None)
        what = "its videos lie in it directly" if direct else "there are no videos in it"
        otherwise = " (distill --unlabelled needs none)" if direct else ""
        raise ClipselectError(f"{root.path}: {what}; put them into one folder per class{otherwise}")
    found: dict[str, Annotations] = {}
    other_split = 0
    for folder in classes:
        label = (Annotation(folder.name),)
        paths = _videos_of(folder, "class")
        chosen = _chosen(root, paths, split)
        other_split += len(paths) - len(chosen)
        found.update(dict.fromkeys(chosen, label))
    if not found:
        raise ClipselectError(f"{data}: has no videos for {split}, since no class has two videos; add some")
    train = split_folders(data).get("train", root.path)
    names = {folder.name for folder in subfolders(train)}
    return FoundVideos(dict(sorted(found.items())), names, other_split=other_split)


def _videos_of(folder: Path, kind: str) -> list[Path]:
    paths = [*videos_below(folder)]
    if paths == [folder]:
        raise ClipselectError(f"{folder}: holds images, not videos; put the images of each video into their own folder")
    paths = [path for path in paths if path != folder]
    if not paths:
        raise ClipselectError(f"{folder}: a {kind} without videos; fill the folder or remove it")
    return paths


def _chosen(root: SplitRoot, paths: list[Path], split: Split | None) -> list[str]:
    """The paths of one class that belong to a split."""
    names = {path.relative_to(root.path).as_posix(): str(path) for path in paths}
    wanted = of_split(names, split) if split is not None and root.undivided else names.keys()
    return [path for name, path in names.items() if name in wanted]


def _class_names(data: Path, found: FoundVideos, classes: Sequence[str] | None, least: int) -> tuple[str, ...]:
    """The names that labels are indices of: those asked for, or those of the training videos."""
    labels = labels_of(found.annotations.values())
    if classes is not None:
        names = tuple(classes)
        if unknown := sorted(labels - {*names}):
            raise ClipselectError(
                f"{data}: {_some(unknown)} not among the {len(names)} classes of the base; rename or leave out"
            )
    else:
        names = tuple(_sorted(labels if found.train_classes is None else found.train_classes))
        if alone := sorted(labels - {*names}):
            raise ClipselectError(f"{data}: {_some(alone)} in val but not in train; add training videos, or leave out")
        if len(names) < least:
            raise ClipselectError(f"{data}: only one class, {names[0]!r}; give at least two")
    if odd := [name for name in names if name != name.encode("utf-8", "replace").decode()]:
        raise ClipselectError(f"{data}: the class {odd[0]!r} is not UTF-8; rename it, or save the list as UTF-8")
    return names


def _indexed(found: Mapping[str, Annotations], names: Sequence[str]) -> list[LabelledVideo]:
    """Labels and segments as indices of classes."""
    index = {name: i for i, name in enumerate(names)}
    interned: dict[tuple[int, ...], tuple[int, ...]] = {}  # a million videos, but few different labels
    videos = []
    for path, annotations in found.items():
        indices = tuple(index[label] for label in labels_by_time(annotations))
        segments = [Segment(a.start, a.end, index[a.label]) for a in annotations if a.timed]
        segments.sort(key=lambda segment: (segment.start, segment.end))
        videos.append(LabelledVideo(path, interned.setdefault(indices, indices), tuple(segments)))
    return videos


def _sorted(labels: Collection[str]) -> list[str]:
    if all(label.isascii() and label.isdecimal() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)


def _some(classes: list[str]) -> str:
    """The first three by name, as the subject of a sentence."""
    more = f" and {len(classes) - 3} more" if len(classes) > 3 else ""
    named = ", ".join(map(repr, classes[:3])) + more
    return f"class {named} is" if len(classes) == 1 else f"classes {named} are"
