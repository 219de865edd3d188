"""How pixels reach a network: the same for DDNets and bases, for clips and for single frames."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.images import Image, squash_image
from clipselect.media.scaling import Convert, cropped
from clipselect.media.sources import Source
from clipselect.scoring.weights_file import Metadata

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "bytes": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
"""Mean and standard deviation by name: "half" maps [0, 1] to [-1, 1], as InsightFace's networks expect, "unit" leaves
[0, 1], "bytes" gives values from 0 to 255."""

MIN_SIDE, MAX_SIDE, MAX_FRAMES = 16, 1024, 256
"""Pixels per side and frames per clip that a weights file may ask for."""


@dataclass(frozen=True)
class InputSpec:
    """What a network expects: frames scaled to its size, by default squashed, and normalised per channel.

    >>> spec = InputSpec(112, 112, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), frames=8)
    >>> spec.shape, spec.normalise(spec.blank(2)).shape
    ((8, 112, 112, 3), torch.Size([2, 3, 8, 112, 112]))
    >>> spec.normalise(spec.blank()).unique()       # black: (0 - mean) / std
    tensor([-2.])

    Attributes:
        height, width: pixels.
        mean, std: per RGB channel, for values in [0, 1].
        frames: T, frames per clip; None for a network of single frames, whose input has no time axis.
        geometry: how frames of a video become height x width. A DDNet, and a network of single frames, only squashes.

    Raises:
        ValueError: a geometry whose crops do not fit, or that crops for single frames or for what is not square.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    frames: int | None = None
    geometry: Geometry = SQUASH

    def __post_init__(self) -> None:
        if self.geometry != SQUASH and not (
            self.frames and self.height == self.width and self.geometry.fits(self.size)
        ):
            raise ValueError(f"{self.geometry} is no geometry for {self.height} x {self.width} pixels")

    @classmethod
    def from_metadata(cls, metadata: Metadata) -> "InputSpec":
        """Read from the header of a weights file, where `size` may stand for a square input.

        Raises:
            KeyError, TypeError, ValueError: the header makes no sense.
        """
        sides = (metadata["size"],) * 2 if "size" in metadata else (metadata["height"], metadata["width"])
        frames, mean, std = metadata.get("frames"), metadata["mean"], metadata["std"]
        if not all(isinstance(side, int) and MIN_SIDE <= side <= MAX_SIDE for side in sides):
            raise ValueError(f"height and width must lie in [{MIN_SIDE}, {MAX_SIDE}]")
        if frames is not None and not (isinstance(frames, int) and 1 <= frames <= MAX_FRAMES):
            raise ValueError(f"frames must lie in [1, {MAX_FRAMES}]")
        if len(mean) != 3 or len(std) != 3 or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
            raise ValueError("mean and std must be three numbers each, std above 0")
        geometry = Geometry.from_metadata(metadata.get("geometry"))
        return cls(*sides, tuple(mean), tuple(std), frames, geometry)

    @property
    def size(self) -> int:
        """The side of a square input in pixels; a ValueError if it is not square."""
        if self.height != self.width:
            raise ValueError(f"the input is {self.height} x {self.width}, not square")
        return self.height

    @property
    def clip_frames(self) -> int:
        """T of a network for clips; a ValueError for one of single frames."""
        if self.frames is None:
            raise ValueError("the network takes single frames, not clips")
        return self.frames

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one element, or of one crop of it: (T, height, width, 3), or (height, width, 3) for single frames."""
        time = () if self.frames is None else (self.frames,)
        return (*time, self.height, self.width, 3)

    def blank(self, count: int = 1) -> NDArray[np.uint8]:
        """[count, *shape]: black elements."""
        return np.zeros((count, *self.shape), np.uint8)

    def squash(self, image: Image) -> Image:
        """[h, w, 3] -> [height, width, 3]; the aspect ratio is given up."""
        return squash_image(image, self.height, self.width)

    def distorts(self, height: int, width: int) -> bool:
        """Whether squashing images of this size changes their aspect ratio by more than a tenth: aligned crops for a
        network have the shape of its input."""
        return abs(math.log(height * self.width / (width * self.height))) > math.log(1.1)

    def view_of(self, source: Source) -> int | Convert:
        """What the network sees of every frame of a video, for `clipselect.media.clip_decoding`."""
        if self.geometry == SQUASH:
            return self.size
        return partial(cropped, geometry=self.geometry, size=self.size, aspect=source.aspect)

    def normalise(
        self, elements: "NDArray[np.uint8] | torch.Tensor", device: "torch.device | str" = "cpu"
    ) -> "torch.Tensor":
        """uint8 RGB elements [n, T, height, width, 3] or [n, height, width, 3] -> float32 with channels second.

        Clips are channels-last in memory, single frames contiguous: each is the faster layout.
        """
        import torch

        x = torch.as_tensor(elements).to(device).to(torch.float32, copy=True)  # bytes go to the device, not floats
        mean, std = ((torch.tensor(v, device=x.device) * 255).repeat(x.shape[-2]) for v in (self.mean, self.std))
        rows = x.flatten(-2).mul_(1 / std).sub_(mean / std)  # in place and by whole rows: several times faster on a CPU
        x = rows.view(x.shape).movedim(-1, 1)
        return x if x.ndim == 5 else x.contiguous()


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`; the last one may be shorter.

    >>> [*batches("abcde", 2)]
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    iterator = iter(items)
    while batch := [*islice(iterator, size)]:
        yield batch
