"""Faces as they are, and with most frames of every set blurred: the protocol of the Face Aggregation paper (ICIP 2021).

Of a set of n frames all but max(1, round(n / 10)) are blurred along a line of so many pixels at a random angle, in the
size that the base takes. Which ones, and the angles, depend on the seed and the number of the set alone: they are the
same at every length.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipselect.data.degradations import motion_blur
from clipselect.evaluation.sets.face_sets import FaceSets
from clipselect.evaluation.sets.frame_table import FrameChange, degradation_code
from clipselect.media.images import Image
from clipselect.zoo.embedder import Embedder

UNCHANGED = 0.0


@dataclass(frozen=True)
class Condition:
    """The elements of a data set, unchanged or blurred.

    Attributes:
        elements: [n] which element of the data set each is; a blurred element occurs once for every set that holds it.
        lengths: [n] pixels of motion blur, 0 for none.
        angles: [n] radians.
        groups: [g] the elements of every set.
    """

    name: str
    elements: NDArray[np.int64]
    lengths: NDArray[np.float64]
    angles: NDArray[np.float64]
    groups: list[list[int]]

    @property
    def is_blurred(self) -> bool:
        return bool(self.lengths.any())


def condition_of(sets: FaceSets, length: float, seed: int, name: str) -> Condition:
    """All frames unchanged (length 0), or all but one of ten blurred along a line of `length` pixels."""
    if length == UNCHANGED:
        n = len(sets.paths)
        return Condition(name, np.arange(n), np.zeros(n), np.zeros(n), sets.groups)
    elements, lengths, angles, groups = list[int](), list[float](), list[float](), list[list[int]]()
    for number, group in enumerate(sets.groups):
        rng = np.random.default_rng([seed, number])
        sharp = rng.permutation(len(group))[: max(1, round(len(group) / 10))].tolist()
        groups.append([*range(len(elements), len(elements) + len(group))])
        elements += group
        lengths += [0 if i in sharp else length for i in range(len(group))]
        angles += rng.uniform(0, np.pi, len(group)).tolist()
    return Condition(f"{name}, blur {length:g}", np.array(elements), np.array(lengths), np.array(angles), groups)


def change_of(condition: Condition, sets: FaceSets, base: Embedder) -> FrameChange | None:
    """What turns images into what the networks see: faces are cropped; to be blurred, squashed to the base's size."""
    if sets.crop is None and not condition.is_blurred:
        return None

    def apply(image: Image, i: int) -> Image:
        face = image if sets.crop is None else sets.crop(image, int(condition.elements[i]))
        if condition.lengths[i] == 0:
            return face
        return motion_blur(base.input_spec.squash(face), condition.lengths[i], condition.angles[i])

    arrays = (condition.elements, condition.lengths, condition.angles)
    identity = hashlib.sha256(sets.crop_identity.encode() + b"".join(array.tobytes() for array in arrays))
    if condition.is_blurred:
        identity.update(degradation_code().encode())
    return FrameChange(apply, identity.hexdigest())
