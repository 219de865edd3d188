"""The sets that a face aggregation network is trained on: N images of one person, a positive, and a negative."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.degradations import motion_blur
from clipselect.errors import ClipselectError
from clipselect.media.images import Image, read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.loop import Example
from clipselect.training.set_examples import SetImages
from clipselect.training.training_examples import Sample, readable_example

MAX_BLUR = 9 / 112
"""Length of the motion blur as a fraction of the longer side: 9 pixels of 112."""
BLUR_PROBABILITY = 0.5
MAX_LIGHT = 0.2
"""By how much contrast, brightness and saturation change at most."""


@dataclass(frozen=True)
class FANExamples:
    """Sets for a face aggregation network; callable as `clipselect.training.loop.batches` wants it.

    All images of a set are mirrored or none, as in a video; contrast, brightness and saturation of every image change
    by themselves, and half of the inputs are blurred. The positive is never blurred: the discriminator sees it as real.

    Attributes:
        per_set: N; of an identity with fewer images besides the positive, images are repeated.

    Raises:
        ClipselectError: no identity has two images, so that none has a positive.
    """

    data: SetImages
    input_spec: InputSpec
    per_set: int
    seed: int

    def __post_init__(self) -> None:
        if not self.with_positive:
            raise ClipselectError(
                f"{self.data.images.paths[0]} and the other images to train on: no identity has two of them, as those "
                "that have may be held out to choose the best step; add a second image of other identities"
            )

    @cached_property
    def with_positive(self) -> list[int]:
        """The identities with an image besides the positive."""
        return [label for label, own in enumerate(self.data.by_identity) if len(own) >= 2]

    def __call__(self, step: int, i: int) -> Example:
        """Images [N + 1, 3, height, width] in [0, 1], the positive last; the numbers [N + 2] of them and a negative."""
        people = self.data.by_identity

        def draw(rng: np.random.Generator) -> Sample:
            person = int(rng.choice(self.with_positive))
            other = (person + int(rng.integers(1, len(people)))) % len(people)
            positive, *rest = rng.permutation(people[person]).tolist()
            chosen = rng.choice(rest, self.per_set, replace=len(rest) < self.per_set).tolist()
            numbers = [*chosen, positive, int(rng.choice(people[other]))]
            paths = [self.data.images.paths[n] for n in numbers[:-1]]
            return Sample(paths[0], torch.tensor(numbers), lambda: self._pixels(paths, rng))

        return readable_example(draw, (self.seed, step, i))

    def _pixels(self, paths: Sequence[str], rng: np.random.Generator) -> Tensor:
        is_mirrored = rng.random() < 0.5
        images = [self.input_spec.squash(read_image(path))[:, :: -1 if is_mirrored else 1] for path in paths]
        blurred = [randomly_blurred(np.ascontiguousarray(image), rng) for image in images[:-1]]
        return torch.stack([randomly_lit(image, rng) for image in (*blurred, images[-1])])


def randomly_blurred(image: Image, rng: np.random.Generator) -> Image:
    """Every second image, by motion blur of 3 to 9 pixels of 112."""
    if rng.random() >= BLUR_PROBABILITY:
        return image
    return motion_blur(image, rng.uniform(MAX_BLUR / 3, MAX_BLUR) * max(image.shape[:2]), rng.uniform(0, np.pi))


def randomly_lit(image: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """[h, w, 3] -> [3, h, w] float in [0, 1]: contrast, brightness and saturation changed."""
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
    contrast, brightness, saturation = rng.uniform(1 - MAX_LIGHT, 1 + MAX_LIGHT, 3).tolist()
    x = (x - x.mean()) * contrast + x.mean() * brightness
    grey = x.mean(0, keepdim=True)
    return ((x - grey) * saturation + grey).clamp(0, 1).contiguous()
