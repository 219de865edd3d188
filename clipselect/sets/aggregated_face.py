"""One image of many faces, by the weights of a FAN alone, and what must be said wherever it is shown."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from clipselect.errors import ClipselectError
from clipselect.media.files import write_whole
from clipselect.media.images import Image
from clipselect.media.text import count
from clipselect.scoring.device import pick_device
from clipselect.scoring.weights_file import load_weights
from clipselect.sets.face_aggregator import FaceAggregator
from clipselect.sets.fan import MAX_SEGMENT, load_face_generator
from clipselect.sets.set_network import KIND
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
            ClipselectError: the file cannot be written.
        """
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

        Raises:
            ValueError: no image, or more than `max_images`.
        """
        if not 1 <= len(images) <= self.max_images:
            raise ValueError(f"one image is made of 1 to {self.max_images} images, got {len(images)}")
        squashed = np.stack([self.input_spec.squash(image) for image in images])
        made = self.module(self.input_spec.normalise(squashed, self.device)[None])[0]
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
    try:
        net, spec = load_face_generator({name: tensor.float() for name, tensor in tensors.items()}, metadata)
    except (KeyError, TypeError, ValueError, RuntimeError, ClipselectError) as e:
        raise ClipselectError(
            f"{path}: its metadata and its tensors do not describe one network; train it again"
        ) from e
    where = pick_device(device)
    return TrainedAggregator(
        name=str(metadata["name"]), input_spec=spec, metadata=metadata, device=where, module=net.to(where)
    )
