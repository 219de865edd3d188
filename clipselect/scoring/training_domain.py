"""Is a video unlike everything that a DDNet was distilled on? Then the order of its scores is a guess.

The DDNet's own features answer: a mixture of Gaussians is fitted to those of its training clips, and travels with its
weights. A video is as unlike the training clips as its own clips lie far from the nearest Gaussian.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

UNLIKE = 0.99
"""A video is called unlike the training clips if it lies further from them than this share of known videos."""
PREFIX = "training_domain."
"""Of the names of its tensors in a weights file."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class TrainingDomain:
    """The training clips of a DDNet, as c Gaussians over its d features; see `clipselect.training.domain_fit`.

    Attributes:
        mean, scale: [d] of the features of the training clips.
        centres: [c, d] in scaled features.
        factors: [c, d, d] lower triangular: the inverse covariance is `factor @ factor.T`.
        distances: [101] percentiles 0 to 100 of the distances of known videos, most of them never trained on.
    """

    mean: Features
    scale: Features
    centres: Features
    factors: Features
    distances: Features

    def clip_distances(self, features: Features) -> Features:
        """[n] of clips, from their features [n, d]: minus twice the log likelihood of the likeliest Gaussian, less a
        constant."""
        scaled = (features - self.mean) / self.scale
        away = [
            (((scaled - centre) @ factor) ** 2).sum(axis=1) - 2 * np.log(np.diag(factor)).sum()
            for centre, factor in zip(self.centres, self.factors, strict=True)
        ]
        nearest: Features = np.min(away, axis=0)
        return nearest

    def share_nearer(self, features: Features) -> float:
        """Which share of the known videos, in [0, 1], is nearer to the training clips than a video.

        Args:
            features: [n, d] of the video's clips.
        """
        distance = self.clip_distances(features).mean()
        if distance > self.distances[-1]:
            return 1.0
        return float(np.searchsorted(self.distances, distance, side="left")) / len(self.distances)

    def tensors(self) -> "dict[str, Tensor]":
        """For a weights file. The factors are packed in half precision, which changes distances by less than 1 %."""
        import torch

        rows, columns = np.tril_indices(self.factors.shape[1])
        packed = torch.from_numpy(self.factors[:, rows, columns]).half()
        names = ("mean", "scale", "centres", "distances")
        return {PREFIX + name: torch.from_numpy(getattr(self, name)) for name in names} | {PREFIX + "factors": packed}

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
        count, d = found["centres"].shape
        if {found["mean"].shape, found["scale"].shape} != {(d,)} or found["distances"].ndim != 1:
            raise ValueError("shapes do not fit")
        factors = np.zeros((count, d, d), np.float32)
        rows, columns = np.tril_indices(d)
        factors[:, rows, columns] = found["factors"]
        return cls(found["mean"], found["scale"], found["centres"], factors, found["distances"])
