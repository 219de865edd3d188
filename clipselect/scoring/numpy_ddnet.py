"""The DDNet for clips in NumPy (eq. 5): PyTorch computes a clip in a quarter of the time, but takes seconds to import.

Arrays of a clip are [T, H, W, channels]. Clips are computed one by one, so a score does not depend on its batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from clipselect.method.ddnet_config import DDNetConfig
from clipselect.scoring.input_spec import InputSpec

Floats = NDArray[np.float32]
Stride = tuple[int, int, int]

EPS = 1e-5
"""Of PyTorch's batch normalisation."""


@dataclass(frozen=True)
class _Convolution:
    """A convolution without bias, and the batch normalisation behind it.

    Attributes:
        weight: [1 or 3, ...] of the kernel's time, height and width, then inputs and outputs; scaled.
        shift: [outputs].
    """

    weight: Floats
    shift: Floats
    stride: Stride

    def __call__(self, x: Floats) -> Floats:
        t, h, w = self.stride
        if len(self.weight) == 1:
            return x[::t, ::h, ::w] @ self.weight[0, 0, 0] + self.shift
        sides = [-(-length // step) for length, step in zip(x.shape, self.stride, strict=False)]
        padded = np.pad(x, ((1, 1), (1, 1), (1, 1), (0, 0)))
        time, row, column, value = padded.strides
        # The three columns of a window lie side by side in memory, so they are copied as one
        windows = as_strided(
            padded,
            (*sides, 3, 3, 3 * x.shape[-1]),
            (t * time, h * row, w * column, time, row, value),
            writeable=False,
        )
        # Row by row of the frame: for products as small as these BLAS wakes no other thread
        return windows.reshape(*sides, -1) @ self.weight.reshape(-1, self.weight.shape[-1]) + self.shift


@dataclass(frozen=True)
class _Block:
    """`IRBlock`: its residual branch in order, and its shortcut, if that is not the identity."""

    scale: Floats
    shift: Floats
    first: _Convolution
    slope: Floats
    second: _Convolution
    shortcut: _Convolution | None

    def __call__(self, x: Floats) -> Floats:
        residual = self.second(_prelu(self.first(x * self.scale + self.shift), self.slope))
        return residual + (x if self.shortcut is None else self.shortcut(x))


class NumPyDDNet:
    """Scores and features of clips as `clipselect.method.ddnet.DDNet` gives them, to 1e-5.

    Args:
        arrays: its tensors by the names of PyTorch.

    Raises:
        KeyError, ValueError: an array is missing, has another shape, or belongs to no layer.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], config: DDNetConfig, spec: InputSpec) -> None:
        self._arrays = {name: a for name, a in arrays.items() if not name.endswith("num_batches_tracked")}
        widths, stem_stride = config.widths, (1, config.stem_stride, config.stem_stride)
        self._stem = self._convolution("stem.0", "stem.1", (3, widths[0]), stem_stride)
        self._stem_slope = self._take("stem.2.weight", widths[0])
        self._stages: list[list[_Block]] = []
        inputs, number = widths[0], 0
        for width, depth in zip(widths, config.depths, strict=True):
            self._stages.append([])
            for i in range(depth):
                self._stages[-1].append(self._block(f"stages.{number}", (inputs, width), 2 if i == 0 else 1))
                inputs, number = width, number + 1
        self._head, self._head_bias = self._take("head.weight", 1, inputs)[0], self._take("head.bias", 1)
        if self._arrays:
            raise ValueError(f"no layer for {sorted(self._arrays)}")
        mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
        self._pixel_scale, self._pixel_shift = 1 / (255 * std), mean / std

    def __call__(self, clips: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Scores [n] and features [n, d] of clips [n, T, H, W, 3]."""
        with np.errstate(all="ignore"):  # scores that are not numbers are the caller's to refuse
            features = np.stack([self._features(clip) for clip in clips])
            logits = (features[:, -len(self._head) :] * self._head).sum(axis=1) + self._head_bias
            return (0.5 + 0.5 * np.tanh(logits.astype(np.float64) / 2)).astype(np.float32), features

    def _features(self, clip: NDArray[np.uint8]) -> Floats:
        x = _prelu(self._stem(clip * self._pixel_scale - self._pixel_shift), self._stem_slope)
        means = []
        for stage in self._stages:
            for block in stage:
                x = block(x)
            means.append(x.mean(axis=(0, 1, 2)))
        return np.concatenate(means[1:])

    def _block(self, name: str, channels: tuple[int, int], step: int) -> _Block:
        (inputs, outputs), stride = channels, (step, step, step)
        scale, shift = self._normalisation(f"{name}.residual.0", inputs)
        first = self._convolution(f"{name}.residual.1", f"{name}.residual.2", channels, (1, 1, 1))
        slope = self._take(f"{name}.residual.3.weight", outputs)
        second = self._convolution(f"{name}.residual.4", f"{name}.residual.5", (outputs, outputs), stride)
        shortcut = None
        if step > 1 or inputs != outputs:
            shortcut = self._convolution(f"{name}.shortcut.0", f"{name}.shortcut.1", channels, stride, side=1)
        return _Block(scale, shift, first, slope, second, shortcut)

    def _convolution(
        self, name: str, normalisation: str, channels: tuple[int, int], stride: Stride, side: int = 3
    ) -> _Convolution:
        weight = self._take(f"{name}.weight", *channels[::-1], side, side, side).transpose(2, 3, 4, 1, 0)
        scale, shift = self._normalisation(normalisation, channels[1])
        return _Convolution(np.ascontiguousarray(weight * scale), shift, stride)

    def _normalisation(self, name: str, channels: int) -> tuple[Floats, Floats]:
        """Scale and shift [channels] of a batch normalisation."""
        parts = (self._take(f"{name}.{part}", channels) for part in ("weight", "bias", "running_mean", "running_var"))
        weight, bias, mean, variance = parts
        scale = weight / np.sqrt(variance + np.float32(EPS))
        return scale, bias - mean * scale

    def _take(self, name: str, *shape: int) -> Floats:
        array = self._arrays.pop(name)
        if array.shape != shape:
            raise ValueError(f"{name} is {[*array.shape]}, not {[*shape]}")
        return np.asarray(array, np.float32)


def _prelu(x: Floats, slope: Floats) -> Floats:
    return np.maximum(x, 0) + slope * np.minimum(x, 0)
