"""The images that an embedder is trained on: which of them make a batch, and what is done to their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.identities import LabelledImages
from clipselect.errors import ArgumentError, check_argument
from clipselect.media.images import Image, read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.loop import Example
from clipselect.training.training_examples import Sample, readable_example

MAX_CROP = 0.1
"""Fraction of the height and of the width that a training crop may lack."""
ERASED_IMAGES, MIN_ERASED, MAX_ERASED, MAX_RATIO = 0.5, 0.02, 0.4, 10 / 3
"""Of random erasing, as published: fractions of the images and of their pixels, the longer by the shorter side."""
MAX_TRIES = 100


@dataclass(frozen=True)
class EmbedderExamples:
    """The examples that an embedder is trained on; callable as `clipselect.training.loop.train` wants it.

    Attributes:
        per_identity: None draws every image once per epoch; K draws K images of each of batch / K identities.
        erase: see `erased`.
    """

    images: LabelledImages
    input_spec: InputSpec
    batch: int
    seed: int
    per_identity: int | None = None
    erase: bool = False

    def __post_init__(self) -> None:
        k = self.per_identity
        if k is None:
            return
        check_argument(k >= 2, "images_per_identity", f"must be at least 2, got {k}")
        if self.batch % k or self.batch < 2 * k:
            problem = f"{self.batch} does not hold {k} images of each of several identities; choose a multiple of {k}"
            raise ArgumentError("batch", problem)
        if self.batch // k > len(self.images.identities):
            problem = f"{self.batch} takes {self.batch // k} identities with {k} images each, but the data have "
            raise ArgumentError("batch", f"{problem}{len(self.images.identities)}; choose a smaller batch")

    def __call__(self, step: int, i: int) -> Example:
        """A flipped, cropped and lit image [3, height, width] in [0, 1] and its label []."""

        def sample(number: int, rng: np.random.Generator) -> Sample:
            path = self.images.paths[number]
            label = torch.tensor(self.images.labels[number])

            def read() -> Tensor:
                pixels = augmented(read_image(path), self.input_spec, rng)
                return erased(pixels, self.input_spec.mean, rng) if self.erase else pixels

            return Sample(path, label, read)

        number = self.image_number(step, i)
        return readable_example(
            lambda rng: sample(int(rng.integers(len(self.images.paths))), rng),
            (self.seed, step, i),
            first=lambda rng: sample(number, rng),
        )

    def image_number(self, step: int, i: int) -> int:
        """Which image is the i-th of that step's batch; a function of the seed and its arguments alone."""
        if self.per_identity is None:
            epoch, position = divmod(step * self.batch + i, len(self.images.paths))
            return int(_permutation(self.seed, epoch, len(self.images.paths))[position])
        slot, k = divmod(i, self.per_identity)
        chosen = np.random.default_rng([self.seed, step]).choice(
            len(self.by_identity), self.batch // self.per_identity, replace=False
        )
        own = self.by_identity[chosen[slot]]
        return int(np.random.default_rng([self.seed, step, slot]).permutation(own)[k % len(own)])

    @cached_property
    def by_identity(self) -> list[NDArray[np.int64]]:
        """The numbers of the images of every identity."""
        labels = np.array(self.images.labels)
        return np.split(np.argsort(labels, kind="stable"), np.bincount(labels).cumsum()[:-1])


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def augmented(image: Image, input_spec: InputSpec, rng: np.random.Generator) -> Tensor:
    """[h, w, 3] -> [3, height, width] float in [0, 1]: little crop, flip, light. Faces must stay nearly aligned."""
    height, width = image.shape[:2]
    h, w = (max(1, round(side * rng.uniform(1 - MAX_CROP, 1))) for side in (height, width))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    crop = input_spec.squash(np.ascontiguousarray(image[top : top + h, left : left + w]))
    if rng.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    contrast, light = rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)
    x = torch.from_numpy(crop).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format) / 255
    return ((x - 0.5) * contrast + 0.5 + light).clamp(0, 1)


def erased(pixels: Tensor, colour: Sequence[float], rng: np.random.Generator) -> Tensor:
    """Random erasing (Zhong, Zheng, Kang, Li, Yang 2020): [3, height, width], in half of the images with a rectangle of
    one colour."""
    if rng.random() >= ERASED_IMAGES:
        return pixels
    height, width = pixels.shape[1:]
    for _ in range(MAX_TRIES):
        area, ratio = height * width * rng.uniform(MIN_ERASED, MAX_ERASED), rng.uniform(1 / MAX_RATIO, MAX_RATIO)
        h, w = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < h < height and 0 < w < width:
            top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            pixels = pixels.clone()
            pixels[:, top : top + h, left : left + w] = torch.tensor(colour).view(3, 1, 1)
            break
    return pixels
