"""Labelled images for training: folders of identities, as face and re-ID data sets are unpacked."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from clipselect.data.splits import SUBSETS, Split, of_split, split_root
from clipselect.errors import ClipselectError, check_argument
from clipselect.index.inputs import image_folders, is_folder, visible
from clipselect.media.frame_folder import IMAGE_SUFFIXES

JUNK = frozenset({"-1", "00-1"})
"""Boxes that show no person, in Market-1501 and MARS."""


@dataclass(frozen=True)
class LabelledImages:
    """Images with the identity that each shows.

    Attributes:
        paths: [n].
        labels: [n] indices of `identities`.
    """

    paths: tuple[str, ...]
    labels: tuple[int, ...]
    identities: tuple[str, ...]

    def kept(self, places: Sequence[int]) -> "LabelledImages":
        """These of the images, which can be read, and the identities that they show.

        Raises:
            ClipselectError: fewer than two identities are left.
        """
        shown = sorted({self.labels[place] for place in places})
        if len(shown) < 2:
            raise ClipselectError("images of fewer than two identities can be read; repair the files or give others")
        new = {label: number for number, label in enumerate(shown)}
        return LabelledImages(
            tuple(self.paths[place] for place in places),
            tuple(new[self.labels[place]] for place in places),
            tuple(self.identities[label] for label in shown),
        )


def read_identities(folders: Sequence[Path], split: Split, *, shared_names: bool = False) -> LabelledImages:
    """The images of a split of one or several data sets; no identity stands in both splits.

    A data set is a folder with a folder per identity (all images below it are of that identity), or with images named
    IDENTITY_*.jpg as Market-1501 has them. Splits are as in `clipselect.data.splits`, but where the data name no
    split, a fifth of the identities is held out, not of the images.

    Args:
        shared_names: a name stands for the same person in all data sets, as in MARS and Market-1501; who is held out of
            one is then held out of all. Otherwise identities of two data sets are never the same.

    Raises:
        ArgumentError: no folder.
        ClipselectError: no such folder, one that is given twice or holds no images, or fewer than two identities.
    """
    check_argument(len(folders) > 0, "data", "must name at least one folder")
    names = [folder.name for folder in folders]
    real = [os.path.realpath(folder) for folder in folders]
    if twice := next((folder for i, folder in enumerate(folders) if real[i] in real[:i]), None):
        raise ClipselectError(f"{twice}: is given twice; give every data set once")
    found: dict[str, list[str]] = {}
    val: set[str] = set()
    for folder in folders:
        if not os.path.isdir(folder):
            raise ClipselectError(f"{folder}: no such folder; give one with a folder of images per identity")
        own_name = folder.name if len(set(names)) == len(names) else str(folder)  # two sets may be called bbox_train
        prefix = f"{own_name}/" if len(folders) > 1 and not shared_names else ""
        parts = {part: _of_split(folder, part) for part in get_args(Split)}
        if len(folders) > 1 and not any(parts.values()):
            raise ClipselectError(f"{folder}: holds no images of identities; check the path or leave it out")
        for part, own in parts.items():
            for identity, paths in own.items():
                found.setdefault(prefix + identity, []).extend(paths)
                val |= {prefix + identity} if part == "val" else set()
    identities = tuple(sorted(identity for identity in found if (identity in val) == (split == "val")))
    where = ", ".join(map(str, folders))
    if not identities:
        raise ClipselectError(f"{where}: no images of identities for {split}; give a folder of images per identity")
    if len(identities) < 2:
        raise ClipselectError(f"{where}: only one identity, {identities[0]!r}, for {split}; give at least two")
    pairs = [(path, label) for label, identity in enumerate(identities) for path in found[identity]]
    return LabelledImages(tuple(path for path, _ in pairs), tuple(label for _, label in pairs), identities)


def _of_split(folder: Path, split: Split) -> dict[str, list[str]]:
    """Paths of the images by identity."""
    root = split_root(folder, split)
    found = _identities(root.path)
    wanted = of_split(found, split) if root.undivided else found.keys()
    return {identity: paths for identity, paths in found.items() if identity in wanted}


def _identities(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    real = os.path.realpath(folder)
    above = frozenset([real, *map(str, Path(real).parents)])
    for entry in visible(folder):
        if is_folder(entry):
            if SUBSETS.get(re.split(r"[_\-. ]", entry.name.lower())[-1]) == "train":
                raise ClipselectError(
                    f"{entry.path}: is named like a split, not like an identity; give that folder as data"
                )
            places = image_folders(Path(entry.path), above=above)
            if paths := [str(place / name) for place, names in places for name in names]:
                found[entry.name] = paths
        elif Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and "_" in entry.name:
            found.setdefault(entry.name.partition("_")[0], []).append(entry.path)
    return {identity: paths for identity, paths in found.items() if identity not in JUNK}
