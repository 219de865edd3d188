"""Faces as they are, with most frames of every set blurred, and with all frames degraded.

Blurred, as in the Face Aggregation paper (ICIP 2021): of a set of n frames all but max(1, round(n / 10)) are blurred
along a line of so many pixels at a random angle, in the size that the base takes. Which ones, and the angles, depend on
the seed and the number of the set alone: they are the same at every length.

Degraded: every frame, as `clipselect.data.degradations.degrade` does it, with a severity of its own drawn evenly from
[0, 1]. Degradation and severity depend on the seed and the image: a frame is the same in all sets that hold it.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipselect.data.degradations import degrade, motion_blur
from clipselect.evaluation.sets.face_sets import FaceSets
from clipselect.evaluation.sets.frame_table import FrameChange, degradation_code
from clipselect.media.images import Image
from clipselect.zoo.embedder import Embedder

UNCHANGED = 0.0


@dataclass(frozen=True)
class Condition:
    """The elements of a data set, unchanged, blurred or degraded.

    Attributes:
        elements: [n] which element of the data set each is; a blurred element occurs once for every set that holds it.
        lengths: [n] pixels of motion blur, 0 for none.
        angles: [n] radians.
        groups: [g] the elements of every set.
        seed: of degradations; None where there are none.
    """

    name: str
    elements: NDArray[np.int64]
    lengths: NDArray[np.float64]
    angles: NDArray[np.float64]
    groups: list[list[int]]
    seed: int | None = None

    @property
    def is_blurred(self) -> bool:
        return bool(self.lengths.any())

    @property
    def is_changed(self) -> bool:
        return self.is_blurred or self.seed is not None


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


def degraded(sets: FaceSets, seed: int, name: str) -> Condition:
    """Every frame degraded, with a severity of its own."""
    n = len(sets.paths)
    return Condition(f"{name}, degraded", np.arange(n), np.zeros(n), np.zeros(n), sets.groups, seed)


def change_of(condition: Condition, sets: FaceSets, base: Embedder) -> FrameChange | None:
    """What turns images into what the networks see: faces are cropped, and what is blurred or degraded is squashed to
    the base's size first."""
    if sets.crop is None and not condition.is_changed:
        return None

    def apply(image: Image, i: int) -> Image:
        face = image if sets.crop is None else sets.crop(image, int(condition.elements[i]))
        if condition.seed is not None:
            rng = np.random.default_rng([condition.seed, int(condition.elements[i])])
            return degrade(base.input_spec.squash(face), "faces", rng, severity=rng.random())
        if condition.lengths[i] == 0:
            return face
        return motion_blur(base.input_spec.squash(face), condition.lengths[i], condition.angles[i])

    arrays = (condition.elements, condition.lengths, condition.angles)
    identity = hashlib.sha256(sets.crop_identity.encode() + b"".join(array.tobytes() for array in arrays))
    if condition.is_changed:
        identity.update(f"{condition.seed} {degradation_code()}".encode())
    return FrameChange(apply, identity.hexdigest())
