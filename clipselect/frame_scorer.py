"""Pixels in, scores out for single frames: the 2D DDNet over the faces or persons of a group."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect import zoo
from clipselect.checkpoint import Metadata
from clipselect.ddnet import DDNet
from clipselect.errors import ClipselectError, NetworkError
from clipselect.images import Image, ImageGeometry
from clipselect.scorer import NO_DDNET, SMALLEST_BATCH, load_ddnet

BATCH = 32

T = TypeVar("T")


@dataclass(frozen=True)
class FrameScorer:
    """A DDNet for frames with what it was distilled with.

    Attributes:
        name: as shown in results.
        metadata: the weights file's header: geometry, mu, sigma, base, data, command and more.
    """

    name: str
    net: DDNet
    geometry: ImageGeometry
    metadata: Metadata
    device: torch.device

    def score(self, frames: Iterable[Image]) -> NDArray[np.float32]:
        """Scores [n] in (0, 1) of frames [h, w, 3] uint8 RGB of any size; they are squashed to the DDNet's.

        Frames may come one by one: no more than a batch of them is held.

        Raises:
            NetworkError: a score is not a number.
            ValueError: frames of another shape or type.
        """
        parts = [self._score_batch(batch) for batch in batches(map(self.geometry.squash, frames), BATCH)]
        return np.concatenate([np.empty(0, np.float32), *parts])

    @torch.inference_mode()
    def _score_batch(self, frames: Sequence[Image]) -> NDArray[np.float32]:
        filled = [*frames, *[frames[0]] * max(SMALLEST_BATCH - len(frames), 0)]
        scores: NDArray[np.float32] = self.net(self.geometry.normalise(np.stack(filled), self.device)).cpu().numpy()
        if not np.isfinite(scores).all():
            raise NetworkError(f"model {self.name!r} gives scores that are not numbers; distil it again")
        return scores[: len(frames)]


def load_frame_scorer(model: str | Path | None = None, device: str = "auto") -> FrameScorer:
    """A ready `FrameScorer`.

    Args:
        model: a name of `clipselect.zoo.DDNETS`, or a path to weights that clipselect wrote; the one for faces by
            default.
        device: "auto" (CUDA if there is one), "cpu", "cuda", "cuda:1", ...

    Raises:
        ClipselectError: unknown model, unusable weights, weights for clips, absent device.
    """
    model = model or zoo.FACE_DDNET
    net, metadata, where = load_ddnet(model, device, dims=2)
    try:
        geometry = ImageGeometry.of(metadata)
    except (KeyError, TypeError, ValueError) as e:
        raise ClipselectError(f"{model}: {NO_DDNET}") from e
    return FrameScorer(str(metadata["name"]), net, geometry, metadata, where)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one perhaps shorter."""
    iterator = iter(items)
    while batch := [*islice(iterator, size)]:
        yield batch
