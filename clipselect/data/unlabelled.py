"""Videos without labels, split as labelled ones are, so that nothing is learnt from held-out ones."""

import os
from collections import defaultdict
from pathlib import Path

from clipselect.data.datasets import Dataset, LabelledVideo
from clipselect.data.splits import held_out, short_name, split_folders
from clipselect.errors import ClipselectError
from clipselect.index.inputs import find_videos


def read_unlabelled(data: Path | str, *, prefix: Path | str | None = None) -> Dataset:
    """All videos of a folder or a list, or the one that a path is, without labels.

    Raises:
        ClipselectError: nothing there, or a folder or list without videos.
    """
    paths = dict.fromkeys(map(str, find_videos([str(data)], None if prefix is None else Path(prefix))))
    videos = [LabelledVideo(path, ()) for path in paths if os.path.exists(path)]
    there = {video.path for video in videos}
    missing = tuple(path for path in paths if path not in there)
    if not videos:
        raise ClipselectError(f"{data}: no such file or folder; check the path")
    return Dataset(short_name(Path(data)), (), videos, missing)


def read_unlabelled_split(
    data: Path | str, *, prefix: Path | str | None = None, most_held_out: int
) -> tuple[Dataset, Dataset]:
    """Training and held-out videos.

    Folders named train and val (or test) are that. Otherwise videos are held out by the rule for labelled data, every
    folder being a class, but at most `most_held_out`.

    Raises:
        ClipselectError: nothing there, or a single video.
    """
    data = Path(data)
    folders = split_folders(data) if os.path.isdir(data) else {}
    val_folder = folders.get("val") or folders.get("test")
    if "train" in folders and val_folder:
        return read_unlabelled(folders["train"]), read_unlabelled(val_folder)
    root = folders.get("train", data)
    everything = read_unlabelled(root, prefix=prefix)
    videos = {_name(video.path, root): video for video in everything.videos}
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in videos:
        by_folder[name.partition("/")[0]].append(name)
    if len(by_folder) == len(videos):  # no folders to speak of
        by_folder = {"": [*videos]}
    candidates = sorted(name for members in by_folder.values() for name in held_out(members))
    if not candidates:
        raise ClipselectError(f"{data}: one video is too little; give more")
    val = {*candidates[:: -(-len(candidates) // most_held_out)]} if most_held_out else set[str]()
    train = [video for name, video in videos.items() if name not in val]
    held = [video for name, video in videos.items() if name in val]
    return Dataset(everything.name, (), train, everything.missing), Dataset(everything.name, (), held)


def _name(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path
