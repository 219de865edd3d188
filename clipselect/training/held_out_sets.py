"""Sets of held-out identities, clean and degraded: how well a network of sets keeps people apart, beside averaging."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.degradations import degrade
from clipselect.errors import ClipselectError, ImageError
from clipselect.evaluation.metrics.verification import decidability
from clipselect.evaluation.sets.face_sets import all_pairs
from clipselect.media.images import Image, read_image
from clipselect.media.unreadable import OnError
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.unit_rows import unit_rows
from clipselect.sets.set_module import SetModule
from clipselect.training.set_examples import SetImages, features_of
from clipselect.zoo.embedder import Embedder

HELD_OUT_FRACTION = 0.1
"""Of the identities, held out of the training."""
MIN_IDENTITIES, MAX_IDENTITIES = 2, 40
"""That are held out."""
MAX_SET = 5
"""Images of a held-out set; every identity has two."""
UNCHANGED, ALL_BUT_ONE = "as they are", "all but one degraded"
CONDITIONS: Mapping[str, Callable[[int], int]] = {
    UNCHANGED: lambda images: 0,
    ALL_BUT_ONE: lambda images: images - 1,
    "every frame degraded": lambda images: images,
}
"""Images of a set that are degraded. Sets of one image are left out of `ALL_BUT_ONE`, which would degrade none."""

S = TypeVar("S")
T = TypeVar("T", list[Image], NDArray[np.int64])
FeaturesOfSets = Callable[[str], NDArray[np.float32]]
"""Name of a condition -> the features [g, d] of its sets."""


def split_identities(data: SetImages, seed: int) -> tuple[SetImages, SetImages]:
    """Those to train on, and those to choose the best step by, of which each has at least two images.

    Raises:
        ClipselectError: fewer than two would be left for either.
    """
    count = len(data.images.identities)
    fitting = np.array([label for label, own in enumerate(data.by_identity) if len(own) >= 2], dtype=np.int64)
    wanted = min(max(round(HELD_OUT_FRACTION * count), MIN_IDENTITIES), MAX_IDENTITIES)
    if len(fitting) < MIN_IDENTITIES or count - wanted < 2:
        raise ClipselectError(
            f"{count} identities to train on, {len(fitting)} of them with two images or more, are too few: two of "
            "these are held out to choose the best step, and at least two others are needed; add identities or images"
        )
    held_out = np.sort(np.random.default_rng(seed).permutation(fitting)[:wanted])
    others = np.setdiff1d(np.arange(count), held_out)
    return data.of_identities(others), data.of_identities(held_out)


@dataclass(frozen=True)
class HeldOut(ABC, Generic[S]):
    """Two sets of every identity in every condition, the same for every network and step.

    Attributes:
        sets: by condition.
        identities: [g] of the sets, by condition; only of conditions with sets of at least two identities.
    """

    sets: Mapping[str, list[S]]
    identities: Mapping[str, list[str]]

    @abstractmethod
    def averages(self, condition: str) -> NDArray[np.float32]:
        """The mean [g, d] of the base's features of every set, each scaled to length 1."""

    def measured(self, features_of: FeaturesOfSets) -> dict[str, float]:
        """The decidability of sets in every condition."""
        found = {}
        for condition, identities in self.identities.items():
            pairs = all_pairs(identities, range(len(identities)))
            unit = unit_rows(features_of(condition))
            found[condition] = decidability((unit[pairs.first] * unit[pairs.second]).sum(1), pairs.same)
        return found

    @cached_property
    def average(self) -> dict[str, float]:
        """That of averaging the base's features."""
        return self.measured(self.averages)

    def gain(self, features_of: FeaturesOfSets) -> float:
        """By what fraction the decidability lies above the average's, the mean over the conditions: 0 is as good."""
        pairs = ((value, self.average[name]) for name, value in self.measured(features_of).items())
        return float(np.mean([(value - average) / max(average, 1.0) for value, average in pairs]))

    def report(self, network: str, features_of: FeaturesOfSets) -> dict[str, Any]:
        """The decidability of a network by condition, and how many identities and sets it was measured on."""
        decidabilities = {network: self.measured(features_of), "average": self.average}
        sets = self.identities[UNCHANGED]
        return {"identities": len({*sets}), "sets": len(sets), "decidability": decidabilities}


