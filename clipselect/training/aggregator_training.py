"""Training a network that weighs the features of a set's frames, on features that were computed once."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from clipselect.data.degradations import Kind
from clipselect.errors import check_argument, whole_number
from clipselect.scoring.weights_file import Metadata
from clipselect.sets.feature_aggregator import FeatureAggregator
from clipselect.sets.set_network import AGGREGATORS
from clipselect.training.embedder_losses import EmbedderInTraining
from clipselect.training.frame_elements import Variants
from clipselect.training.held_out_sets import HeldOutFeatures, split_identities
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.run import TrainingRun, to_half_precision
from clipselect.training.set_examples import FeatureSetExamples, SetImages
from clipselect.training.set_recipe import SetRecipe
from clipselect.zoo.embedder import Embedder

AggregatorLoss = Literal["centroid", "softmax", "arcface", "cosface", "sphereface"]

LOSSES: tuple[AggregatorLoss, ...] = get_args(AggregatorLoss)


@dataclass(frozen=True)
class AggregatorRecipe(SetRecipe):
    """How to train a network on the base's features: options of `clipselect.train_set_network` for nan, qan, gfan
    and temporal.

    Every image goes through the base once, and so does each of its degraded variants; the steps read no image.

    Attributes:
        loss: "centroid": the set's feature is pulled towards the mean of its identity's images as they are. "softmax":
            cross entropy on it, as in the papers, or with a margin, "arcface", "cosface", "sphereface"; they need
            thousands of identities.
        degradations: "faces" or "tracklets", see `clipselect.data.degradations`.
        variants: degraded variants of every image.

    Raises:
        ArgumentError: values that make no sense.
    """

    loss: AggregatorLoss = "centroid"
    degradations: Kind = "faces"
    variants: int = 4
    images_per_set: int = 5
    steps: int = 2000
    batch: int = 64
    learning_rate: float = 1e-3

    network: ClassVar[str]

    def __post_init__(self) -> None:
        for name, known in (("loss", LOSSES), ("degradations", get_args(Kind))):
            value = getattr(self, name)
            check_argument(value in known, name, f"must be one of {', '.join(known)}, got {value}")
        for name, least in (("variants", 1), ("images_per_set", 2)):
            whole_number(getattr(self, name), name, least)

    def feature_variants(self, seed: int) -> Variants:
        return Variants(self.degradations, self.variants, seed)

    def train(
        self, data: SetImages, base: Embedder, config: TrainingConfig, run: TrainingRun
    ) -> tuple[dict[str, Tensor], Metadata]:
        torch.manual_seed(config.seed)
        net = AGGREGATORS[self.network](base.dim)
        training, held_out = split_identities(data, config.seed)
        sets = HeldOutFeatures.draw(held_out, config.seed, net.in_order)
        best = self.best_step(lambda model: sets.gain(lambda name: _features(_aggregator(model), sets, name)))
        model: nn.Module = net
        if self.loss != "centroid":
            model = EmbedderInTraining(net, self.loss, base.dim, len(training.images.identities))
        centroids = torch.from_numpy(_centroids(training)) if self.loss == "centroid" else None
        target = _Target(torch.tensor(training.images.labels), centroids)

        def mean_loss(model: nn.Module, features: Tensor, targets: Tensor) -> Tensor:
            value: Tensor = model(features) if self.loss == "centroid" else model(features, targets)
            return centroid_loss(value, targets) if self.loss == "centroid" else value

        trained = train(
            model,
            FeatureSetExamples(training, self.images_per_set, config.seed, target, net.in_order),
            mean_loss,
            config,
            run.runtime,
            checkpoint=run.work / f"{self.network}.ckpt",
            settings=self.settings(data, base, config, net) | {"network": self.network},
            best=best,
            stage=f"training {self.network}",
            progress=run.progress,
        )
        net = _aggregator(trained)
        tensors = to_half_precision(net)

        def measured() -> Metadata:
            return sets.report(self.network, lambda name: _features(net, sets, name))

        return tensors, self.record(training, best) | {"frozen": True, "held_out": run.runtime.from_first(measured)}


class NANRecipe(AggregatorRecipe):
    network = "nan"


class QANRecipe(AggregatorRecipe):
    network = "qan"


class GFANRecipe(AggregatorRecipe):
    network = "gfan"


class TemporalRecipe(AggregatorRecipe):
    network = "temporal"


@dataclass(frozen=True)
class _Target:
    """Of a set: the label of its identity, or the centroid. A class, as workers that are spawned pickle it.

    Attributes:
        labels: [n] of the images.
        centroids: [identities, d], or None for the label.
    """

    labels: Tensor
    centroids: Tensor | None

    def __call__(self, chosen: NDArray[np.int64]) -> Tensor:
        label = self.labels[chosen[0]]
        return label if self.centroids is None else self.centroids[label]


def centroid_loss(features: Tensor, centroids: Tensor) -> Tensor:
    """1 - cosine of the features [b, d] of sets to the centroids [b, d] of their identities: the mean [].

    >>> round(float(centroid_loss(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 1.0]]))), 4)    # 0 and 45 degrees
    0.1464
    """
    return (1 - functional.cosine_similarity(features.float(), centroids, dim=-1)).mean()


def _centroids(data: SetImages) -> NDArray[np.float32]:
    """The mean [identities, d] of the features of the images as they are."""
    return np.stack([data.features[own].mean(axis=0) for own in data.by_identity])


def _aggregator(trained: nn.Module) -> FeatureAggregator:
    """The network without what it was trained with."""
    if isinstance(trained, EmbedderInTraining):
        trained = trained.network
    assert isinstance(trained, FeatureAggregator)
    return trained


@torch.inference_mode()
def _features(net: FeatureAggregator, sets: HeldOutFeatures, condition: str) -> NDArray[np.float32]:
    device = next(net.parameters()).device
    features = [net(torch.from_numpy(one)[None].to(device))[0] for one in sets.sets[condition]]
    return torch.stack(features).cpu().numpy()
