"""The sets that a network of sets is trained on: which images make a set, and which of these are degraded.

A fresh choice every time: with few identities, a network would overfit to fixed sets. `SetExamples` also degrades
images in a new way every time; `FeatureSetExamples` takes one of the variants of an image whose features are known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.degradations import degrade
from clipselect.data.identities import LabelledImages
from clipselect.media.images import Image, read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.loop import Example
from clipselect.training.training_examples import Sample, readable_example


@dataclass(frozen=True)
class SetImages:
    """Labelled images, and what the base says about each of them as it is.

    Attributes:
        features: [n, d] float32, each of length 1.
        degraded: [n, v, d] float32, of v degraded variants of every image, each of length 1.
    """

    images: LabelledImages
    features: NDArray[np.float32]
    degraded: NDArray[np.float32]

    @classmethod
    def without_features(cls, images: LabelledImages) -> "SetImages":
        """Images that are not embedded yet, as if all of them could be read."""
        n = len(images.paths)
        return cls(images, np.empty((n, 0), np.float32), np.empty((n, 0, 0), np.float32))

    def of_identities(self, wanted: NDArray[np.int64]) -> "SetImages":
        """Those of some identities, by their numbers."""
        kept = np.flatnonzero(np.isin(self.images.labels, wanted))
        names = tuple(self.images.identities[i] for i in wanted)
        new = {int(old): place for place, old in enumerate(wanted)}
        paths = tuple(self.images.paths[i] for i in kept)
        labels = tuple(new[self.images.labels[i]] for i in kept)
        return SetImages(LabelledImages(paths, labels, names), self.features[kept], self.degraded[kept])

    @cached_property
    def by_identity(self) -> list[NDArray[np.int64]]:
        """The numbers of the images of every identity."""
        labels = np.array(self.images.labels)
        return [np.flatnonzero(labels == label) for label in range(len(self.images.identities))]


@dataclass(frozen=True)
class SetExamples:
    """Sets of images of one identity; callable as `clipselect.training.loop.train` wants it.

    From none to all of the images of a set are degraded, each number equally often.

    Attributes:
        per_set: images of a set (T_tr); of an identity with fewer, images are repeated.
        target: (numbers of the images [T], which of them are as they are [T]) -> the target [T, ...].
        mirrored: every second image is mirrored.
    """

    data: SetImages
    input_spec: InputSpec
    per_set: int
    seed: int
    target: Callable[[NDArray[np.int64], NDArray[np.bool_]], Tensor]
    mirrored: bool

    def __call__(self, step: int, i: int) -> Example:
        """Images [T, 3, height, width] in [0, 1] and their target."""

        def draw(rng: np.random.Generator) -> Sample:
            chosen, is_good = drawn_set(self.data, self.per_set, rng)
            paths = [self.data.images.paths[n] for n in chosen]

            def read() -> Tensor:
                images = [read_image(path) for path in paths]
                return torch.stack(
                    [self._pixels(image, good, rng) for image, good in zip(images, is_good, strict=True)]
                )

            return Sample(paths[0], self.target(chosen, is_good), read)

        return readable_example(draw, (self.seed, step, i))

    def _pixels(self, image: Image, is_good: bool, rng: np.random.Generator) -> Tensor:
        """[h, w, 3] -> [3, height, width] in [0, 1]; degraded in the size that the base takes, as in the evaluation."""
        seen = self.input_spec.squash(image)
        seen = seen if is_good else degrade(seen, "faces", rng)
        seen = seen[:, ::-1] if self.mirrored and rng.random() < 0.5 else seen
        return torch.from_numpy(np.ascontiguousarray(seen)).permute(2, 0, 1).float() / 255


@dataclass(frozen=True)
class FeatureSetExamples:
    """The same sets, as features of the base that are known already: no pixels are read.

    Attributes:
        target: numbers of the images [T] -> the target [...].
        in_order: a set is images that follow each other, see `drawn_set`.
    """

    data: SetImages
    per_set: int
    seed: int
    target: Callable[[NDArray[np.int64]], Tensor]
    in_order: bool = False

    def __call__(self, step: int, i: int) -> Example:
        """Features [T, d] of length 1, some of degraded variants, and their target."""
        rng = np.random.default_rng([self.seed, step, i])
        chosen, is_good = drawn_set(self.data, self.per_set, rng, self.in_order)
        return torch.from_numpy(features_of(self.data, chosen, is_good, rng)), self.target(chosen)


def drawn_set(
    data: SetImages, per_set: int, rng: np.random.Generator, in_order: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers of the images [T] of an identity, and which are as they are [T]: each number of them equally often.

    Args:
        in_order: images that follow each other in the order of their paths, the last one repeated if they are too few.
    """
    own = data.by_identity[rng.integers(len(data.by_identity))]
    if in_order:
        start = rng.integers(max(len(own) - per_set, 0) + 1)
        chosen = own[np.minimum(np.arange(start, start + per_set), len(own) - 1)]
    else:
        chosen = rng.choice(own, per_set, replace=len(own) < per_set)
    return chosen, rng.permutation(per_set) >= rng.integers(per_set + 1)


def features_of(
    data: SetImages, chosen: NDArray[np.int64], is_good: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float32]:
    """The features [T, d] of images [T]: as they are, or of one of their degraded variants."""
    variant = rng.integers(data.degraded.shape[1], size=len(chosen))
    return np.where(is_good[:, None], data.features[chosen], data.degraded[chosen, variant])
