"""Arrays on disk: numbered .npz files that any number of processes fill together, and that survive being killed.

FOLDER/settings.json     what they were made with
FOLDER/000000.npz        arrays of the first items, and under "errors" why some of them could not be read
...
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.files import write_whole


@dataclass(frozen=True)
class ArrayFiles:
    """Files for `items` videos or images, `per_file` of them in each; processes take turns, file by file.

    Attributes:
        settings: what decides the arrays; another run in the same folder must have the same.
    """

    folder: Path
    items: int
    per_file: int
    settings: dict[str, Any]

    @property
    def count(self) -> int:
        """How many files there are when all is done."""
        return -(-self.items // self.per_file)

    def numbers(self, process: tuple[int, int]) -> range:
        """The files of a process, which is its rank and the number of processes."""
        return range(process[0], self.count, process[1])

    def item_range(self, number: int) -> range:
        """The items of a file."""
        return range(number * self.per_file, min((number + 1) * self.per_file, self.items))

    def count_items(self, process: tuple[int, int]) -> int:
        """How many items are in the files of a process."""
        return sum(len(self.item_range(number)) for number in self.numbers(process))

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"

    def prepare(self) -> None:
        """Make the folder, or check that the one that is there was filled with the same settings.

        Raises:
            ClipselectError: it was filled with others.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        about = self.folder / "settings.json"
        text = json.dumps(self.settings, sort_keys=True)
        if about.exists() and about.read_bytes() != text.encode():
            raise ClipselectError(
                f"{self.folder}: features of another base or of other data; choose another work folder, or delete it"
            )
        write_whole(about, text)

    def write(self, number: int, arrays: dict[str, NDArray[Any]], errors: dict[str, str]) -> None:
        """Write a file, whole or not at all."""
        write_arrays(self.path(number), {**arrays, "errors": np.frombuffer(json.dumps(errors).encode(), np.uint8)})

    def errors(self) -> dict[str, str]:
        """Why items could not be read, by path, once all is done."""
        return {path: why for number in range(self.count) for path, why in self.errors_in(number).items()}

    def errors_in(self, number: int) -> dict[str, str]:
        errors: dict[str, str] = json.loads(read_arrays(self.path(number), ["errors"])["errors"].tobytes())
        return errors


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """An .npz file, whole or not at all."""
    part = path.with_suffix(".part.npz")
    try:
        np.savez(part, **cast(dict[str, Any], arrays))  # numbers alone: read_arrays unpickles nothing
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise ClipselectError(f"{part}: cannot be written ({e.strerror}); make room and run it again") from e


def read_arrays(path: Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file; none at all where the first of `names` is not in it.

    Raises:
        ClipselectError: the file is not there, damaged, or lacks another of `names`.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names} if next(iter(names)) in file else {}
    except FileNotFoundError as e:
        raise ClipselectError(f"{path}: is gone; run the same command again") from e
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as e:
        raise ClipselectError(f"{path}: damaged; delete it and run the same command again") from e
