"""One image of many faces, by the weights of a FAN alone, and what must be said wherever it is shown."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from clipselect.errors import ClipselectError, ClipselectWarning, NetworkError
from clipselect.media.files import write_whole
from clipselect.media.images import Image, check_image
from clipselect.media.text import count
from clipselect.scoring.device import pick_device
from clipselect.scoring.weights_file import load_weights
from clipselect.sets.face_aggregator import FaceAggregator
from clipselect.sets.fan import MAX_SEGMENT, aggregator_of
from clipselect.sets.set_network import KIND, as_float32, described_as_one_error
from clipselect.zoo.trained_network import TrainedNetwork


@dataclass(frozen=True)
class AggregatedFace:
    """An image that a network made of faces.

    >>> AggregatedFace(np.zeros((112, 112, 3), np.uint8), frames=7).label
    'made by a network from 7 frames: not a photograph'

    Attributes:
        image: [height, width, 3] uint8 RGB.
        frames: of how many it was made.
    """

    image: Image
    frames: int

    @property
    def label(self) -> str:
        """What must stand wherever it is shown."""
        return f"made by a network from {count(self.frames, 'frame')}: not a photograph"

    def png(self) -> bytes:
        """As PNG, whose metadata hold the label as "Description"."""
        from PIL import Image as Pillow
        from PIL.PngImagePlugin import PngInfo

        about, out = PngInfo(), io.BytesIO()
        about.add_text("Description", self.label)
        about.add_text("Software", "clipselect")
        Pillow.fromarray(self.image).save(out, "png", pnginfo=about)
        return out.getvalue()

    def save(self, path: Path | str) -> None:
        """Write it as PNG, whole or not at all.

        Raises:
            ClipselectError: a name that does not end in .png, or a file that cannot be written.
        """
        if Path(path).suffix.lower() != ".png":
            raise ClipselectError(f"{path}: the image is written as PNG, which keeps its label; end the name in .png")
        write_whole(Path(path), self.png())


@dataclass(frozen=True, kw_only=True)
class TrainedAggregator(TrainedNetwork):
    """A trained face aggregator without a base: it makes images. `load_face_aggregator` makes one.

    Attributes:
        max_images: that can become one image, which bounds the memory.
    """

    module: FaceAggregator
    max_images: ClassVar[int] = MAX_SEGMENT

    @torch.inference_mode()
    def aggregate(self, images: Sequence[Image]) -> AggregatedFace:
        """One image of aligned faces [h, w, 3] uint8 RGB of any size, which are squashed; their order does not matter.

        Warns:
            ClipselectWarning: images of another shape than aligned ones have.

        Raises:
            ValueError: no image, more than `max_images`, or something else than images.
            NetworkError: the image is not a number.
        """
        if not 1 <= len(images) <= self.max_images:
            raise ValueError(f"one image is made of 1 to {self.max_images} images, got {len(images)}")
        for image in images:
            check_image(image)
        if any(self.input_spec.distorts(*image.shape[:2]) for image in images):
            sees = f"{self.input_spec.height} x {self.input_spec.width}"
            problem = f"{self.name} needs aligned faces of {sees}; other shapes are squashed, and may become no face"
            warnings.warn(problem, ClipselectWarning, stacklevel=3)  # above torch's decorator
        squashed = np.stack([self.input_spec.squash(image) for image in images])
        made = self.module(self.input_spec.normalise(squashed, self.device)[None])[0]
        if not bool(made.isfinite().all()):
            raise NetworkError(f"{self.name} makes an image that is not a number; check its weights")
        pixels = ((made + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
        return AggregatedFace(np.ascontiguousarray(pixels.cpu().numpy()), len(images))


def load_face_aggregator(path: Path | str, device: str = "auto") -> TrainedAggregator:
    """The aggregator of a FAN that `clipselect.train_set_network("fan", ...)` wrote; its base is not needed.

    >>> aggregator = load_face_aggregator("fan.safetensors")                    # doctest: +SKIP
    >>> aggregator.aggregate(faces).save("one.png")                             # doctest: +SKIP

    Raises:
        ClipselectError: another file, or one that does not describe an aggregator.
    """
    tensors, metadata = load_weights(path, kind=KIND)
    if metadata.get("network") != "fan":
        raise ClipselectError(f"{path}: is a network of kind {metadata.get('network')}; give the weights of a fan")
    tensors = as_float32(tensors, path)
    with described_as_one_error(path):
        net, spec = aggregator_of(tensors, metadata)
    where = pick_device(device)
    return TrainedAggregator(
        name=str(metadata["name"]), input_spec=spec, metadata=metadata, device=where, module=net.to(where)
    )
