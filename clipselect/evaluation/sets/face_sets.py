"""Sets of faces in the forms in which data sets publish them, with the pairs of sets to be verified."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from clipselect.data.splits import split_root
from clipselect.errors import ClipselectError
from clipselect.index.inputs import is_folder, visible
from clipselect.media.frame_folder import IMAGE_SUFFIXES, natural_order
from clipselect.media.images import Image
from clipselect.media.text import printable


@dataclass(frozen=True)
class Pairs:
    """The comparisons of one round: of one draw of sets, or of one split of a protocol.

    Attributes:
        first, second: [p] int64 places in the list of sets.
        same: [p] bool.
        folds: [p] int64 for ten-fold accuracy; None where the protocol has none.
        every: whether these are all pairs of the round's sets, so that every set can be searched among the others.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64] | None = None
    every: bool = False

    @property
    def has_both_kinds(self) -> bool:
        """Whether some are genuine and some are impostor pairs."""
        return bool(self.same.any() and not self.same.all())

    def kept(self, new: NDArray[np.int64]) -> "Pairs":
        """Those of sets that are kept; `new` [sets] is the new place of every set, -1 where it is not kept."""
        first, second = new[self.first], new[self.second]
        both = (first >= 0) & (second >= 0)
        folds = None if self.folds is None else self.folds[both]
        return Pairs(first[both], second[both], self.same[both], folds, self.every)


@dataclass(frozen=True)
class FaceSets:
    """A data set.

    Attributes:
        paths: [n] image of every element; an image may hold several elements.
        groups: [g] the elements of every set, never empty.
        identities: [g] the identity of every set.
        rounds: a metric is the mean over these.
        media: [n] the medium of its template that every element is of (IJB); None where sets are pooled as a whole.
        crop: (image, element) -> the face; None where the images are faces already.
        crop_identity: names what decides `crop`, for caches.
        left_out: reasons by name of what had to be left out.
        sizes: of drawn sets, each of which is measured by itself; None where the data has its own.
    """

    paths: list[str]
    groups: list[list[int]]
    identities: list[str]
    rounds: list[Pairs]
    media: NDArray[np.int64] | None = None
    crop: Callable[[Image, int], Image] | None = None
    crop_identity: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    sizes: Sequence[int] | None = None


def drawn_sets(folder: Path, sizes: Sequence[int], seeds: Sequence[int]) -> FaceSets:
    """Disjoint sets of every identity in folder/IDENTITY/*.jpg, drawn once per seed and size; all pairs of a draw.

    Of every size an identity has sets if it fills two. Identities that fill none are left out, and so are sizes that
    fewer than two identities fill.

    Raises:
        ClipselectError: not one size is left.
    """
    root = split_root(folder, "val").path
    people = {entry.name: images_in(Path(entry.path)) for entry in visible(root) if is_folder(entry)}
    left_out: dict[str, str] = {}
    paths, groups, identities, rounds = list[str](), list[list[int]](), list[str](), list[Pairs]()
    first_of, drawn = dict[str, int](), list[int]()
    need = 2 * min(sizes)
    for name, images in people.items():
        if len(images) >= need:
            first_of[name] = len(paths)
            paths += images
    if few := [name for name, images in people.items() if len(images) < need]:
        named = few[0] if len(few) == 1 else f"{few[0]} and {len(few) - 1} more"
        left_out[named] = f"fewer images than the {need} that two sets of {min(sizes)} take; add images"
    for size in sizes:
        fitting = {name: number for number, name in enumerate(first_of) if len(people[name]) >= 2 * size}
        if len(fitting) < 2:
            left_out[f"sets of {size}"] = f"{len(fitting)} identities have images for two, and two have to; add images"
            continue
        drawn.append(size)
        for seed in seeds:
            first_group = len(groups)
            for name, number in fitting.items():
                order = np.random.default_rng([seed, number]).permutation(len(people[name])) + first_of[name]
                for start in range(0, len(order) - size + 1, size):
                    groups.append(order[start : start + size].tolist())
                    identities.append(name)
            rounds.append(all_pairs(identities, range(first_group, len(groups))))
    if not drawn:
        raise ClipselectError(
            f"{root}: only {len(first_of)} identities have images for two sets of {min(sizes)}, and verification needs "
            "two identities; add some, or draw smaller sets"
        )
    return FaceSets(paths, groups, identities, rounds, left_out=left_out, sizes=drawn)


def sets_in_folders(folder: Path, pairs: Path | None = None) -> FaceSets:
    """IDENTITY/SET/frames, as YouTube Faces is unpacked; all pairs, or those of a file such as its splits.txt.

    Raises:
        ClipselectError: no sets, or see `read_pairs`.
    """
    found = dict[str, list[str]]()
    left_out = dict[str, str]()
    for person in visible(folder):
        for entry in visible(Path(person.path)) if is_folder(person) else ():
            if not is_folder(entry):
                continue
            name = f"{person.name}/{entry.name}"
            if images := images_in(Path(entry.path)):
                found[name] = images
            else:
                left_out[name] = "holds no image; remove the folder, or fill it"
    if not found:
        raise ClipselectError(f"{folder}: holds no IDENTITY/SET/frames; give a folder of a form that is read")
    return _named_sets(folder, found, [name.partition("/")[0] for name in found], pairs, left_out)