@dataclass(frozen=True)
class HeldOutSets(HeldOut[list[Image]]):
    """Sets of images.

    Attributes:
        base: embeds them, for the average that a network of sets is compared with.
    """

    base: Embedder

    @classmethod
    def draw(cls, data: SetImages, base: Embedder, seed: int, on_error: OnError) -> "HeldOutSets":
        """Sets of the images that can be read.

        Raises:
            ClipselectError: not enough of them can.
        """

        def read(numbers: NDArray[np.int64]) -> list[Image]:
            images = []
            for path in (data.images.paths[number] for number in numbers):
                try:
                    images.append(base.input_spec.squash(read_image(path)))
                except ImageError as e:
                    on_error(path, e)
            return images

        def with_degraded(images: list[Image], count: int, rng: np.random.Generator) -> list[Image]:
            return [*(degrade(image, "faces", rng) for image in images[:count]), *images[count:]]

        sets, identities = _drawn(data, seed, read, with_degraded)
        if len({*identities[UNCHANGED]}) < MIN_IDENTITIES:
            raise ClipselectError("fewer than two held-out identities have two images that can be read; add images")
        return cls(sets, _measurable(identities), base)

    def averages(self, condition: str) -> NDArray[np.float32]:
        sets = self.sets[condition]
        unit = unit_rows(self.base.embed(image for images in sets for image in images))
        return np.stack([part.mean(0) for part in np.split(unit, np.cumsum([*map(len, sets)])[:-1])])


class SetMeasure:
    """How good a network of sets is on held-out sets of images, while it is trained.

    Args:
        input_spec: of the network.
        keep_frame_features: compute what every frame gives by itself only once, as it is not trained.
    """

    def __init__(self, held_out: HeldOutSets, input_spec: InputSpec, *, keep_frame_features: bool) -> None:
        self.held_out, self.input_spec, self.keep = held_out, input_spec, keep_frame_features
        self.kept: dict[str, list[Tensor]] = {}

    def gain(self, net: SetModule) -> float:
        """See `HeldOut.gain`."""
        return self.held_out.gain(lambda condition: self._features(net, condition))

    def report(self, name: str, net: SetModule) -> dict[str, Any]:
        """See `HeldOut.report`."""
        return self.held_out.report(name, lambda condition: self._features(net, condition))

    @torch.inference_mode()
    def _features(self, net: SetModule, condition: str) -> NDArray[np.float32]:
        spec, device = self.input_spec, next(net.parameters()).device

        def of_frames(images: list[Image]) -> Tensor:
            squashed = np.stack([spec.squash(image) for image in images])
            return net.frame_features(spec.normalise(squashed, device))

        if self.keep and condition not in self.kept:
            self.kept[condition] = [of_frames(images) for images in self.held_out.sets[condition]]
        sets = self.kept[condition] if self.keep else map(of_frames, self.held_out.sets[condition])
        return torch.stack([net.set_feature(features) for features in sets]).cpu().numpy()


class HeldOutFeatures(HeldOut[NDArray[np.float32]]):
    """Sets of features [T, d] of length 1 that are known already, of images and of their degraded variants."""

    @classmethod
    def draw(cls, data: SetImages, seed: int, in_order: bool = False) -> "HeldOutFeatures":
        def with_degraded(numbers: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
            return features_of(data, numbers, np.arange(len(numbers)) >= count, rng)

        sets, identities = _drawn(data, seed, lambda numbers: numbers, with_degraded, in_order)
        return cls(sets, _measurable(identities))

    def averages(self, condition: str) -> NDArray[np.float32]:
        return np.stack([features.mean(0) for features in self.sets[condition]])


def _drawn(
    data: SetImages,
    seed: int,
    read: Callable[[NDArray[np.int64]], T],
    with_degraded: Callable[[T, int, np.random.Generator], S],
    in_order: bool = False,
) -> tuple[dict[str, list[S]], dict[str, list[str]]]:
    """Two sets of every identity in every condition, and the identity of every set.

    Args:
        read: numbers of images of an identity -> those of them that can be used, in a sequence.
        with_degraded: half of these -> a set of them, of which the first so many are degraded.
        in_order: take the first images of an identity, instead of any.
    """
    sets: dict[str, list[S]] = {name: [] for name in CONDITIONS}
    identities: dict[str, list[str]] = {name: [] for name in CONDITIONS}
    for name, own in zip(data.images.identities, data.by_identity, strict=True):
        rng = np.random.default_rng([seed, len(identities[UNCHANGED])])
        usable = read((own if in_order else rng.permutation(own))[: 2 * MAX_SET])
        half = len(usable) // 2
        for part in (usable[:half], usable[half : 2 * half]) if half else ():
            for condition, degraded in _conditions(half).items():
                identities[condition].append(name)
                sets[condition].append(with_degraded(part, degraded, rng))
    return sets, identities


def _conditions(images: int) -> dict[str, int]:
    """How many images of a set of so many are degraded, in every condition that the set is measured in."""
    wanted = (name for name in CONDITIONS if images > 1 or name != ALL_BUT_ONE)
    return {name: CONDITIONS[name](images) for name in wanted}


def _measurable(identities: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Those of conditions in which pairs of one and of two people can be compared."""
    return {name: own for name, own in identities.items() if len({*own}) >= MIN_IDENTITIES}
