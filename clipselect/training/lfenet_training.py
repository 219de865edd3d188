"""Training an LFENet: to restore what degraded images lost, or to classify every image as in the paper."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from clipselect.errors import check_argument, whole_number
from clipselect.scoring.weights_file import Metadata
from clipselect.sets.lfenet import ENDINGS, MAX_SEGMENT, Ending, LFENet, freeze_head, kept_out, new_lfenet
from clipselect.sets.transfer import WIDTH, Relation
from clipselect.training.augment import normalised
from clipselect.training.embedder_losses import EmbedderInTraining
from clipselect.training.held_out_sets import HeldOutSets, SetMeasure, split_identities
from clipselect.training.loop import TrainingConfig, train
from clipselect.training.run import TrainingRun, to_half_precision
from clipselect.training.runtime import Runtime
from clipselect.training.set_examples import SetExamples, SetImages
from clipselect.training.set_recipe import SetRecipe, check_weight
from clipselect.zoo.embedder import Embedder

SetLoss = Literal["restoration", "softmax", "arcface", "cosface", "sphereface"]

LOSSES: tuple[SetLoss, ...] = get_args(SetLoss)


@dataclass(frozen=True)
class LFENetRecipe(SetRecipe):
    """How to train an LFENet: the options of `clipselect.train_set_network("lfenet", ...)`.

    Attributes:
        loss: "restoration": every image's embedding is pulled towards the mean of what the base says about the set's
            images as they are (`restoration_loss`); needs no labels beyond "these are one person". "softmax": the
            paper's cross entropy on every image's embedding; or with a margin, "arcface", "cosface", "sphereface". They
            need thousands of identities: with hundreds, the transfer overfits to them.
        relation: see `clipselect.sets.transfer.LocalInformationTransfer`; also `width` and `bottleneck`.
        bottleneck: None for one full matrix.
        max_segment: theta; longer sets are split.
        ending: "own" is the base's, "paper" BN-dropout-linear-BN from random weights.
        images_per_set: T_tr.
        keep_good: weight of the penalty for moving images that were not degraded.
        learning_rate: of the transfer and of a new ending; the highest of the schedule.
        backbone_learning_rate: of the base and its own ending; 0 freezes them. By default 0 for "restoration", and else
            a hundredth of `learning_rate`, the paper's ratio for SENet-50.

    Raises:
        ArgumentError: values that make no sense.
    """

    needs_aligned: ClassVar[bool] = True

    loss: SetLoss = "restoration"
    relation: Relation = "softmax_b"
    width: int = WIDTH
    bottleneck: int | None = WIDTH
    max_segment: int = MAX_SEGMENT
    ending: Ending = "own"
    images_per_set: int = 3
    keep_good: float = 1.0
    steps: int = 4000
    batch: int = 16
    learning_rate: float = 1e-3
    backbone_learning_rate: float | None = None

    def __post_init__(self) -> None:
        check_argument(self.loss in LOSSES, "loss", f"must be one of {', '.join(LOSSES)}, got {self.loss}")
        check_argument(self.ending in ENDINGS, "ending", f"must be one of {', '.join(ENDINGS)}, got {self.ending}")
        whole_number(self.images_per_set, "images_per_set", 1)
        check_weight(self.keep_good, "keep_good")
        if self.backbone_learning_rate is not None:
            check_weight(self.backbone_learning_rate, "backbone_learning_rate")
        can_be_restored = self.loss != "restoration" or self.ending == "own"
        check_argument(
            can_be_restored, "ending", "must be own for the loss restoration, whose aim is the base's feature"
        )

    @property
    def backbone_rate(self) -> float:
        if self.backbone_learning_rate is not None:
            return self.backbone_learning_rate
        return 0.0 if self.loss == "restoration" else self.learning_rate / 100

    @property
    def architecture(self) -> Metadata:
        """What `clipselect.sets.lfenet.new_lfenet` needs to build it."""
        names = ("relation", "width", "bottleneck", "max_segment", "ending")
        return {name: getattr(self, name) for name in names} | {"frozen": self.backbone_rate == 0}

    def check(self, training: SetImages, base: Embedder, runtime: Runtime) -> None:
        super().check(training, base, runtime)
        new_lfenet(base, self.architecture)  # refuses what the base or the transfer cannot do

    def train(
        self, data: SetImages, base: Embedder, config: TrainingConfig, run: TrainingRun
    ) -> tuple[dict[str, Tensor], Metadata]:
        torch.manual_seed(config.seed)
        net = new_lfenet(base, self.architecture)
        freeze_head(net, base.input_spec)
        not_written = {name: tensor.clone() for name, tensor in kept_out(net).items()}
        training, held_out = split_identities(data, config.seed)
        spec, drawn = base.input_spec, HeldOutSets.draw(held_out, base, config.seed, run.left_out)
        measure = SetMeasure(drawn, spec, keep_frame_features=net.frozen)
        best = self.best_step(lambda model: measure.gain(_lfenet(model)))
        model: nn.Module = net
        if self.loss != "restoration":
            model = EmbedderInTraining(_Flat(net), self.loss, base.dim, len(training.images.identities))

        features = torch.from_numpy(training.features) if self.loss == "restoration" else None
        target = _Target(torch.tensor(training.images.labels), features)

        def mean_loss(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
            sets = normalised(images.flatten(0, 1), spec.mean, spec.std).unflatten(0, images.shape[:2])
            if self.loss != "restoration":
                return model(sets, targets.flatten())
            return restoration_loss(model(sets), targets[..., :-1], targets[..., -1] > 0, self.keep_good)

        trained = train(
            model,
            SetExamples(training, spec, self.images_per_set, config.seed, target, self._mirrored),
            mean_loss,
            config,
            run.runtime,
            checkpoint=run.work / "lfenet.ckpt",
            settings=self.settings(data, base, config, net),
            rates=dict.fromkeys(("backbone.", "network.net.backbone."), self.backbone_rate),
            best=best,
            stage="training the LFENet",
            progress=run.progress,
        )
        net = _lfenet(trained)
        tensors = {name: tensor for name, tensor in to_half_precision(net).items() if name not in not_written}
        net.load_state_dict(not_written, strict=False)
        about = self.record(training, best) | self.architecture | {"backbone_learning_rate": self.backbone_rate}
        return tensors, about | {"held_out": run.runtime.from_first(lambda: measure.report("lfenet", net))}

    @property
    def _mirrored(self) -> bool:
        """As in the paper; but what restoration aims at is not mirrored."""
        return self.loss != "restoration"


@dataclass(frozen=True)
class _Target:
    """Of the images [T] of a set: their labels [T], or their features and which are as they are [T, d + 1].

    A class, as workers that are spawned pickle it.

    Attributes:
        labels: [n] of all images.
        features: [n, d] of all images as they are, or None for the labels.
    """

    labels: Tensor
    features: Tensor | None

    def __call__(self, chosen: NDArray[np.int64], is_good: NDArray[np.bool_]) -> Tensor:
        if self.features is None:
            return self.labels[chosen]
        return torch.cat([self.features[chosen], torch.from_numpy(is_good)[:, None].float()], dim=1)


def restoration_loss(embeddings: Tensor, clean: Tensor, is_good: Tensor, keep_good: float = 1.0) -> Tensor:
    """1 - cosine to the mean of the set's clean features, and for images that are good to their own one: the mean [].

    >>> clean = torch.eye(2)[None]                          # one set of two images
    >>> good = torch.tensor([[True, False]])
    >>> round(float(restoration_loss(clean, clean, good)), 4)       # the mean lies at 45 degrees of both
    0.2929

    Args:
        embeddings: [B, T, e] of images of which some are degraded.
        clean: [B, T, e] the base's features of the same images as they are, each of length 1.
        is_good: [B, T] bool, which of the images are as they are.
        keep_good: weight of the second part, the penalty for moving good images.
    """
    embeddings = embeddings.float()
    restored = 1 - functional.cosine_similarity(embeddings, clean.mean(1, keepdim=True), dim=-1)
    moved = (1 - functional.cosine_similarity(embeddings, clean, dim=-1)) * is_good
    return restored.mean() + keep_good * moved.sum() / is_good.sum().clamp(min=1)


class _Flat(nn.Module):
    """The embedding of every image of all sets, one after the other: [B, T, 3, height, width] -> [B * T, e]."""

    def __init__(self, net: LFENet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.net(images)
        return embeddings.flatten(0, 1)


def _lfenet(trained: nn.Module) -> LFENet:
    """The network without what it was trained with."""
    if isinstance(trained, EmbedderInTraining):
        assert isinstance(trained.network, _Flat)
        trained = trained.network.net
    assert isinstance(trained, LFENet)
    return trained
