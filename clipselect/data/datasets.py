"""Labelled videos in the layouts that data sets come in, told apart by what they are:

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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import get_args

from clipselect.data.annotations import Annotation, Annotations, Listing, read_annotations
from clipselect.data.splits import Split, Subset, all_val, held_out, short_name, split_folders, split_root, subfolders
from clipselect.errors import ClipselectError
from clipselect.index.inputs import LIST_SUFFIXES, VIDEO_SUFFIXES, find_videos, is_folder, videos_below, visible


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
        name: short: the name of the folder, or of the file without suffix.
        classes: their names, sorted (by value if all are numbers), or those that were asked for.
        videos: sorted by path for folders, in the order of the file for lists.
        missing: what a list or JSON names and is not there, or has empty segments only, which is then said behind it.
    """

    name: str
    classes: tuple[str, ...]
    videos: list[LabelledVideo]
    missing: tuple[str, ...] = ()


def read_dataset(
    data: Path | str, split: Split, *, prefix: Path | str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """The labelled videos of one split.

    Args:
        data: a folder, a list or a JSON file, as above.
        split: "train" or "val"; together they are all of the data.
        prefix: for lists and JSON, the folder that the videos lie in; by default the file's, for paths in lists the
            current one before it.
        classes: the names that labels are indices of (a base's), in this order. By default those of the training
            videos, whichever split is read, so that the two agree.

    Raises:
        ClipselectError: nothing there, a layout or line that is not understood, a class without videos, fewer than two
            classes, a class that is not among `classes` or in val alone, a split without videos, or not one file there.
    """
    data = _checked(data, split)
    known: set[str] | None
    missing: tuple[str, ...] = ()
    if os.path.isdir(data):
        if prefix is not None:
            raise ClipselectError(f"{data}: is a folder, and a prefix is for lists and JSON; leave the prefix out")
        found, known = _folder(data, split)
    else:
        listing = _listing(data, None if prefix is None else Path(prefix))
        wanted, known = _of_split(data, listing, split)
        found, missing = _located(data, listing, wanted, split)
        missing += tuple(f"{name} (only empty segments)" for name, subset in listing.empty.items() if subset == split)
    return Dataset(short_name(data), *_indexed(data, found, known, classes), missing)


def read_unlabelled(data: Path | str, *, prefix: Path | str | None = None) -> Dataset:
    """All videos of a folder or a list, or the one that a path is, without labels.

    Raises:
        ClipselectError: nothing there, or a folder or list without videos.
    """
    videos: list[LabelledVideo] = []
    missing: list[str] = []
    for path in dict.fromkeys(map(str, find_videos([str(data)], None if prefix is None else Path(prefix)))):
        if os.path.exists(path):
            videos.append(LabelledVideo(path, ()))
        else:
            missing.append(path)
    if not videos and os.path.exists(data):
        raise ClipselectError(
            f"{data}: not one of its {len(missing)} files is there, not {missing[0]}; "
            "give the folder they count from with --prefix"
        )
    if not videos:
        raise ClipselectError(f"{data}: no such file or folder; check the path")
    return Dataset(short_name(Path(data)), (), videos, tuple(missing))


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
    root, hold_out = split_root(data, split)
    domains: dict[str, list[Path]] = defaultdict(list)
    for entry in visible(root):
        path = root / entry.name
        if is_folder(entry) and [*islice(videos_below(path), 2)] != [path]:
            domains[entry.name] += _videos_of(path, "domain")
        elif is_folder(entry) or path.suffix.lower() in VIDEO_SUFFIXES:
            domains[short_name(data)].append(path)
    chosen = {name: sorted(_chosen(root, paths, split, hold_out)) for name, paths in domains.items()}
    if not any(chosen.values()):
        raise ClipselectError(f"{data}: has no background videos for {split}; add some")
    return {name: paths for name, paths in chosen.items() if paths}


def _checked(data: Path | str, split: Split) -> Path:
    if split not in get_args(Split):
        raise ClipselectError(f"split must be train or val, got {split!r}")
    return Path(data)


def _folder(data: Path, split: Split) -> tuple[dict[str, Annotations], set[str]]:
    """Annotations by path, sorted, and the classes of the training videos, or if there are none of these."""
    root, hold_out = split_root(data, split)
    classes = subfolders(root)
    if not classes:
        direct = next(videos_below(root), None)
        what = "its videos lie in it directly" if direct else "there are no videos in it"
        raise ClipselectError(f"{root}: {what}; put them into one folder per class")
    found: dict[str, Annotations] = {}
    for folder in classes:
        label = (Annotation(folder.name),)
        found.update(dict.fromkeys(_chosen(root, _videos_of(folder, "class"), split, hold_out), label))
    if not found:
        raise ClipselectError(f"{data}: has no videos for {split}, since no class has two; add some")
    train = split_folders(data).get("train", root)
    return dict(sorted(found.items())), {folder.name for folder in subfolders(train)}


def _videos_of(folder: Path, kind: str) -> list[Path]:
    paths = [*videos_below(folder)]
    if paths == [folder]:
        raise ClipselectError(f"{folder}: holds images, not videos; put the images of each video into their own folder")
    paths = [path for path in paths if path != folder]
    if not paths:
        raise ClipselectError(f"{folder}: a {kind} without videos; fill the folder or remove it")
    return paths


def _chosen(root: Path, paths: list[Path], split: Split, hold_out: bool) -> list[str]:
    """The paths of one class that belong to a split."""
    if not hold_out:
        return [str(path) for path in paths]
    names = {path.relative_to(root).as_posix(): str(path) for path in paths}
    val = held_out(names)
    return [path for name, path in names.items() if (name in val) == (split == "val")]


def _listing(data: Path, prefix: Path | None) -> Listing:
    if not os.path.exists(data):
        raise ClipselectError(f"{data}: no such file or folder; check the path")
    if data.suffix.lower() not in LIST_SUFFIXES | {".json"} or not os.path.isfile(data):
        raise ClipselectError(f"{data}: is no data set; give a folder of classes, a list (.csv, .tsv, .txt) or a .json")
    if prefix is not None and not os.path.isdir(prefix):
        raise ClipselectError(f"{prefix}: no such folder; give the one that the videos of {data} lie in")
    return read_annotations(data, prefix)


def _of_split(data: Path, listing: Listing, split: Split) -> tuple[dict[str, Annotations], set[str] | None]:
    """Annotations by name of a split's videos, and the classes of the training videos, None if there are none."""
    subsets = {subset for subset, _ in listing.videos.values()}
    if subsets == {"train"} or (subsets == {None} and not all_val(data, split)):
        val = _held_out(listing)
        wanted = {n: said for n, (_, said) in listing.videos.items() if (n in val) == (split == "val")}
        return wanted, _labels(said for _, said in listing.videos.values())
    source: Subset | None = None if subsets == {None} else split
    if split == "val" and "val" not in subsets and "test" in subsets:
        source = "test"
    wanted = {name: said for name, (subset, said) in listing.videos.items() if subset == source}
    train = _labels(said for subset, said in listing.videos.values() if subset == "train")
    return wanted, train or None


def _held_out(listing: Listing) -> set[str]:
    """Names of the videos that are val by the rule; what was cut from one upload goes with the first of it."""
    classes: dict[str, str] = {}
    for name, (_, annotations) in listing.videos.items():
        classes.setdefault(listing.upload(name), _by_time(annotations)[0])
    members: dict[str, list[str]] = defaultdict(list)
    for upload, label in classes.items():
        members[label].append(upload)
    val = set[str]().union(*map(held_out, members.values()))
    return {name for name in listing.videos if listing.upload(name) in val}


def _located(
    data: Path, listing: Listing, wanted: Mapping[str, Annotations], split: Split
) -> tuple[dict[str, Annotations], tuple[str, ...]]:
    if not wanted:
        raise ClipselectError(f"{data}: has no videos for {split}; name some")
    found: dict[str, Annotations] = {}
    missing = []
    for name, said in wanted.items():
        located = listing.locate(name, said)
        if located is None:
            missing.append(name)
            continue
        path, annotations = located
        if path in found:  # several clips of one upload
            annotations = tuple(dict.fromkeys(found[path] + annotations))
        found[path] = annotations
    if not found:
        raise ClipselectError(
            f"{data}: not one of its {len(missing)} {split} files is there, not {missing[0]} in {listing.sought}; "
            "give the folder they count from with --prefix"
        )
    return found, tuple(missing)


def _indexed(
    data: Path, found: Mapping[str, Annotations], known: Collection[str] | None, classes: Sequence[str] | None
) -> tuple[tuple[str, ...], list[LabelledVideo]]:
    """Labels and segments as indices of classes."""
    labels = _labels(found.values())
    if classes is not None:
        if unknown := sorted(labels - {*classes}):
            raise ClipselectError(
                f"{data}: {_some(unknown)} not among the {len(classes)} classes of the base; rename or leave out"
            )
        names = tuple(classes)
    else:
        names = tuple(_sorted(labels if known is None else known))
        if alone := sorted(labels - {*names}):
            raise ClipselectError(f"{data}: {_some(alone)} in val but not in train; add training videos, or leave out")
        if len(names) < 2:
            raise ClipselectError(f"{data}: only one class, {names[0]!r}; it takes two to tell apart")
    if odd := [name for name in names if name != name.encode("utf-8", "replace").decode()]:
        raise ClipselectError(f"{data}: the class {odd[0]!r} is not UTF-8; rename it, or save the list as UTF-8")
    index = {name: i for i, name in enumerate(names)}
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}  # a million videos, but few different labels
    videos = []
    for path, said in found.items():
        indices = tuple(index[label] for label in _by_time(said))
        segments = [Segment(a.start, a.end, index[a.label]) for a in said if a.timed]
        segments.sort(key=lambda segment: (segment.start, segment.end))
        videos.append(LabelledVideo(path, shared.setdefault(indices, indices), tuple(segments)))
    return names, videos


def _labels(said: Iterable[Annotations]) -> set[str]:
    return {annotation.label for annotations in said for annotation in annotations}


def _by_time(said: Annotations) -> list[str]:
    """The labels of a video, the longest in total first, otherwise as they come."""
    total: dict[str, float] = {}
    for label, start, end in said:
        total[label] = total.get(label, 0) + end - start
    return sorted(total, key=lambda label: -total[label])


def _sorted(labels: Collection[str]) -> list[str]:
    if all(label.isascii() and label.isdecimal() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)


def _some(classes: list[str]) -> str:
    """The first three by name, as the subject of a sentence."""
    more = f" and {len(classes) - 3} more" if len(classes) > 3 else ""
    named = ", ".join(map(repr, classes[:3])) + more
    return f"class {named} is" if len(classes) == 1 else f"classes {named} are"
