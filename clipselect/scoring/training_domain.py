"""Is a video unlike everything that a DDNet was distilled on? Then the order of its scores is a guess.

The DDNet's own features answer: cluster centres of the directions of its training clips' features travel with its
weights. A video is as unlike the training clips as its own clips point away from the nearest centre.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clipselect.scoring.unit_rows import unit_rows

if TYPE_CHECKING:
    from torch import Tensor

UNLIKE = 0.99
"""A video is called unlike the training clips if it lies further from them than this share of known videos."""
PREFIX = "training_domain."
"""Of the names of its tensors in a weights file."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class TrainingDomain:
    """The training clips of a DDNet, as c directions in its d features; see `clipselect.training.domain_fit`.

    Attributes:
        mean: [d] of the features of the training clips.
        whitening: [d, d] makes centred features uncorrelated, with about equal variances.
        centres: [c, d] of clusters of the directions of whitened features.
        distances: [101] percentiles 0 to 100 of the distances of videos from the same sources, to which the
            centres were not fitted.
    """

    mean: Features
    whitening: Features
    centres: Features
    distances: Features

    def clip_distances(self, features: Features) -> Features:
        """[n] of clips, from their features [n, d]: squared, in [0, 4], of their direction from the nearest centre."""
        found = unit_rows((features - self.mean) @ self.whitening, least=1e-9)
        squares = 1 + (self.centres**2).sum(axis=1) - 2 * found @ self.centres.T
        nearest: Features = squares.min(axis=1)
        return nearest

    def fraction_nearer(self, features: Features) -> float:
        """Which share of the known videos, in [0, 1], is nearer to the training clips than a video.

        Args:
            features: [n, d] of the video's clips.
        """
        distance = self.clip_distances(features).mean()
        if distance > self.distances[-1]:
            return 1.0
        return float(np.searchsorted(self.distances, distance, side="left")) / len(self.distances)

    def tensors(self) -> "dict[str, Tensor]":
        """For a weights file. The centres are kept in half precision, which changes distances by less than 1 %."""
        import torch

        own = {name: torch.from_numpy(getattr(self, name)) for name in ("mean", "whitening", "centres", "distances")}
        return {PREFIX + name: tensor.half() if name == "centres" else tensor for name, tensor in own.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Any]) -> "TrainingDomain | None":
        """From the tensors or arrays of a weights file; None if it has none, as those of the first version.

        Raises:
            KeyError, ValueError: some tensors are missing, or their shapes do not fit each other.
        """
        own = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items() if name.startswith(PREFIX)}
        found = {name: np.asarray(tensor, np.float32) for name, tensor in own.items()}
        if not found:
            return None
        domain = cls(found["mean"], found["whitening"], found["centres"], found["distances"])
        d = domain.centres.shape[1]
        if (domain.mean.shape, domain.whitening.shape, domain.distances.ndim) != ((d,), (d, d), 1):
            raise ValueError("shapes do not fit")
        return domain
