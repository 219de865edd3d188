"""The videos of one split of a list or of JSON."""

import os
from collections import defaultdict
from pathlib import Path

from clipselect.data.annotations import Annotations, FoundVideos, Listing, labels_by_time, labels_of, read_annotations
from clipselect.data.splits import Split, Subset, is_val_by_name, of_split, refuse_splits, refuse_train_of_val
from clipselect.errors import ClipselectError
from clipselect.index.inputs import LIST_SUFFIXES


def read_list(data: Path, split: Split | None, prefix: Path | None) -> FoundVideos:
    """The videos by path, in the order of the file.

    Raises:
        ClipselectError: see `clipselect.data.datasets.read_dataset`.
    """
    listing = _listing(data, prefix)
    named = _of_listing(data, listing, split)
    if not named.annotations:
        raise ClipselectError(f"{data}: has no videos for {split}; name some")
    found: dict[str, Annotations] = {}
    missing = []
    for name, listed in named.annotations.items():
        located = listing.locate(name, listed)
        if located is None:
            missing.append(name)
            continue
        path, annotations = located
        if path in found:  # several clips of one upload
            annotations = tuple(dict.fromkeys(found[path] + annotations))
        found[path] = annotations
    if not found:
        raise ClipselectError(
            f"{data}: none of its {len(missing)} {split or 'listed'} files is there; {missing[0]}, for example, is not "
            f"in {listing.searched}; give the folder that they are relative to as prefix"
        )
    missing += [f"{name} (only empty segments)" for name, subset in listing.empty.items() if split in (None, subset)]
    return FoundVideos(found, named.train_classes, tuple(missing), named.other_split)


def _listing(data: Path, prefix: Path | None) -> Listing:
    if not os.path.exists(data):
        raise ClipselectError(f"{data}: no such file or folder; check the path")
    if data.suffix.lower() not in LIST_SUFFIXES | {".json"} or not os.path.isfile(data):
        raise ClipselectError(f"{data}: is no data set; give a folder of classes, a list (.csv, .tsv, .txt) or a .json")
    if prefix is not None and not os.path.isdir(prefix):
        raise ClipselectError(f"{prefix}: no such folder; give the one that the videos of {data} lie in")
    return read_annotations(data, prefix)


def _of_listing(data: Path, listing: Listing, split: Split | None) -> FoundVideos:
    subsets = {subset for subset, _ in listing.videos.values()}
    if split is None:
        if not listing.videos:
            raise ClipselectError(f"{data}: has no videos; name some")
        refuse_splits(data, len(subsets) > 1)
        return FoundVideos({name: annotations for name, (_, annotations) in listing.videos.items()}, None)
    if subsets == {None} and is_val_by_name(data):
        refuse_train_of_val(data, split)
    elif subsets in ({None}, {"train"}):
        wanted = _of_split(listing, split)
        found = {name: annotations for name, (_, annotations) in listing.videos.items() if name in wanted}
        train = labels_of(annotations for _, annotations in listing.videos.values())
        return FoundVideos(found, train, other_split=len(listing.videos) - len(found))
    source: Subset | None = None if subsets == {None} else split
    if split == "val" and "val" not in subsets and "test" in subsets:
        source = "test"
    found = {name: annotations for name, (subset, annotations) in listing.videos.items() if subset == source}
    train = labels_of(annotations for subset, annotations in listing.videos.values() if subset == "train")
    return FoundVideos(found, train or None)


def _of_split(listing: Listing, split: Split) -> set[str]:
    """Names of the videos of a split by the rule; what was cut from one upload goes with the first of it."""
    classes: dict[str, str] = {}
    for name, (_, annotations) in listing.videos.items():
        classes.setdefault(listing.upload(name), labels_by_time(annotations)[0])
    members: dict[str, list[str]] = defaultdict(list)
    for upload, label in classes.items():
        members[label].append(upload)
    wanted = set[str]().union(*(of_split(uploads, split) for uploads in members.values()))
    return {name for name in listing.videos if listing.upload(name) in wanted}
