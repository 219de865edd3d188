"""Features of all training elements, kept in files of a few items each, so that neither memory nor a crash matters.

FOLDER/settings.json     what they were made with
FOLDER/000000.npz        elements of the first items, and under "errors" why some of these could not be read
...

Any number of processes fill the folder together.
"""

import json
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.files import whole_file, write_whole
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.training.clip_elements import ClipData
from clipselect.training.elements import Elements, joined
from clipselect.training.frame_elements import FrameData
from clipselect.training.run import TrainingRun

ElementData = ClipData | FrameData
"""A data set with its base: where elements come from."""


@dataclass(frozen=True)
class FeatureStore:
    """The elements of a data set in files; iterating gives them file by file, in the order of the items."""

    folder: Path
    data: ElementData

    @property
    def count(self) -> int:
        """How many files there are when all is done."""
        return -(-len(self.data.paths) // self.data.items_per_file)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"

    def prepare(self) -> None:
        """Make the folder, or check that the one that is there was filled with the same settings.

        Raises:
            ClipselectError: it was filled with others.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        about = self.folder / "settings.json"
        text = json.dumps(self.data.settings, sort_keys=True)
        if about.exists() and about.read_bytes() != text.encode():
            raise ClipselectError(
                f"{self.folder}: features of another base or of other data; choose another work folder, or delete it"
            )
        write_whole(about, text)

    def compute(
        self,
        *,
        process: tuple[int, int] = (0, 1),
        progress: ProgressCallback = no_progress,
        on_error: OnError = ignore_error,
    ) -> None:
        """Write all files of this process that are not there yet, and read again what could not be read before.

        Args:
            process: its rank, and the number of processes that share the files.
            on_error: called for every item that cannot be read now; `errors` has all of them.

        Raises:
            NetworkError: the base fails.
        """
        numbers = range(process[0], self.count, process[1])
        total = sum(len(self._items(number)) for number in numbers)
        mine = (item for number in numbers for item in self._items(number))
        coming = tracked(mine, "features of the base", total, progress)
        for number in numbers:
            items = islice(coming, len(self._items(number)))
            known = self.path(number).exists()
            failed_before = self._errors(number) if known else {}
            if known and not failed_before:
                deque(items, 0)
                continue
            errors: dict[str, str] = {}

            def failed(path: str, error: ClipselectError, errors: dict[str, str] = errors) -> None:
                errors[path] = str(error)
                on_error(path, error)

            before = self._read(number) if known else None
            wanted = (item for item in items if not known or self.data.paths[item] in failed_before)
            parts = [*([before] if before else []), *self.data.read(wanted, failed)]
            if not known or errors != failed_before:
                self.write(number, joined(parts) if parts else None, errors)
        next(coming, None)  # counts the last item

    def write(self, number: int, elements: Elements | None, errors: dict[str, str]) -> None:
        """Write a file, whole or not at all; `errors` are by path."""
        arrays = {} if elements is None else vars(elements)
        with whole_file(self.path(number)) as part, part.open("wb") as file:
            np.savez(file, **arrays, errors=np.frombuffer(json.dumps(errors).encode(), np.uint8))

    def errors(self) -> dict[str, str]:
        """Why items could not be read, by path, once all is done."""
        return {path: why for number in range(self.count) for path, why in self._errors(number).items()}

    def __iter__(self) -> Iterator[Elements]:
        for number in range(self.count):
            if (elements := self._read(number)) is not None:
                yield elements

    def _items(self, number: int) -> range:
        """The items of a file."""
        return range(len(self.data.paths))[number * self.data.items_per_file :][: self.data.items_per_file]

    def _errors(self, number: int) -> dict[str, str]:
        errors = json.loads(read_arrays(self.path(number), ["errors"])["errors"].tobytes())
        return cast(dict[str, str], errors)

    def _read(self, number: int) -> Elements | None:
        """The elements of a file; None if none of its items can be read."""
        arrays = read_arrays(self.path(number), [f.name for f in fields(self.data.element_type)])
        return self.data.element_type(**arrays) if arrays else None


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


def computed_features(run: TrainingRun, folder: str, data: ElementData) -> FeatureStore:
    """The features of all elements, computed where they are not in the folder yet, by all processes together."""
    store, runtime = FeatureStore(run.work / folder, data), run.runtime
    if runtime.is_global_zero:
        store.prepare()
    runtime.fabric.barrier()
    process = (runtime.rank, runtime.world_size)
    store.compute(process=process, progress=run.progress, on_error=run.left_out)
    runtime.fabric.barrier()
    if runtime.is_global_zero:
        for path, message in store.errors().items():  # what other processes could not read
            run.left_out(path, ClipselectError(message))
    return store
