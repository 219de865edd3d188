"""Features of all training elements, kept in files of a few items each, so that neither memory nor a crash matters.

See `clipselect.training.array_files` for the files, and `clipselect.training.elements.Elements` for what they hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Generic

from clipselect.errors import ClipselectError
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.training.array_files import ArrayFiles, read_arrays
from clipselect.training.elements import E, ElementData, joined
from clipselect.training.run import TrainingRun


@dataclass(frozen=True)
class FeatureStore(Generic[E]):
    """The elements of a data set in files; iterating gives them file by file, in the order of the items."""

    folder: Path
    data: ElementData[E]

    @cached_property
    def files(self) -> ArrayFiles:
        return ArrayFiles(self.folder, len(self.data.paths), self.data.items_per_file, self.data.settings)

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
            on_error: called for every item that cannot be read now; `files.errors` has all of them.

        Raises:
            NetworkError: the base fails.
        """
        mine = (item for number in self.files.numbers(process) for item in self.files.item_range(number))
        total = self.files.count_items(process)
        coming = tracked(mine, "features of the base", total, progress)
        for number in self.files.numbers(process):
            items = islice(coming, len(self.files.item_range(number)))
            known = self.files.path(number).exists()
            failed_before = self.files.errors_in(number) if known else {}
            errors: dict[str, str] = {}

            def failed(path: str, error: ClipselectError, errors: dict[str, str] = errors) -> None:
                errors[path] = str(error)
                on_error(path, error)

            before = self._read(number) if known else None
            wanted = (item for item in items if not known or self.data.paths[item] in failed_before)
            parts = [*([before] if before else []), *self.data.read(wanted, failed)]
            if not known or errors != failed_before:
                self.files.write(number, vars(joined(parts)) if parts else {}, errors)
        next(coming, None)  # counts the last item

    def __iter__(self) -> Iterator[E]:
        for number in range(self.files.count):
            if (elements := self._read(number)) is not None:
                yield elements

    def _read(self, number: int) -> E | None:
        """The elements of a file; None if none of its items can be read."""
        arrays = read_arrays(self.files.path(number), [f.name for f in fields(self.data.element_type)])
        return self.data.element_type(**arrays) if arrays else None


def computed_features(run: TrainingRun, folder: str, data: ElementData[E]) -> FeatureStore[E]:
    """The features of all elements, computed where they are not in the folder yet, by all processes together."""
    store, runtime = FeatureStore(run.work / folder, data), run.runtime
    if runtime.is_global_zero:
        store.files.prepare()
    runtime.fabric.barrier()
    process = (runtime.rank, runtime.world_size)
    store.compute(process=process, progress=run.progress, on_error=run.left_out)
    runtime.fabric.barrier()
    if runtime.is_global_zero:
        for path, message in store.files.errors().items():  # what other processes could not read
            run.left_out(path, ClipselectError(message))
    return store
