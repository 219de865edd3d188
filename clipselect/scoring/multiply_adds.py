"""What a network costs, counted by fvcore. One multiply-add counts as one."""

import math
import warnings
from typing import Any

import torch
from torch import nn

from clipselect.scoring.input_spec import InputSpec


def multiply_adds(net: nn.Module, spec: InputSpec, device: torch.device | None = None) -> float:
    """Multiply-adds of a network for one element, with all its crops; 0 where fvcore sees no network.

    >>> spec = InputSpec(16, 16, (0.5,) * 3, (0.5,) * 3)
    >>> multiply_adds(nn.Conv2d(3, 4, 1), spec) == 3 * 4 * 16 * 16
    True
    """
    parameter = next(net.parameters(), None)
    device = device or (torch.device("cpu") if parameter is None else parameter.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore imports deprecated parts of torch
        from fvcore.nn import FlopCountAnalysis  # slow to import

    analysis = FlopCountAnalysis(net, torch.zeros(1, 3, *spec.shape[:-1], device=device))
    analysis.set_op_handle("aten::scaled_dot_product_attention", _attention)
    try:
        return (
            float(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
            * spec.geometry.crops
        )
    except RuntimeError:  # a callable that fvcore cannot trace
        return 0.0


def _attention(inputs: list[Any], _: list[Any]) -> int:
    """Of queries [..., n, d], keys [..., m, d] and values [..., m, e]; fvcore counts none of torch's own attention."""
    query, key, value = (tensor.type().sizes() for tensor in inputs[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
