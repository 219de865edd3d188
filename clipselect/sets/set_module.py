"""What all networks of sets have in common: they work in two steps."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from clipselect.scoring.input_spec import InputSpec


class SetModule(nn.Module, ABC):
    """Makes one feature of a set of images: first what every image gives by itself, then what needs the whole set.

    Attributes:
        embeds_frames: whether the base embeds every frame of a set by itself.
    """

    embeds_frames = True

    @abstractmethod
    def frame_features(self, images: Tensor) -> Tensor:
        """What images [n, 3, height, width], normalised, give without the others of their set: [n, ...]."""

    @abstractmethod
    def set_feature(self, features: Tensor) -> Tensor:
        """The feature [d] of one set of these [T, ...]."""

    def images_embedded(self, frames: int) -> int:
        """How many images the base embeds for a set of so many frames: these, or those that are made of them."""
        return frames


Loaded = tuple[SetModule, InputSpec, Callable[[int], float] | None]
"""A network of sets from its weights, its input, and the multiply-adds of a set of so many images; None where those
cannot be counted."""
