"""Arrays that take long to compute, kept in files: found again while all that they were made of is the same."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from clipselect.index.index_file import signature, stored_path
from clipselect.media.files import whole_file

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""By name."""


def kept_arrays(
    folder: Path | None,
    made_of: Any,
    names: Sequence[str],
    make: Callable[[], Arrays],
    fit: Callable[[Arrays], bool] = lambda _: True,
) -> Arrays:
    """Arrays of some names, from the folder or else made and kept there; only made where there is no folder.

    Args:
        fit: whether arrays of a file can be what `make` makes; it may fail on what is not.
    """
    if folder is None:
        return make()
    file = array_file(folder, made_of)
    arrays = load_arrays(file, names, fit)
    if arrays is None:
        arrays = make()
        save_arrays(file, arrays)
    return arrays


def array_file(folder: Path, made_of: Any) -> Path:
    """The file of arrays that were made of this: anything that JSON holds, and what prints as what it is."""
    text = json.dumps(made_of, sort_keys=True, default=str)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


def states(paths: Iterable[str]) -> list[tuple[str, Any]]:
    """Which files these are, and whether they have changed."""
    return [(stored_path(path), signature(path)) for path in paths]


def load_arrays(file: Path, names: Sequence[str], fit: Callable[[Arrays], bool] = lambda _: True) -> Arrays | None:
    """Arrays of a file by name; None for a file that is not there or damaged, or whose arrays do not fit."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in names}
        return found if fit(found) else None
    except Exception:  # a damaged file raises whatever its bytes lead the reader to
        return None


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Write a file that is whole or not there."""
    with whole_file(file) as part, part.open("wb") as out:
        np.savez(out, **cast(dict[str, Any], arrays))
