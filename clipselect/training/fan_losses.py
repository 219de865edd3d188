"""The losses of the face aggregation network as pure functions (Hörmann et al., ICIP 2021, eq. 6 to 13).

What the paper leaves open is settled so:

- eq. 10 as printed subtracts the new features from the old centre, which would drive it away from them; they are added.
- Its sum is over the N inputs and the positive, each counting 1 / (N + 1).
- beta = 32 belongs to the squared distances of the paper's features. Here features are scaled so that 32 is the median
  squared distance of two people in the training set (`feature_scale`): beta and the weights of the losses keep their
  meaning for every embedder.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clipselect.errors import check_argument

BETA = 32.0
"""The margin of eq. 6."""
CENTRE_RATE = 0.5
"""r of eq. 10."""
MAX_PAIRS = 100_000
"""Of two people, whose median distance is taken."""


def discriminative_loss(
    aggregated: Tensor, positive: Tensor, negative: Tensor, inputs: Tensor, beta: float = BETA
) -> Tensor:
    """Eq. 6 and 7: nearer to the positive than any input is, and at least `beta` away from the negative; the mean [].

    >>> a, p, n = torch.tensor([[3.0]]), torch.tensor([[0.0]]), torch.tensor([[5.0]])
    >>> float(discriminative_loss(a, p, n, torch.tensor([[[2.0], [4.0]]])))     # (9 - 4) + (32 - 4)
    33.0

    Args:
        aggregated, positive, negative: features [B, d] of the aggregated image, of another image of the same person and
            of one of another person.
        inputs: [B, N, d] features of the images that were aggregated.
    """
    alpha = _squared(inputs - positive[:, None]).amin(1)
    too_far = (_squared(aggregated - positive) - alpha).clamp(min=0)
    too_near = (beta - _squared(aggregated - negative)).clamp(min=0)
    return (too_far + too_near).mean()


def average_loss(aggregated: Tensor, inputs: Tensor) -> Tensor:
    """Eq. 8: the squared distance to the mean feature of the inputs; the mean [] over sets.

    >>> float(average_loss(torch.tensor([[3.0]]), torch.tensor([[[0.0], [2.0]]])))
    4.0

    Args:
        aggregated: [B, d].
        inputs: [B, N, d].
    """
    return _squared(aggregated - inputs.mean(1)).mean()


def centre_loss(aggregated: Tensor, centres: Tensor) -> Tensor:
    """Eq. 9: the squared distance to the moving centre of the person; the mean [] over sets.

    Args:
        aggregated, centres: [B, d].
    """
    return _squared(aggregated - centres).mean()


def moved_centre(centre: Tensor, positive: Tensor, inputs: Tensor, rate: float = CENTRE_RATE) -> Tensor:
    """Eq. 10, with a plus: a centre [d] moved towards the mean of the positive [d] and the inputs [N, d].

    >>> moved_centre(torch.tensor([4.0]), torch.tensor([0.0]), torch.tensor([[1.0], [2.0]]))
    tensor([2.5000])
    """
    return (1 - rate) * centre + rate * torch.cat([inputs, positive[None]]).mean(0)


def adversarial_loss(aggregated: Tensor) -> Tensor:
    """Eq. 11, of the generator: -log D(A); the mean [].

    >>> round(float(adversarial_loss(torch.zeros(1))), 4)       # D cannot say: log 2
    0.6931

    Args:
        aggregated: [B] the discriminator's logits for aggregated images.
    """
    return functional.softplus(-aggregated).mean()


def discriminator_loss(aggregated: Tensor, real: Tensor) -> Tensor:
    """Eq. 12: -log(1 - D(A)) - log D(P); the mean [].

    Args:
        aggregated, real: [B] the discriminator's logits for aggregated images and for positives.
    """
    return functional.softplus(aggregated).mean() + functional.softplus(-real).mean()


def total_variation(images: Tensor) -> Tensor:
    """Eq. 13: the sum of squared differences of neighbouring pixels of images [B, 3, h, w]; the mean [] over images.

    >>> float(total_variation(torch.tensor([[[[0.0, 1.0], [3.0, 3.0]]]])))       # 1 + 0 across, 9 + 4 down
    14.0
    """
    across, down = images.diff(dim=-1), images.diff(dim=-2)
    return (across.square().sum() + down.square().sum()) / len(images)


def feature_scale(features: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0) -> float:
    """What to multiply features with so that two people lie `BETA` apart, squared, in the median.

    Args:
        features: [n, d].
        labels: [n], of at least two people.

    Raises:
        ArgumentError: `base`, whose features of people do not differ.

    >>> round(feature_scale(np.array([[0.0], [0.0], [2.0]], np.float32), np.array([0, 0, 1])) ** 2, 6)
    8.0
    """
    first, second = np.random.default_rng(seed).integers(len(labels), size=(2, 4 * MAX_PAIRS))
    impostors = np.flatnonzero(labels[first] != labels[second])[:MAX_PAIRS]
    apart = features[first[impostors]] - features[second[impostors]]
    median = float(np.median(np.square(apart, dtype=np.float64).sum(1)))
    problem = "gives images of different people the same feature, or no numbers; check its weights"
    check_argument(median > np.finfo(np.float32).tiny, "base", problem)
    return float(np.sqrt(BETA / median))


def _squared(differences: Tensor) -> Tensor:
    """Squared lengths along the last axis."""
    return differences.square().sum(-1)
