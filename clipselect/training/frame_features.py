"""Features of all training frames, as they are and degraded, in files of some hundred frames each.

See `clipselect.training.array_files` for the files, and `FrameElements` for what stands in them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.degradations import Kind, degrade
from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError, ImageError
from clipselect.media.images import Image, read_image
from clipselect.training.array_files import ArrayFiles, read_arrays
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
    def files(self) -> ArrayFiles:
        return ArrayFiles(self.folder, len(self.images.paths), IMAGES_PER_FILE, self.settings)

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
        for number in self.files.numbers(share):
            places = self.files.places(number)
            if not self.files.path(number).exists() or self.files.errors_of(number):  # it may have been repaired
                self.files.write(number, *self._computed(base, places, failed))
            done(len(places))

    def _computed(
        self, base: Embedder, places: range, failed: Callable[[str, ClipselectError], Any]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
        kept: list[int] = []
        errors: dict[str, str] = {}

        def variants() -> Iterator[Image]:
            for i in places:
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
        arrays: dict[str, NDArray[Any]] = {
            "image": np.repeat(np.array(kept, dtype=np.int64), self.variants.per_image),
            "variant": np.tile(np.arange(self.variants.per_image), len(kept)),
            "features": features,
        }
        return arrays, errors

    def __iter__(self) -> Iterator[FrameElements]:
        """The elements file by file, in the order of the images; files without any are left out."""
        for number in range(self.files.count):
            arrays = read_arrays(self.files.path(number), ["image", "variant", "features"])
            elements = FrameElements(arrays["image"], arrays["variant"], arrays["features"])
            if len(elements.image):
                yield elements
