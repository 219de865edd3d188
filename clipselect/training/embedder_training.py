"""Training a base for images: an embedder of faces or persons, from folders of identities.

Every batch is a function of the seed and the number of its step, see `clipselect.training.loop`.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError, ClipselectWarning, ImageError
from clipselect.evaluation.metrics import Retrieval, retrieval
from clipselect.media.images import Image, read_image
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.loop import Example
from clipselect.zoo.reid_networks import ReidResNet

Loss = Literal["arcface", "cosface", "sphereface", "softmax", "triplet"]

LOSSES: tuple[Loss, ...] = ("arcface", "cosface", "sphereface", "softmax", "triplet")
TRIPLET_MARGIN = 0.3
ATTEMPTS = 10
"""Images drawn in a row before a training stops since they cannot be read: a lost disk stops it, a lost file never."""
LARGEST_SHIFT = 0.1
"""Share of the height and the width that a training crop may lack."""
BATCH = 64
QUERIES = 2000
"""Held-out images that are sought among all others."""


class EmbedderInTraining(nn.Module):
    """A network with its loss, whose own weights are trained along: normalised images [n, 3, h, w], labels [n] -> [].

    "triplet" is batch-hard triplets by Euclidean distance and softmax cross entropy, the loss of the paper's re-ID
    base; where the network has a BN neck the triplets are compared before it. The margins of "arcface" (0.5), "cosface"
    (0.35) and "sphereface" (4) and the scale of the former two (64) are those of their papers.
    """

    def __init__(self, network: nn.Module, loss: Loss, dim: int, identities: int) -> None:
        super().__init__()
        from pytorch_metric_learning import distances, losses, miners, reducers

        self.network = network
        self.classifier: nn.Module
        self.triplets: nn.Module | None = None
        if loss == "arcface":
            self.classifier = losses.ArcFaceLoss(identities, dim, margin=float(np.degrees(0.5)), scale=64)
        elif loss == "cosface":
            self.classifier = losses.CosFaceLoss(identities, dim, margin=0.35, scale=64)
        elif loss == "sphereface":
            self.classifier = losses.SphereFaceLoss(identities, dim, margin=4)
        else:
            self.classifier = _Softmax(dim, identities)
        if loss == "triplet":
            euclidean = distances.LpDistance(normalize_embeddings=False)
            self.miner = miners.BatchHardMiner(distance=euclidean)
            self.triplets = losses.TripletMarginLoss(TRIPLET_MARGIN, distance=euclidean, reducer=reducers.MeanReducer())

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        if isinstance(self.network, ReidResNet):
            before = self.network.pooled(images)
            embedding = self.network.neck(before)
        else:
            before = embedding = self.network(images)
        with torch.autocast(images.device.type, enabled=False):  # the losses would turn their weights into bfloat16
            value: Tensor = self.classifier(embedding.float(), labels)
            if self.triplets is not None:
                value = value + self.triplets(before.float(), labels, self.miner(before.float(), labels))
        return value


class _Softmax(nn.Module):
    def __init__(self, dim: int, identities: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, identities, bias=False)
        nn.init.normal_(self.linear.weight, std=0.001)

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.linear(embedding), labels)


@dataclass(frozen=True)
class EmbedderExamples:
    """The examples that an embedder is trained on; callable as `clipselect.training.loop.train` wants it.

    Attributes:
        per_identity: None draws every image once per epoch; K draws K images of each of batch / K identities.
    """

    images: LabelledImages
    input_spec: InputSpec
    batch: int
    seed: int
    per_identity: int | None = None

    def __post_init__(self) -> None:
        k = self.per_identity
        if k is None:
            return
        if k < 2 or self.batch % k or self.batch < 2 * k:
            raise ClipselectError(
                f"--batch {self.batch} does not hold {k} images of each of several identities; choose a multiple of "
                "--images-per-identity, which must be 2 at least"
            )
        if self.batch // k > len(self.images.identities):
            raise ClipselectError(
                f"--batch {self.batch} takes {self.batch // k} identities with {k} images each, but the data have "
                f"{len(self.images.identities)}; choose a smaller batch"
            )

    def __call__(self, step: int, i: int) -> Example:
        """A flipped, cropped and lit image [3, height, width] in [0, 1] and its label []; one that cannot be read any
        more is replaced by another of all, with a `ClipselectWarning`."""
        why = ""
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([self.seed, step, i, attempt])
            place = int(rng.integers(len(self.images.paths))) if attempt else self.place(step, i)
            try:
                image = read_image(self.images.paths[place])
            except ImageError as e:
                why = str(e)
                warnings.warn(f"{why}; another image is drawn", ClipselectWarning, stacklevel=2)
                continue
            return augmented(image, self.input_spec, rng), torch.tensor(self.images.labels[place])
        raise ImageError(f"{ATTEMPTS} training images in a row cannot be read; the last: {why}")

    def place(self, step: int, i: int) -> int:
        """Which image is the i-th of that step's batch; a function of the seed and its arguments alone."""
        if self.per_identity is None:
            epoch, position = divmod(step * self.batch + i, len(self.images.paths))
            return int(_permutation(self.seed, epoch, len(self.images.paths))[position])
        slot, k = divmod(i, self.per_identity)
        chosen = np.random.default_rng([self.seed, step]).choice(
            len(self.by_identity), self.batch // self.per_identity, replace=False
        )
        own = self.by_identity[chosen[slot]]
        return int(np.random.default_rng([self.seed, step, slot]).permutation(own)[k % len(own)])

    @cached_property
    def by_identity(self) -> list[NDArray[np.int64]]:
        """The places of the images of every identity."""
        labels = np.array(self.images.labels)
        return np.split(np.argsort(labels, kind="stable"), np.bincount(labels).cumsum()[:-1])


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def augmented(image: Image, input_spec: InputSpec, rng: np.random.Generator) -> Tensor:
    """[h, w, 3] -> [3, height, width] float in [0, 1]: little crop, flip, light. Faces must stay nearly aligned."""
    height, width = image.shape[:2]
    h, w = (max(1, round(side * rng.uniform(1 - LARGEST_SHIFT, 1))) for side in (height, width))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    crop = input_spec.squash(np.ascontiguousarray(image[top : top + h, left : left + w]))
    if rng.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    contrast, light = rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)
    x = torch.from_numpy(crop).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format) / 255
    return ((x - 0.5) * contrast + 0.5 + light).clamp(0, 1)