def listed_sets(folder: Path, file: Path, pairs: Path | None = None) -> FaceSets:
    """Sets by a list, as for IQIYI: a folder of frames and its identity on every line, the folder within `folder`.

    Raises:
        ClipselectError: lines of another form, a folder without images or listed twice, or see `read_pairs`.
    """
    found, identities = dict[str, list[str]](), list[str]()
    for number, line in text_lines(file):
        cells = line.rsplit(None, 1)
        if len(cells) != 2:
            refuse_line(file, number, "needs a folder of frames and an identity")
        if cells[0] in found:
            refuse_line(file, number, f"names {cells[0]} a second time")
        images = images_in(folder / cells[0])
        if not images:
            refuse_line(file, number, f"names {cells[0]}, a folder without images")
        found[cells[0]] = images
        identities.append(cells[1])
    if not found:
        raise ClipselectError(f"{file}: names no set; write a folder of frames and an identity on every line")
    return _named_sets(folder, found, identities, pairs, {})


def images_in(folder: Path) -> list[str]:
    """Images in a folder, in their natural order; none where there is no such folder."""
    if not folder.is_dir():
        return []
    entries = [entry for entry in visible(folder) if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES]
    return [entry.path for entry in sorted(entries, key=lambda entry: natural_order(entry.name))]


def _named_sets(
    folder: Path, found: dict[str, list[str]], identities: list[str], pairs: Path | None, left_out: dict[str, str]
) -> FaceSets:
    paths, groups = list[str](), list[list[int]]()
    for images in found.values():
        groups.append([*range(len(paths), len(paths) + len(images))])
        paths += images
    if pairs is not None:
        chosen = read_pairs(pairs, {name: place for place, name in enumerate(found)})
    else:
        chosen = all_pairs(identities, range(len(groups)))
        if not chosen.has_both_kinds:
            raise ClipselectError(
                f"{folder}: needs two identities, and one with two sets, to compare; got {len(groups)} sets of "
                f"{len({*identities})}"
            )
    return FaceSets(paths, groups, identities, [chosen], left_out=left_out)


def all_pairs(identities: Sequence[str], places: Sequence[int]) -> Pairs:
    """Every pair of the sets at these places.

    >>> pairs = all_pairs(["a", "a", "b"], range(3))
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist()
    ([0, 0, 1], [1, 2, 2], [True, False, False])
    """
    a, b = np.triu_indices(len(places), 1)
    names, at = np.array(identities), np.asarray(places, dtype=np.int64)
    return Pairs(at[a], at[b], names[at[a]] == names[at[b]], every=True)


def read_pairs(file: Path, places: dict[str, int]) -> Pairs:
    """Pairs in the form of YouTube Faces' splits.txt: fold, set, set, then 1 if both show the same person, else 0.

    Fields are separated by commas; a similarity may stand before the last one; a first line without numbers is a
    header.

    Args:
        places: of the sets by name.

    Raises:
        ClipselectError: lines of another form, a set that is not there, or not both kinds of pairs.
    """
    folds, first, second, same = list[int](), list[int](), list[int](), list[bool]()
    for number, line in text_lines(file):
        cells = [cell.strip() for cell in line.split(",")]
        if number == 1 and not line[0].isdecimal():
            continue
        if len(cells) < 4 or not cells[0].isdecimal() or cells[-1] not in ("0", "1"):
            refuse_line(file, number, "needs a fold, two sets and 1 or 0, separated by commas")
        for name in cells[1:3]:
            if name not in places:
                refuse_line(file, number, f"names the set {name}, which is not there; add it, or remove the line")
        folds.append(int(cells[0]))
        first.append(places[cells[1]])
        second.append(places[cells[2]])
        same.append(cells[-1] == "1")
    pairs = Pairs(
        np.array(first, dtype=np.int64), np.array(second, dtype=np.int64), np.array(same, dtype=np.bool_),
        np.array(folds) if len({*folds}) > 1 else None,
    )  # fmt: skip
    if not pairs.has_both_kinds:
        raise ClipselectError(f"{file}: needs genuine pairs (1) and impostor pairs (0); add the missing kind")
    return pairs


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, stripped, with their numbers from 1; a ClipselectError if it is no text."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    raise ClipselectError(f"{file}: not a text file; give one with a line per entry")
                if line.strip():
                    yield number, line.strip()
    except OSError as e:
        raise ClipselectError(f"{file}: cannot be read ({e.strerror}); check the path") from e


def refuse_line(file: Path, number: int, problem: str) -> NoReturn:
    """A ClipselectError for a line of a file that is not as it must be."""
    raise ClipselectError(f"{file}, line {number}: {printable(problem)}")
