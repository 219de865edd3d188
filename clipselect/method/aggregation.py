"""From the kept elements to one answer for the group: equations 8 to 11. Pure functions."""

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ArgumentError, check_argument
from clipselect.method.selection import score_array

if TYPE_CHECKING:
    from torch import Tensor

Rescale = Literal["candidates", "kept"]


def rescaled(scores: ArrayLike) -> NDArray[np.float64]:
    """Min-max rescaled scores R_i = K D_i + B (eq. 9 to 11), [n] in [0, 1]; all 1 when every score is the same.

    Raises:
        ArgumentError: no scores, or one that is not finite.

    >>> rescaled([0.25, 0.75, 0.5])
    array([0. , 1. , 0.5])
    """
    values = _finite(scores)
    values = values / 2 if np.abs(values).max() > 1 else values  # the range of any two finite floats stays finite
    span = values.max() - values.min()
    return (values - values.min()) / span if span > 0 else np.ones_like(values)


def weights(
    scores: ArrayLike, kept: ArrayLike, rescale: Rescale | None = None, *, in_unit_interval: bool = True
) -> NDArray[np.float64]:
    """Weight of every kept element.

    Args:
        scores: [n] scores of *all* candidates of the group.
        kept: [k] indices of the kept ones.
        rescale: None: weights are the scores. Otherwise eq. 9 to 11, with the minimum and maximum of all elements of
            the group ("candidates") or of the kept ones, as the paper prints it ("kept"): the worst of them weighs
            nothing. What did better where: benchmarks/README.md.
        in_unit_interval: whether the scores are estimates of D-scores, in [0, 1]. Scores on any other scale are no
            weights as they are: without `rescale` all kept elements weigh 1.

    Returns:
        [k] float64 in [0, 1], in the order of `kept`; all 1 where they would all be 0.

    Raises:
        ArgumentError: no scores, one that is not finite, no indices of them, or an unknown `rescale`.

    >>> scores, kept = [0.25, 0.75, 0.5], [1, 2]
    >>> weights(scores, kept)
    array([0.75, 0.5 ])
    >>> weights(scores, kept, rescale="candidates")
    array([1. , 0.5])
    >>> weights(scores, kept, rescale="kept")
    array([1., 0.])
    """
    values = _finite(scores)
    index = _index_array(kept, len(values))
    if rescale == "kept":
        out = rescaled(values[index])
    elif rescale == "candidates":
        out = rescaled(values)[index]
    elif rescale is None:
        out = values[index].clip(0, 1) if in_unit_interval else np.ones(len(index))
    else:
        raise ArgumentError("rescale", f"must be one of {get_args(Rescale)} or None, got {rescale!r}")
    return out if out.any() else np.ones_like(out)


def aggregate(features: "Tensor", weights: "ArrayLike | Tensor") -> "Tensor":
    """Weighted mean of the kept elements (eq. 8, with the sum of the weights as its denominator).

    Args:
        features: [k, ...] floats: features, or class probabilities, of the kept elements.
        weights: [k] floats >= 0, not all 0.

    Returns:
        [...] in the dtype of `features`; a convex combination of its rows.

    Raises:
        ArgumentError: features that are no tensor of floats; weights of another number, below 0, or all 0.

    >>> import torch
    >>> aggregate(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), [1.0, 0.5])
    tensor([0.6667, 0.3333])
    """
    import torch

    if not isinstance(features, torch.Tensor) or not features.is_floating_point() or not features.ndim:
        got = f"{features.dtype} {[*features.shape]}" if isinstance(features, torch.Tensor) else type(features).__name__
        raise ArgumentError("features", f"must be a tensor of floats [k, ...], got {got}")
    try:
        w = torch.as_tensor(weights, dtype=torch.float64, device=features.device)
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArgumentError("weights", f"must be a list of numbers, got {type(weights).__name__}: {e}") from e
    one_each = w.ndim == 1 and len(w) == len(features)
    problem = f"must be one weight per row of features, got {[*w.shape]} for {len(features)} rows"
    check_argument(one_each, "weights", problem)
    valid = bool(((w >= 0) & w.isfinite()).all()) and bool(w.any())
    check_argument(valid, "weights", "must be finite, at least 0 and not all 0")
    w = w / w.max()  # the sum of huge weights stays finite
    return torch.tensordot(w / w.sum(), features.double(), dims=1).to(features.dtype)


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    values = score_array(scores)
    check_argument(bool(np.isfinite(values).all()), "scores", "hold a NaN or infinity; leave that element out")
    return values


def _index_array(kept: ArrayLike, elements: int) -> NDArray[np.int64]:
    """Indices of elements; an ArgumentError if they are not."""
    problem = f"must be indices in [0, {elements}), got {kept!r}"
    try:
        index = np.asarray(kept)
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArgumentError("kept", problem) from e
    whole = index.ndim == 1 and (index.dtype.kind in "iu" or not len(index))  # an empty list is one of floats
    check_argument(whole and bool(((index >= 0) & (index < elements)).all()), "kept", problem)
    return index.astype(np.int64)