def readable(
    images: LabelledImages,
    over: Callable[[Iterable[str]], Iterable[str]],
    failed: Callable[[str, ClipselectError], Any],
) -> LabelledImages:
    """The images that can be read, of the identities of which one can.

    Args:
        over: given all paths, hands them on; to show how far it is.
        failed: called with every other path.

    Raises:
        ClipselectError: fewer than two identities are left.
    """
    kept: list[tuple[str, str]] = []
    for path, label in zip(over(images.paths), images.labels, strict=True):
        try:
            read_image(path)
            kept.append((path, images.identities[label]))
        except ImageError as e:
            failed(path, e)
    names = tuple(sorted({name for _, name in kept}))
    if len(names) < 2:
        raise ClipselectError("images of fewer than two identities can be read; repair the files or give others")
    label_of = {name: label for label, name in enumerate(names)}
    return LabelledImages(tuple(path for path, _ in kept), tuple(label_of[name] for _, name in kept), names)


def fingerprint_of(images: LabelledImages) -> str:
    """SHA-256 of all paths with their labels."""
    digest = hashlib.sha256()
    for path, label in zip(images.paths, images.labels, strict=True):
        digest.update(f"{path!r} {label}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@torch.inference_mode()
def embedded(
    network: nn.Module, paths: Sequence[str], input_spec: InputSpec, device: torch.device | str
) -> NDArray[np.float32]:
    """Features [n, d] of image files by a network in evaluation mode.

    Raises:
        ImageError: an image that cannot be read.
    """
    rows = []
    for start in range(0, len(paths), BATCH):
        images = np.stack([input_spec.squash(read_image(path)) for path in paths[start : start + BATCH]])
        rows.append(network(input_spec.normalise(images, device)).float().cpu().numpy())
    return np.concatenate(rows)


def leave_one_out(features: NDArray[np.float32], labels: Sequence[int]) -> Retrieval:
    """Every image (of many, every n-th) sought among all others by Euclidean distance.

    Raises:
        ValueError: features that are not finite, or no identity with two images.
    """
    places = np.arange(0, len(labels), -(-len(labels) // QUERIES))
    everything = np.arange(len(labels))  # as cameras: an image is left out for itself alone
    ids = np.asarray(labels) + 1  # 0 would be a distractor
    return retrieval(features[places], features, ids[places], places, ids, everything)
