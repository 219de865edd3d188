"""Features of all training frames, as they are and degraded, in files of some hundred frames each.

    WORK/features/settings.json     what they were made with
    WORK/features/000000.npz        features of the first images, see `FrameElements`
    ...

Any number of processes can share the work; each takes every so-many-th file. A run that was killed goes on.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.degradations import Kind, degrade
from clipselect.errors import ClipselectError, ImageError
from clipselect.feature_files import opened_arrays, prepare_folder, write_arrays
from clipselect.identities import LabelledImages
from clipselect.images import Image, read_image
from clipselect.zoo.embedder import Embedder

IMAGES_PER_FILE = 256


@dataclass(frozen=True)
class Variants:
    """What becomes of every training image: itself, and `count` degraded ones that depend on the seed alone.

    Attributes:
        kind: of the degradations; None for the images as they are.
        count: degraded variants per image.
    """

    kind: Kind | None
    count: int
    seed: int

    @property
    def per_image(self) -> int:
        return 1 + (self.count if self.kind else 0)

    def of(self, image: Image, number: int, variant: int) -> Image:
        """Variant 0 is the image itself; `number` is the image's place in the data."""
        if variant == 0 or self.kind is None:
            return image
        return degrade(image, self.kind, np.random.default_rng([self.seed, number, variant]))


@dataclass(frozen=True)
class FrameElements:
    """Elements of some images.

    Attributes:
        image: [n] int64, index of the image.
        variant: [n] int64, see `Variants`.
        features: [n, d] float32.
    """

    image: NDArray[np.int64]
    variant: NDArray[np.int64]
    features: NDArray[np.float32]


@dataclass(frozen=True)
class FrameFeatures:
    """The files of one training set.

    Attributes:
        settings: what decides the features; another run in the same folder must have the same.
    """

    folder: Path
    images: LabelledImages
    variants: Variants
    settings: dict[str, Any]

    @property
    def count(self) -> int:
        """How many files there are when all is done."""
        return -(-len(self.images.paths) // IMAGES_PER_FILE)

    def images_of(self, share: tuple[int, int]) -> int:
        """How many images a process has to see to; `share` is its rank and the number of processes."""
        return sum(len(self._numbers(i)) for i in range(share[0], self.count, share[1]))

    def prepare(self) -> None:
        """Make the folder, or see that the one that is there belongs to this run.

        Raises:
            ClipselectError: features of other settings.
        """
        prepare_folder(self.folder, self.settings)

    def compute(
        self,
        base: Embedder,
        *,
        share: tuple[int, int] = (0, 1),
        failed: Callable[[str, ClipselectError], Any],
        done: Callable[[int], Any],
    ) -> None:
        """Write all files of this process that are not there yet.

        Args:
            failed: called for every image that cannot be read.
            done: called with a number of images whenever so many more are done, in this or an earlier run.

        Raises:
            NetworkError: the base fails.
        """
        for number in range(share[0], self.count, share[1]):
            numbers = self._numbers(number)
            if not self._path(number).exists() or self._errors(number):  # what failed may have been repaired
                write_arrays(self._path(number), self._computed(base, numbers, failed))
            done(len(numbers))

    def _computed(
        self, base: Embedder, numbers: range, failed: Callable[[str, ClipselectError], Any]
    ) -> dict[str, NDArray[Any]]:
        kept: list[int] = []
        errors: dict[str, str] = {}

        def variants() -> Iterator[Image]:
            for i in numbers:
                path = self.images.paths[i]
                try:
                    image = read_image(path)
                except ImageError as e:
                    errors[path] = str(e)
                    failed(path, e)
                    continue
                kept.append(i)
                yield from (self.variants.of(image, i, variant) for variant in range(self.variants.per_image))

        features = base.embed(variants())
        return {
            "image": np.repeat(np.array(kept, dtype=np.int64), self.variants.per_image),
            "variant": np.tile(np.arange(self.variants.per_image), len(kept)),
            "features": features,
            "errors": np.frombuffer(json.dumps(errors).encode(), np.uint8),
        }

    def __iter__(self) -> Iterator[FrameElements]:
        """The elements file by file, in the order of the images; files without any are left out."""
        for number in range(self.count):
            with opened_arrays(self._path(number)) as file:
                elements = FrameElements(file["image"], file["variant"], file["features"])
            if len(elements.image):
                yield elements

    def errors(self) -> dict[str, str]:
        """Why images could not be read, by path, once all is done."""
        return {path: why for number in range(self.count) for path, why in self._errors(number).items()}

    def _errors(self, number: int) -> dict[str, str]:
        with opened_arrays(self._path(number)) as file:
            errors: dict[str, str] = json.loads(file["errors"].tobytes())
            return errors

    def _numbers(self, number: int) -> range:
        return range(number * IMAGES_PER_FILE, min((number + 1) * IMAGES_PER_FILE, len(self.images.paths)))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"
