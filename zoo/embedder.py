"""Bases for images: trained networks that embed a face or a person, with what it takes to run them."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from clipselect.zoo.trained_network import TrainedNetwork
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.errors import NetworkError
from clipselect.media.images import Image
from clipselect.scoring.device import pick_device
from clipselect.scoring.input_spec import InputSpec, batches
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.weights_file import Metadata, fingerprint

BATCH, BATCH_ON_GPU = 8, 64
"""On a CPU, activations of 8 images stay in the caches: MobileFaceNet takes half as long as with 32."""


@dataclass(frozen=True, kw_only=True)
class Embedder(TrainedNetwork):
    """A trained network that gives a feature for an image. `Embedder.from_module` makes one of any network.

    Attributes:
        run: normalised images [n, 3, height, width] float32 -> features [n, d].
        dim: d.
        gflops: 10^9 multiply-adds per image, None where they cannot be counted.
        sha256: fingerprint of what decides its features, as far as it is known.
    """

    run: Callable[[Tensor], Tensor]
    dim: int
    gflops: float | None
    sha256: str

    @classmethod
    def from_module(
        cls,
        network: nn.Module | Callable[[Tensor], Tensor],
        input_spec: InputSpec,
        *,
        name: str = "base",
        gflops: float | None = None,
        metadata: Metadata | None = None,
        device: str = "auto",
    ) -> "Embedder":
        """An embedder out of any trained network; it is run once on blank images to see that it works.

        Args:
            network: a network or any callable that gives features [n, d] for normalised images [n, 3, height, width].
            gflops: 10^9 multiply-adds per image; counted by fvcore if None and a torch network.

        Raises:
            ClipselectError: absent device.
            NetworkError: the network fails, or gives something else.
        """
        where, metadata = pick_device(device), dict(metadata or {})
        if isinstance(network, nn.Module):
            network = network.eval().to(where)
            sha256 = str(metadata.get("sha256") or fingerprint(network.state_dict(), {}))
        else:
            sha256 = str(metadata.get("sha256") or hashlib.sha256(name.encode()).hexdigest())
        made = cls(
            name=name, run=network, input_spec=input_spec, dim=0, gflops=gflops, sha256=sha256, metadata=metadata,
            device=where,
        )  # fmt: skip
        dim = made.embed(input_spec.blank(2)).shape[1]  # first, as counting raises whatever a faulty network raises
        if isinstance(network, nn.Module):
            gflops = gflops or multiply_adds(network, input_spec, where) / 1e9 or None
        return replace(made, dim=dim, gflops=gflops)

    def to(self, device: str) -> "Embedder":
        """The same on another device; "auto" leaves it where it is, and a function runs where it runs.

        Raises:
            ArgumentError: absent device.
        """
        if device == "auto":
            return self
        where = pick_device(device)
        return replace(self, run=self.run.to(where), device=where) if isinstance(self.run, nn.Module) else self

    def embed(self, images: Iterable[Image]) -> NDArray[np.float32]:
        """Features [n, d] of images [h, w, 3] uint8 RGB of any size; they are squashed to the network's.

        Raises:
            NetworkError: the network fails, or gives something else than one row of numbers per image.
            ValueError: images of another shape or type.
        """
        size = BATCH if self.device.type == "cpu" else BATCH_ON_GPU
        parts = [self._embed_batch(np.stack(batch)) for batch in batches(map(self.input_spec.squash, images), size)]
        return np.concatenate([np.empty((0, self.dim or parts[0].shape[1]), np.float32), *parts])

    @torch.inference_mode()
    def _embed_batch(self, images: Image) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self.rows(self.run, images).cpu().numpy()
        if not np.isfinite(features).all():  # nor are numbers too large for float32
            raise NetworkError(f"base {self.name!r} gives features that are not numbers; check its weights")
        return features
