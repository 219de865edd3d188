"""Distilling a 2D DDNet for an embedder, from folders of identities to a scorer: equations 2 to 6 in their order.

The images of a training set are mostly good; what makes frames bad comes from degradations (`Variants`). Centroids are
those of the images as they are, D-scores are of these and of their degraded variants.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.data.identities import LabelledImages
from clipselect.errors import ClipselectError
from clipselect.media.files import whole_file
from clipselect.media.images import read_image, squash_image
from clipselect.media.text import utf8
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import (
    CentroidAccumulator,
    Contrast,
    Metric,
    Normalisation,
    d_scores,
    discriminability,
    normalisation,
)
from clipselect.method.losses import even_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.scorer import Scorer
from clipselect.training.augment import training_size
from clipselect.training.ddnet_training import DDNetLoss, Loss, Stages, train_ddnet
from clipselect.training.frame_features import FrameElements, FrameFeatures, Variants
from clipselect.training.loop import Example, TrainingConfig
from clipselect.training.runtime import Runtime
from clipselect.zoo.embedder import Embedder

SCHEMA = pa.schema(
    [
        ("image", pa.int64()), ("path", pa.string()), ("variant", pa.int64()), ("identity", pa.string()),
        ("discriminability", pa.float64()), ("d_score", pa.float64()),
    ]
)  # fmt: skip
"""Of d_scores.parquet: one row per element; variant 0 is the image as it is."""


@dataclass(frozen=True)
class FrameRecipe:
    """How to distil; everything but the base and the images.

    Attributes:
        config, input_spec: the DDNet and what it sees of a frame.
        variants: the degradations.
        metric, contrast: what a D-score is, see `clipselect.method.discriminability`.
    """

    config: DDNetConfig
    input_spec: InputSpec
    variants: Variants
    schedule: TrainingConfig
    loss: Loss = "both"
    metric: Metric = "euclidean"  # cosine, the paper's, did worse on sets: benchmarks/README.md
    contrast: Contrast = "ratio"


def distil_frames(
    base: Embedder,
    images: LabelledImages,
    recipe: FrameRecipe,
    runtime: Runtime,
    work: Path,
    *,
    stages: Stages,
    failed: Callable[[str, ClipselectError], Any],
) -> Scorer:
    """Distil a DDNet for frames; every process of the runtime must call this.

    What is done is kept in `work`: features, the D-scores of all elements as `d_scores.parquet`, and the checkpoint.
    Called again, it goes on from there.

    Args:
        failed: called with the path of every image that cannot be read, which is left out.

    Returns:
        the DDNet, whose metadata say how it was made.

    Raises:
        ClipselectError: nothing to learn from, `work` of another run, or a loss that is not a number.
    """
    features = features_of(base, images, recipe.variants, work / "features", runtime, stages, failed)
    targets = work / "d_scores.parquet"
    norm: Normalisation | None = None
    if runtime.is_global_zero:
        norm = write_targets(features, recipe.metric, recipe.contrast, targets)
    norm = runtime.broadcast(norm)
    schedule = recipe.schedule
    net = train_ddnet(
        recipe.config,
        FrameExamples.of(targets, images, recipe),
        DDNetLoss(recipe.loss, recipe.input_spec),
        schedule,
        runtime,
        work,
        settings={**features.settings, "recipe": asdict(replace(recipe, schedule=schedule.deterministic_part()))},
        stages=stages,
    )
    metadata = {
        "config": asdict(recipe.config),
        **asdict(recipe.input_spec),
        **asdict(norm),
        "base": base.name,
        "base_sha256": base.sha256,
        "identities": len(images.identities),
        "images": len(images.paths),
        "degradations": recipe.variants.kind,
        "variants": recipe.variants.count,
        "metric": recipe.metric,
        "contrast": recipe.contrast,
        "loss": recipe.loss,
        "seed": schedule.seed,
        "steps": schedule.steps,
    }
    return Scorer("ddnet", net, recipe.input_spec, metadata, runtime.device)


def features_of(
    base: Embedder,
    images: LabelledImages,
    variants: Variants,
    folder: Path,
    runtime: Runtime,
    stages: Stages,
    failed: Callable[[str, ClipselectError], Any],
) -> FrameFeatures:
    """The features of all elements, computed where they are not in `folder` yet, by all processes together."""
    digest = hashlib.sha256(repr((images.paths, images.labels)).encode("utf-8", "surrogateescape")).hexdigest()
    settings = {"base": base.identity, "images": digest, "variants": asdict(variants)}
    features = FrameFeatures(folder, images, variants, settings)
    if runtime.is_global_zero:
        features.files.prepare()
    runtime.fabric.barrier()
    share = (runtime.rank, runtime.world_size)
    with stages("features of the base", features.files.items_of(share)) as progress:
        features.compute(base, share=share, failed=failed, done=progress.more)
    runtime.fabric.barrier()
    if runtime.is_global_zero:
        for path, message in features.files.errors().items():  # what other processes could not read
            failed(path, ClipselectError(message))
    return features


def centroids_of(features: FrameFeatures) -> Tensor:
    """Centroids [identities, d] float64 of the images as they are, streamed; NaN for an identity without any.

    Raises:
        ClipselectError: not one image can be read, or those of one identity alone.
    """
    accumulator: CentroidAccumulator | None = None
    labels = np.array(features.images.labels)
    for elements in features:
        if accumulator is None:
            accumulator = CentroidAccumulator(len(features.images.identities), elements.features.shape[1])
        plain = elements.variant == 0
        accumulator.update(torch.from_numpy(elements.features[plain]), torch.from_numpy(labels[elements.image[plain]]))
    if accumulator is None:
        raise ClipselectError("not one of the images can be read; look at the errors above")
    if int((accumulator.count > 0).sum()) < 2:
        raise ClipselectError("the images of one identity alone can be read, it takes two; look at the errors above")
    return accumulator.compute()


def discriminabilities(
    features: FrameFeatures, metric: Metric = "cosine", contrast: Contrast = "ratio"
) -> tuple[list[FrameElements], Tensor]:
    """All elements, and their discriminability [n] for the centroids of their own set (eq. 2 and 3)."""
    centroids, labels = centroids_of(features), np.array(features.images.labels)
    found, values = [], []
    for elements in features:
        own = torch.from_numpy(labels[elements.image])
        values.append(
            discriminability(torch.from_numpy(elements.features), own, centroids, metric=metric, contrast=contrast)
        )
        found.append(replace(elements, features=np.empty((0, 0), np.float32)))  # they need not stay in memory
    return found, torch.cat(values)


def write_targets(features: FrameFeatures, metric: Metric, contrast: Contrast, path: Path) -> Normalisation:
    """Write the D-scores of all elements; returns the statistics of eq. 4."""
    found, values = discriminabilities(features, metric, contrast)
    norm = normalisation(values)
    images = features.images
    with whole_file(path) as part, pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
        for elements, own in zip(found, values.split([len(e.image) for e in found]), strict=True):
            numbers = elements.image.tolist()
            writer.write_table(
                pa.table(
                    {
                        "image": elements.image,
                        "path": [utf8(images.paths[i]) for i in numbers],
                        "variant": elements.variant,
                        "identity": [utf8(images.identities[images.labels[i]]) for i in numbers],
                        "discriminability": own.numpy(),
                        "d_score": d_scores(own, norm).numpy(),
                    },
                    schema=SCHEMA,
                )
            )
    return norm


@dataclass(frozen=True)
class FrameExamples:
    """The examples that a DDNet for frames is trained on; callable as `clipselect.training.loop.train` wants it.

    Attributes:
        image, variant: [n], see `clipselect.training.frame_features.FrameElements`.
        d_scores: [n] in (0, 1).
        share: [n] cumulative probabilities of being drawn.
    """

    images: LabelledImages
    recipe: FrameRecipe
    image: NDArray[np.int64]
    variant: NDArray[np.int64]
    d_scores: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, targets: Path, images: LabelledImages, recipe: FrameRecipe) -> "FrameExamples":
        """The elements of a D-scores file, drawn evenly over the range of their D-scores."""
        table = pq.read_table(targets, columns=["image", "variant", "d_score"])
        image, variant, wanted = (table.column(name).to_numpy() for name in table.column_names)
        return cls(images, recipe, image, variant, wanted, np.cumsum(even_weights(wanted)))

    def __call__(self, step: int, i: int) -> Example:
        """The pixels that the base saw, perhaps mirrored; nothing else that a D-score could depend on is touched."""
        recipe, schedule = self.recipe, self.recipe.schedule
        rng = np.random.default_rng([schedule.seed, step, i])
        n = min(int(np.searchsorted(self.share, rng.random() * self.share[-1])), len(self.share) - 1)
        number = int(self.image[n])
        frame = recipe.variants.of(read_image(self.images.paths[number]), number, int(self.variant[n]))
        height, width = (
            training_size(side, step, schedule.steps) for side in (recipe.input_spec.height, recipe.input_spec.width)
        )
        frame = squash_image(frame, height, width)
        pixels = torch.from_numpy(frame[:, ::-1].copy() if rng.random() < 0.5 else frame).permute(2, 0, 1)
        return pixels.float() / 255, torch.tensor(self.d_scores[n], dtype=torch.float32)
