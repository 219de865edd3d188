"""Labelled images for training: folders of identities, as face and re-ID data sets are unpacked."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from clipselect.errors import ClipselectError
from clipselect.inputs import is_folder, visible
from clipselect.sources import IMAGE_SUFFIXES
from clipselect.splits import Split, held_out, split_root


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


def read_identities(folders: Sequence[Path], split: Split, *, shared_names: bool = False) -> LabelledImages:
    """The images of a split of one or several data sets; no identity stands in both splits.

    A data set is a folder with a folder per identity (all images below it are of that identity), or with images named
    IDENTITY_*.jpg as Market-1501 has them. Splits are as in `clipselect.splits`, but that what is held out where the
    data name no split is a fifth of the identities, not of the images.

    Args:
        shared_names: a name stands for the same person in all data sets, as in MARS and Market-1501; who is held out of
            one is then held out of all. Otherwise identities of two data sets are never the same.

    Raises:
        ClipselectError: no such folder, no images, or fewer than two identities.
    """
    found: dict[str, list[str]] = {}
    val: set[str] = set()
    for folder in folders:
        if not os.path.isdir(folder):
            raise ClipselectError(f"{folder}: no such folder; give one with a folder of images per identity")
        prefix = f"{folder.name}/" if len(folders) > 1 and not shared_names else ""
        for part in get_args(Split):
            for identity, paths in _of_split(folder, part).items():
                found.setdefault(prefix + identity, []).extend(paths)
                val |= {prefix + identity} if part == "val" else set()
    identities = tuple(sorted(identity for identity in found if (identity in val) == (split == "val")))
    where = ", ".join(map(str, folders))
    if not identities:
        raise ClipselectError(f"{where}: no images of identities for {split}; give a folder of images per identity")
    if len(identities) < 2:
        raise ClipselectError(f"{where}: only one identity, {identities[0]!r}, for {split}; it takes two to tell apart")
    pairs = [(path, label) for label, identity in enumerate(identities) for path in found[identity]]
    return LabelledImages(tuple(path for path, _ in pairs), tuple(label for _, label in pairs), identities)


def _of_split(folder: Path, split: Split) -> dict[str, list[str]]:
    root, undivided = split_root(folder, split)
    everyone = _identities(root)
    if not undivided:
        return everyone
    val = held_out(everyone)
    return {identity: paths for identity, paths in everyone.items() if (identity in val) == (split == "val")}


def _identities(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in visible(folder):
        if is_folder(entry):
            if paths := [*_images_below(Path(entry.path))]:
                found[entry.name] = paths
        elif _is_image(entry.name) and "_" in entry.name:
            found.setdefault(entry.name.partition("_")[0], []).append(entry.path)
    return {identity: paths for identity, paths in found.items() if identity != "-1"}  # Market-1501's junk


def _images_below(folder: Path, above: frozenset[str] = frozenset()) -> Iterable[str]:
    """Images in a folder and those below it, sorted; links are followed, but never in a circle."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for entry in visible(folder):
        if is_folder(entry):
            yield from _images_below(Path(entry.path), above | {real})
        elif _is_image(entry.name):
            yield entry.path


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES
