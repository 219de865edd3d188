"""Which groups are compared with which, and whether both show the same identity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
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

    def kept(self, new: NDArray[np.int64]) -> "Pairs":
        """Those of sets that are kept; `new` [sets] is the new place of every set, -1 where it is not kept."""
        first, second = new[self.first], new[self.second]
        both = (first >= 0) & (second >= 0)
        folds = None if self.folds is None else self.folds[both]
        return Pairs(first[both], second[both], self.same[both], folds, self.every)


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
    if len({*same}) < 2:
        raise ClipselectError(f"{file}: needs pairs of the same person and pairs of two; add the missing kind")
    return Pairs(np.array(first), np.array(second), np.array(same), np.array(folds) if len({*folds}) > 1 else None)


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, stripped, with their numbers from 1."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
            yield from ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())
    except OSError as e:
        raise ClipselectError(f"{file}: cannot be read ({e.strerror}); check the path") from e


def refuse_line(file: Path, number: int, problem: str) -> NoReturn:
    """A ClipselectError for a line of a file that is not as it must be."""
    raise ClipselectError(f"{file}, line {number}: {printable(problem)}")
