"""Training a face aggregation network, guided by a frozen embedder of faces (Hörmann et al., ICIP 2021)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from clipselect.errors import ArgumentError, ClipselectError, check_argument, whole_number
from clipselect.media.images import Image
from clipselect.scoring.device import check_same_device
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import Metadata
from clipselect.sets.aggregated_face import AggregatedFace, TrainedAggregator
from clipselect.sets.face_aggregator import WIDTH, FaceAggregator
from clipselect.sets.fan import FAN, MAX_SEGMENT, base_features, fan_input
from clipselect.training.discriminator import Discriminator
from clipselect.training.fan_examples import FANExamples
from clipselect.training.fan_loop import train_fan
from clipselect.training.fan_losses import (
    adversarial_loss,
    average_loss,
    centre_loss,
    discriminative_loss,
    feature_scale,
    moved_centre,
    total_variation,
)
from clipselect.training.held_out_sets import (
    ALL_BUT_ONE,
    UNCHANGED,
    HeldOutSets,
    SetMeasure,
    split_identities,
)
from clipselect.training.loop import TrainingConfig
from clipselect.training.run import TrainingRun, to_half_precision
from clipselect.training.runtime import Runtime
from clipselect.training.set_examples import SetImages
from clipselect.training.set_recipe import SetRecipe, check_weight
from clipselect.zoo.embedder import Embedder

Reconstruction = Literal["centre", "average"]

RECONSTRUCTIONS: tuple[Reconstruction, ...] = get_args(Reconstruction)
MAX_WIDTH = 256
"""Of the first convolutions; an aggregator this wide has 250 M parameters."""
SAMPLE_SETS = 6
"""Rows of a grid of samples."""


@dataclass(frozen=True)
class FANRecipe(SetRecipe):
    """How to train a FAN: the options of `clipselect.train_set_network("fan", ...)`.

    The features of inputs, positives and negatives in the losses are those of the images as they are, which are
    computed once; only the aggregated image is embedded in every step. They are scaled by `feature_scale`.

    Attributes:
        width: channels of the first convolution of the aggregator, see `clipselect.sets.face_aggregator.GROWTH`.
        discriminator_width: those of the discriminator.
        reconstruction: what the feature of the aggregated face is pulled towards: "centre", the moving centre of its
            person (eq. 9, 10), or "average", the mean feature of its inputs (eq. 8).
        discriminative_weight, reconstruction_weight, adversarial_weight, total_variation_weight: of the losses (eq. 5);
            0 leaves one out.
        images_per_set: N.
        max_segment: longer sets are split when the network is used; up to `MAX_SEGMENT`.
        learning_rate: of both networks; a quarter in the second half of the steps. The paper's 5e-5 is for a million.

    Raises:
        ArgumentError: values that make no sense.
    """

    width: int = WIDTH
    discriminator_width: int = 16
    reconstruction: Reconstruction = "centre"
    discriminative_weight: float = 1.0
    reconstruction_weight: float = 0.5
    adversarial_weight: float = 1.0
    total_variation_weight: float = 1e-4
    images_per_set: int = 10
    max_segment: int = MAX_SEGMENT
    steps: int = 20_000
    batch: int = 6
    learning_rate: float = 5e-4

    weight_decay: ClassVar[float] = 0.0
    needs_aligned: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problem = f"must be one of {', '.join(RECONSTRUCTIONS)}, got {self.reconstruction}"
        check_argument(self.reconstruction in RECONSTRUCTIONS, "reconstruction", problem)
        for name in ("width", "discriminator_width", "images_per_set", "max_segment"):
            whole_number(getattr(self, name), name, 1)
        for name, most in (("width", MAX_WIDTH), ("discriminator_width", MAX_WIDTH), ("max_segment", MAX_SEGMENT)):
            value = getattr(self, name)
            check_argument(value <= most, name, f"must be at most {most}, got {value}")
        check_weight(self.learning_rate, "learning_rate")
        check_argument(self.learning_rate > 0, "learning_rate", "must be above 0")
        for name in ("discriminative", "reconstruction", "adversarial", "total_variation"):
            check_weight(getattr(self, f"{name}_weight"), f"{name}_weight")
        guided = self.discriminative_weight + self.reconstruction_weight > 0
        check_argument(guided, "reconstruction_weight", "must be above 0 if discriminative_weight is 0")

    @property
    def images_needed(self) -> int:
        """Images of an identity for a set without repeated ones, and a positive."""
        return self.images_per_set + 1

    def check(self, training: SetImages, base: Embedder, runtime: Runtime) -> None:
        super().check(training, base, runtime)
        if runtime.world_size > 1:
            raise ClipselectError("fan is trained in one process, on one device; start it without torchrun")
        check_same_device(runtime.device, base.device)
        spec = fan_input(base.input_spec)
        images = torch.zeros(2, 3, spec.height, spec.width, device=base.device, requires_grad=True)
        if not base_features(base, images).requires_grad:
            raise ArgumentError("base", f"{base.name} passes no gradient to its input; give a network of PyTorch")
        FANExamples(training, spec, self.images_per_set, seed=0)  # refuses identities of one image each

    def train(
        self, data: SetImages, base: Embedder, config: TrainingConfig, run: TrainingRun
    ) -> tuple[dict[str, Tensor], Metadata]:
        spec = fan_input(base.input_spec)
        torch.manual_seed(config.seed)
        net = FaceAggregator(self.width)
        adversary = None
        if self.adversarial_weight:
            adversary = Discriminator(spec.height, spec.width, self.discriminator_width)
        training, held_out = split_identities(data, config.seed)
        drawn = HeldOutSets.draw(held_out, base, config.seed, run.left_out)
        measure = SetMeasure(drawn, spec, keep_frame_features=False)

        def whole(net: nn.Module) -> FAN:
            assert isinstance(net, FaceAggregator)
            return FAN(net, base, max_segment=self.max_segment)

        best = self.best_step(lambda model: measure.gain(whole(model)))
        guide = _Guide(self, training, base).to(run.runtime.device)
        stopped = train_fan(
            net,
            adversary,
            guide,
            FANExamples(training, spec, self.images_per_set, config.seed),
            guide.loss,
            config,
            run.runtime,
            checkpoint=run.work / "fan.ckpt",
            settings=self.settings(data, base, config, net),
            best=best,
            draw_samples=_Samples(run.work / "samples", drawn.sets[ALL_BUT_ONE] or drawn.sets[UNCHANGED], spec),
            progress=run.progress,
        )
        net.load_state_dict(best.weights)
        about = {"sides": [spec.height, spec.width], "feature_scale": guide.scale, "stopped": stopped}
        about["precision"] = run.runtime.precision
        about |= self.record(training, best)
        return to_half_precision(net), about | {"held_out": measure.report("fan", whole(net.eval()))}


class _Guide(nn.Module):
    """The generator's loss (eq. 5), and the moving centres that it remembers."""

    centres: Tensor

    def __init__(self, recipe: FANRecipe, data: SetImages, base: Embedder) -> None:
        super().__init__()
        labels = np.array(data.images.labels)
        self.recipe, self.base, self.scale = recipe, base, feature_scale(data.features, labels)
        self.register_buffer("features", torch.from_numpy(self.scale * data.features), persistent=False)
        self.register_buffer("labels", torch.from_numpy(labels), persistent=False)
        means = np.stack([self.scale * data.features[own].mean(0) for own in data.by_identity])
        self.register_buffer("centres", torch.from_numpy(means))

    def loss(self, made: Tensor, logits: Tensor | None, numbers: Tensor) -> Tensor:
        """Of aggregated images [B, 3, h, w] with the discriminator's logits [B]; numbers [B, N + 2] of images: the
        inputs, the positive, the negative. Moves the centres of the people first, if images are pulled towards them."""
        recipe, count = self.recipe, self.recipe.images_per_set
        inputs, positive, negative = self.features[numbers].split((count, 1, 1), dim=1)  # type: ignore[index]
        positive, negative = positive[:, 0], negative[:, 0]
        people = self.labels[numbers[:, 0]]  # type: ignore[index]
        feature = self.scale * base_features(self.base, made)
        if recipe.reconstruction == "average":
            reconstruction = average_loss(feature, inputs)
        else:
            self._move_centres(people, positive, inputs)
            reconstruction = centre_loss(feature, self.centres[people])
        loss = recipe.discriminative_weight * discriminative_loss(feature, positive, negative, inputs)
        loss = loss + recipe.reconstruction_weight * reconstruction
        if logits is not None:
            loss = loss + recipe.adversarial_weight * adversarial_loss(logits)
        return loss + recipe.total_variation_weight * total_variation(made)

    def _move_centres(self, people: Tensor, positive: Tensor, inputs: Tensor) -> None:
        """Eq. 10 for people [B], in turn: one may stand in a batch several times."""
        for person, p, own in zip(people.tolist(), positive, inputs, strict=True):
            self.centres[person] = moved_centre(self.centres[person], p, own)


class _Samples:
    """Grids of held-out sets, of which all images but one are degraded, if there are several: the inputs, and at the
    right what is made of them."""

    def __init__(self, folder: Path, sets: list[list[Image]], spec: InputSpec) -> None:
        longest = max(map(len, sets))
        self.sets = [one for one in sets if len(one) == longest][:SAMPLE_SETS]
        self.folder, self.spec = folder, spec

    def __call__(self, net: nn.Module, step: int) -> None:
        """Write FOLDER/step_N.png."""
        assert isinstance(net, FaceAggregator)
        self.folder.mkdir(parents=True, exist_ok=True)
        device = next(net.parameters()).device
        maker = TrainedAggregator(name="fan", input_spec=self.spec, metadata={}, device=device, module=net)
        rows = []
        for one in self.sets:
            gap = np.full((self.spec.height, self.spec.width // 8, 3), 255, np.uint8)
            rows.append(np.concatenate([*map(self.spec.squash, one), gap, maker.aggregate(one).image], axis=1))
        AggregatedFace(np.concatenate(rows), len(self.sets[0])).save(self.folder / f"step_{step:07d}.png")
