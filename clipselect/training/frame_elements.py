"""Frames as elements: images of identities, as they are and degraded.

The images of a training set are mostly good; what makes frames bad comes from degradations (`Variants`). Centroids are
those of the images as they are, D-scores are of these and of their degraded variants.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.degradations import Kind, degrade
from clipselect.data.identities import LabelledImages
from clipselect.errors import ImageError
from clipselect.evaluation.sets.frame_table import degradation_code
from clipselect.media.images import Image, read_image, squash_image
from clipselect.media.text import utf8
from clipselect.media.unreadable import OnError
from clipselect.training.elements import NO_CENTROID, DDNetExamples, Elements
from clipselect.training.training_examples import Sample
from clipselect.zoo.embedder import Embedder


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

    def apply(self, image: Image, number: int, variant: int) -> Image:
        """Variant 0 is the image itself; `number` is the image's index in the data."""
        if variant == 0 or self.kind is None:
            return image
        return degrade(image, self.kind, np.random.default_rng([self.seed, number, variant]))


@dataclass(frozen=True)
class FrameElements(Elements):
    """Images and their variants; `label` is the identity.

    Attributes:
        variant: [n] int64, see `Variants`.
    """

    variant: NDArray[np.int64]

    def columns(self, classes: Sequence[str], rows: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, Any]:
        return {
            "image": self.item[rows],
            "variant": self.variant[rows],
            "identity": [utf8(classes[label]) for label in labels.tolist()],
        }


@dataclass(frozen=True)
class FrameData:
    """Images of identities with their variants, and the base that they are distilled for."""

    images: LabelledImages
    base: Embedder
    variants: Variants

    element_type: ClassVar[type[FrameElements]] = FrameElements
    items: ClassVar[str] = "images"
    items_per_file: ClassVar[int] = 256
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("image", pa.int64()), ("path", pa.string()), ("variant", pa.int64()), ("identity", pa.string()),
            ("discriminability", pa.float64()), ("d_score", pa.float64()),
        ]
    )  # fmt: skip

    @property
    def paths(self) -> tuple[str, ...]:
        return self.images.paths

    @property
    def classes(self) -> tuple[str, ...]:
        return self.images.identities

    @property
    def settings(self) -> dict[str, Any]:
        listed = repr((self.images.paths, self.images.labels)).encode("utf-8", "surrogateescape")
        return {
            "base": self.base.identity,
            "images": hashlib.sha256(listed).hexdigest(),
            "variants": asdict(self.variants) | ({"code": degradation_code()} if self.variants.kind else {}),
        }

    @property
    def required(self) -> frozenset[int]:
        """None: an identity without a readable image may go without a centroid."""
        return frozenset()

    def read(self, items: Iterable[int], on_error: OnError) -> list[FrameElements]:
        """Images are embedded in batches over several of them; no more than a batch of pixels is held."""
        kept: list[int] = []

        def variants() -> Iterator[Image]:
            for item in items:
                try:
                    image = read_image(self.paths[item])
                except ImageError as e:
                    on_error(self.paths[item], e)
                    continue
                kept.append(item)
                yield from self.variants_of(image, item)

        features = self.base.embed(variants())
        if not kept:
            return []
        item, label = (
            np.repeat(np.array(values, dtype=np.int64), self.variants.per_image)
            for values in (kept, [self.images.labels[i] for i in kept])
        )
        variant = np.tile(np.arange(self.variants.per_image), len(kept))
        return [FrameElements(item, label, features, variant)]

    def variants_of(self, image: Image, item: int) -> Iterator[Image]:
        """An image as it is, then degraded."""
        return (self.variants.apply(image, item, variant) for variant in range(self.variants.per_image))

    @property
    def centroid_count(self) -> int:
        return len(self.classes)

    def centroid_rows(self, elements: Elements) -> NDArray[np.int64]:
        assert isinstance(elements, FrameElements)
        return np.where(elements.variant == 0, elements.label, NO_CENTROID)


@dataclass
class FrameExamples(DDNetExamples):
    """The pixels that the base saw, perhaps mirrored; nothing else that a D-score could depend on is touched."""

    variants: Variants

    COLUMNS = ("image", "variant")

    def draw(self, n: int, height: int, width: int, rng: np.random.Generator) -> Sample:
        item, variant = int(self.table["image"][n]), int(self.table["variant"][n])
        path = self.paths[item]

        def read() -> Tensor:
            frame = squash_image(self.variants.apply(read_image(path), item, variant), height, width)
            pixels = torch.from_numpy(frame[:, ::-1].copy() if rng.random() < 0.5 else frame).permute(2, 0, 1)
            return pixels.float() / 255

        return Sample(path, self.target(n), read)
