"""Distilling the discriminability into a DDNet: the loss of equation 6 and what it is fed."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def distillation_loss(scores: Tensor, d_scores: Tensor) -> Tensor:
    """Eq. 6: 1/(2N) sum (score - D)^2 over scores [n] and D-scores [n], both in (0, 1).

    >>> distillation_loss(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor(0.0312)
    """
    return (scores - d_scores).square().mean() / 2


def ranking_loss(logits: Tensor, d_scores: Tensor, margin: float = 0.1) -> Tensor:
    """Logistic loss over all pairs of a batch whose D-scores differ by more than `margin`; 0 if there are none.

    Not in the paper: selection needs the order alone, and eq. 6 spends its capacity on the values.

    Args:
        logits: [n], the DDNet's scores before the sigmoid.
        d_scores: [n] in (0, 1).

    >>> right, wrong = torch.tensor([2.0, -2.0]), torch.tensor([-2.0, 2.0])
    >>> d_scores = torch.tensor([0.9, 0.2])
    >>> bool(ranking_loss(right, d_scores) < ranking_loss(wrong, d_scores))
    True
    """
    better = d_scores.unsqueeze(1) - d_scores.unsqueeze(0) > margin
    if not bool(better.any()):
        return logits.sum() * 0
    return torch.nn.functional.softplus(logits.unsqueeze(0) - logits.unsqueeze(1))[better].mean()


def even_weights(d_scores: ArrayLike, bins: int = 10) -> NDArray[np.float64]:
    """Sampling probabilities [n] that draw elements evenly over the range of D-scores.

    Most elements of untrimmed videos are background with much the same D-score; drawn at random they drown the rest.
    The range from the lowest to the highest D-score is cut into `bins` equal parts; every part that holds elements is
    equally likely, and so are the elements within it.

    Raises:
        ValueError: no D-scores.

    >>> even_weights([0.1, 0.1, 0.1, 0.9])
    array([0.16666667, 0.16666667, 0.16666667, 0.5       ])
    """
    values = np.asarray(d_scores, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("d_scores must be a list of at least one number")
    span = values.max() - values.min()
    part = ((values - values.min()) / (span or 1.0) * bins).astype(int).clip(0, bins - 1)
    counts = np.bincount(part, minlength=bins)
    return 1 / (counts[part] * np.count_nonzero(counts))
