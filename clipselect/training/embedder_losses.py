"""The losses that an embedder is trained with, each with the weights of its own that are trained along."""

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from clipselect.media.optional import require
from clipselect.zoo.reid_networks import ReidResNet

Loss = Literal["arcface", "cosface", "sphereface", "softmax", "triplet"]

LOSSES: tuple[Loss, ...] = get_args(Loss)
TRIPLET_MARGIN = 0.3
LABEL_SMOOTHING = 0.1


class EmbedderInTraining(nn.Module):
    """A network with its loss, whose own weights are trained along: normalised images [n, 3, h, w], labels [n] -> [].

    "triplet" is batch-hard triplets by Euclidean distance and softmax cross entropy, the loss of the paper's re-ID
    base; where the network has a BN neck the triplets are compared before it. The margins of "arcface" (0.5), "cosface"
    (0.35) and "sphereface" (4) and the scale of the former two (64) are those of their papers.

    Args:
        label_smoothing: of the softmax cross entropy: the share of the label that all identities get alike.
    """

    def __init__(self, network: nn.Module, loss: Loss, dim: int, identities: int, label_smoothing: float = 0.0) -> None:
        super().__init__()
        require("pytorch_metric_learning", "training")
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
            self.classifier = _Softmax(dim, identities, label_smoothing)
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
    def __init__(self, dim: int, identities: int, label_smoothing: float) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.linear = nn.Linear(dim, identities, bias=False)
        nn.init.normal_(self.linear.weight, std=0.001)

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.linear(embedding), labels, label_smoothing=self.label_smoothing)
