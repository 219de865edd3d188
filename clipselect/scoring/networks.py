"""What computes a DDNet's scores: PyTorch, or NumPy as long as importing PyTorch would take longer than the work."""

import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.numpy_ddnet import NumPyDDNet

if TYPE_CHECKING:
    import torch

    from clipselect.method.ddnet import DDNet

Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Scores [n] in (0, 1) and features [n, d]."""

MIN_BATCH = 2
"""Convolutions of a single element round differently (6e-8), and a score must not depend on its batch. So a single
element is scored together with a black one."""
MAX_NUMPY_PIXELS = 10_000_000
"""Pixels that NumPy is given before PyTorch takes over, 390 clips of 4 x 80 x 80: NumPy takes about as much longer for
them as PyTorch takes to be imported, 2 s."""


class TorchNetwork:
    """A DDNet in PyTorch, on its device."""

    def __init__(self, net: "DDNet", spec: InputSpec, device: "torch.device") -> None:
        self.net, self.device, self._spec = net, device, spec
        self._fused = _fused(net)

    @property
    def device_name(self) -> str:
        return str(self.device)

    def __call__(self, elements: NDArray[np.uint8]) -> Outputs:
        """Of elements [n, *spec.shape] uint8 RGB, n >= 1."""
        import torch

        filler = self._spec.blank(max(MIN_BATCH - len(elements), 0))
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):  # the caller's changes scores
            batch = self._spec.normalise(np.concatenate([elements, filler]) if len(filler) else elements, self.device)
            features = self._fused.features(batch)[: len(elements)]
            return self._fused.scores(features).cpu().numpy(), features.cpu().numpy()


def _fused(net: "DDNet") -> "DDNet":
    """A copy whose convolutions do the batch normalisation behind them, in four fifths of the time."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fused = deepcopy(net).eval()
    for layers in [module for module in fused.modules() if isinstance(module, nn.Sequential)]:
        for i, (layer, behind) in enumerate(pairwise([*layers])):
            if isinstance(layer, nn.Conv2d | nn.Conv3d) and isinstance(behind, nn.BatchNorm2d | nn.BatchNorm3d):
                layers[i], layers[i + 1] = fuse_conv_bn_eval(layer, behind), nn.Identity()
    return fused


class QuickStart:
    """A DDNet for clips that is there at once: NumPy computes the first clips, PyTorch those after `MAX_NUMPY_PIXELS`.

    Where PyTorch has been imported anyway, it computes all of them.

    Args:
        load: makes the DDNet in PyTorch.
    """

    def __init__(self, first: NumPyDDNet, load: Callable[[], TorchNetwork]) -> None:
        self._first, self._load = first, load
        self._pixels = 0

    @cached_property
    def _torch(self) -> TorchNetwork:
        return self._load()

    @property
    def _in_torch(self) -> bool:
        return "torch" in sys.modules or self._pixels >= MAX_NUMPY_PIXELS

    @property
    def net(self) -> "DDNet":
        return self._torch.net

    @property
    def device(self) -> "torch.device":
        return self._torch.device

    @property
    def device_name(self) -> str:
        """Of where the next clips are computed."""
        return self._torch.device_name if self._in_torch else "cpu"

    def __call__(self, elements: NDArray[np.uint8]) -> Outputs:
        """As `TorchNetwork`, to 1e-5."""
        if self._in_torch:
            return self._torch(elements)
        self._pixels += elements[..., 0].size
        return self._first(elements)
