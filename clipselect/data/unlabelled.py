"""Videos without labels, split as labelled ones are, so that nothing held out is ever learnt from."""

import os
from collections import defaultdict
from pathlib import Path

from clipselect.data.datasets import Dataset, LabelledVideo, read_unlabelled
from clipselect.data.splits import held_out, split_folders
from clipselect.errors import ClipselectError


def read_unlabelled_split(data: Path, *, prefix: Path | None = None, most_held_out: int) -> tuple[Dataset, Dataset]:
    """Training and held-out videos.

    Folders named train and val (or test) are that. Otherwise videos are held out by the rule for labelled data, folder
    by folder, but no more than asked for.

    Raises:
        ClipselectError: nothing there, or a single video.
    """
    folders = split_folders(data) if os.path.isdir(data) else {}
    kept = folders.get("val") or folders.get("test")
    if "train" in folders and kept:
        return read_unlabelled(folders["train"]), read_unlabelled(kept)
    root = folders.get("train", data)
    everything = read_unlabelled(root, prefix=prefix)
    names = {_name(video.path, root): video for video in everything.videos}
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folder[name.partition("/")[0]].append(name)
    chosen = sorted(name for members in by_folder.values() for name in held_out(members))
    if len(by_folder) == len(names):  # no folders to speak of
        chosen = sorted(held_out(names))
    if not chosen:
        raise ClipselectError(f"{data}: one video is too little; give more")
    step = max(-(-len(chosen) // most_held_out), 1) if most_held_out else len(chosen) + 1
    val = {*chosen[::step]} if most_held_out else set()

    def part(wanted: bool) -> list[LabelledVideo]:
        return [video for name, video in names.items() if (name in val) == wanted]

    return (
        Dataset(everything.name, (), part(False), everything.missing),
        Dataset(everything.name, (), part(True)),
    )


def _name(path: str, root: Path) -> str:
    inside = Path(path).is_relative_to(root)
    return Path(path).relative_to(root).as_posix() if inside else path
