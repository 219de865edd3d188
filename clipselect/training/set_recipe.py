"""What the recipes of all networks of sets have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar

from torch import Tensor, nn

from clipselect.errors import check_argument
from clipselect.scoring.weights_file import Metadata, fingerprint
from clipselect.training.best_step import BestStep
from clipselect.training.embedder_training import fingerprint_of
from clipselect.training.frame_elements import Variants
from clipselect.training.loop import TrainingConfig, check_divisible
from clipselect.training.run import TrainingRun
from clipselect.training.runtime import Runtime
from clipselect.training.set_examples import SetImages
from clipselect.zoo.embedder import Embedder

MEASUREMENTS = 20
"""Steps of a training at which held-out sets are measured, evenly spread."""


@dataclass(frozen=True, kw_only=True)
class SetRecipe(ABC):
    """How to train a network of sets; the fields of a recipe are the options of `clipselect.train_set_network`.

    Attributes:
        images_per_set: images of a training set.
        batch: sets in a batch, over all processes.
        learning_rate: the highest of the schedule.

    Raises:
        ArgumentError: values that make no sense.
    """

    images_per_set: int
    steps: int
    batch: int
    learning_rate: float

    weight_decay: ClassVar[float] = 5e-4
    needs_aligned: ClassVar[bool] = False
    """Whether places of the images must mean the same in all of them."""

    @property
    def images_needed(self) -> int:
        """Images of an identity for a set without repeated ones."""
        return self.images_per_set

    def config(self, seed: int, checkpoint_minutes: float, workers: int) -> TrainingConfig:
        return TrainingConfig(
            self.steps, self.batch, self.learning_rate, self.weight_decay, seed, checkpoint_minutes, workers
        )

    def feature_variants(self, seed: int) -> Variants:
        """Degraded variants of the images, of which the base's features are kept: none where steps read the images."""
        return Variants(None, 0, 0)

    def check(self, training: SetImages, base: Embedder, runtime: Runtime) -> None:
        """Refuse, before images are embedded for hours, what cannot be trained even if all images can be read.

        Args:
            training: the identities to train on, without features.

        Raises:
            ArgumentError: options that do not fit the base, or a batch that the processes cannot share evenly.
            ClipselectError: a base or images that do not fit.
        """
        check_divisible(self.batch, runtime.world_size)

    @abstractmethod
    def train(
        self, data: SetImages, base: Embedder, config: TrainingConfig, run: TrainingRun
    ) -> tuple[dict[str, Tensor], Metadata]:
        """Train on the images, and measure on identities that are held out.

        Returns:
            The tensors of the weights file, and what it says besides the origin: the options, and how well sets of
            held-out identities can be distinguished, beside averaging the base's features.

        Raises:
            ClipselectError: too few identities that can be read, a loss that is not a number.
        """

    def best_step(self, measure: Callable[[nn.Module], float]) -> BestStep:
        """What keeps the weights of the step that measures best."""
        return BestStep(measure, -(-self.steps // MEASUREMENTS))

    def settings(self, data: SetImages, base: Embedder, config: TrainingConfig, net: nn.Module) -> dict[str, Any]:
        """Of a checkpoint: runs that differ in them cannot go on with each other's."""
        return {
            **asdict(self), **base.identity, "config": asdict(config.deterministic_part()),
            "images": fingerprint_of(data.images), "begin": fingerprint(net.state_dict(), {}),
        }  # fmt: skip

    def record(self, training: SetImages, best: BestStep) -> Metadata:
        """What the weights file says about the training."""
        images = training.images
        counts = {"identities": len(images.identities), "images": len(images.paths), "best_step": best.step}
        return asdict(self) | counts


def check_weight(value: float, argument: str) -> None:
    """Raise an `ArgumentError` unless this is a finite number of at least 0."""
    is_weight = isinstance(value, Real) and 0 <= value < math.inf  # NaN is not
    check_argument(is_weight, argument, f"must be a number of at least 0, got {value!r}")
