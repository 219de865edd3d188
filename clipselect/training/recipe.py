"""How to distil: everything except the data and the base, with defaults that work."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar, get_args

from clipselect.data.degradations import DEGRADATIONS
from clipselect.errors import check_argument, whole_number
from clipselect.media.candidate_clips import Seconds
from clipselect.media.images import height_and_width
from clipselect.method.ddnet import DDNetConfig
from clipselect.method.discriminability import Contrast, Metric
from clipselect.scoring.input_spec import NORMALISATIONS, InputSpec
from clipselect.scoring.scorer import Elements as ElementKind
from clipselect.training.ddnet_training import Loss
from clipselect.training.elements import Target
from clipselect.training.loop import TrainingConfig
from clipselect.zoo.base import MEAN, STD

Four = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """What recipes for clips and for frames share.

    Fields that the command line does not offer change a result less than another seed does: see the ablations.

    Attributes:
        steps: number of batches.
        batch: elements in a batch, over all processes.
        learning_rate: the highest of the one-cycle schedule of AdamW.
        seed: of everything random: the same seed, the same weights.
        size: pixels of the side of the DDNet's square input, or its height and width.
        widths, depths, stem_stride: the shape of the DDNet, see `clipselect.method.ddnet.DDNetConfig`.
        loss: "mse" (eq. 6), "ranking", or "both": eq. 6 with a little of the other.
        metric, contrast: of eq. 3, see `clipselect.method.discriminability.discriminability`.
    """

    steps: int = 2000
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    seed: int = 0
    size: int | tuple[int, int] = 112
    widths: Four = (8, 16, 32, 48)
    depths: Four = (2, 2, 2, 2)
    stem_stride: int = 1
    loss: Loss = "both"
    metric: Metric = "cosine"
    contrast: Contrast = "ratio"

    ELEMENTS: ClassVar[ElementKind]
    SIDES: ClassVar[tuple[int, int]]
    """The smallest and the largest side of an input."""
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "loss": get_args(Loss), "metric": get_args(Metric), "contrast": get_args(Contrast),
    }  # fmt: skip

    def __post_init__(self) -> None:
        self.training_config(checkpoint_minutes=0, workers=0)  # refuses numbers that make no sense
        for name, known in self.CHOICES.items():
            choice = getattr(self, name)
            check_argument(choice in known, name, f"must be one of {', '.join(known)}, got {choice}")
        low, high = self.SIDES
        is_size = isinstance(self.size, Integral) or _are_integers(self.size, 2)
        check_argument(is_size, "size", f"must be a number of pixels, or height and width, got {self.size!r}")
        shown = "x".join(map(str, self.sides))
        check_argument(
            all(low <= side <= high for side in self.sides), "size", f"must lie in [{low}, {high}], got {shown}"
        )
        for name, four in (("widths", self.widths), ("depths", self.depths)):
            problem = f"must be four positive numbers such as 8, 16, 32, 48, got {four!r}"
            check_argument(_are_integers(four, 4) and min(four) >= 1, name, problem)
        whole_number(self.stem_stride, "stem_stride", 1)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the DDNet's input in pixels."""
        return height_and_width(self.size)

    @abstractmethod
    def input_spec(self) -> InputSpec:
        """Of the DDNet."""

    def ddnet_config(self) -> DDNetConfig:
        return DDNetConfig(3 if self.ELEMENTS == "clips" else 2, self.widths, self.depths, self.stem_stride)

    def training_config(self, checkpoint_minutes: float, workers: int) -> TrainingConfig:
        return TrainingConfig(
            self.steps, self.batch, self.learning_rate, self.weight_decay, self.seed, checkpoint_minutes, workers
        )


def _are_integers(values: object, count: int) -> bool:
    """Whether these are so many integers, as a tuple or a list."""
    return isinstance(values, tuple | list) and len(values) == count and all(isinstance(v, Integral) for v in values)


@dataclass(frozen=True, kw_only=True)
class ClipRecipe(Recipe):
    """How to distil for clips.

    Attributes:
        frames: T, frames of a clip that the DDNet sees.
        clip_duration: seconds; what the base was trained with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        target: what a D-score is: "labels" (the paper), "answers" (the base's own answers stand for labels), or
            "confidence" (the base's largest probability).
        variants: augmented variants of every clip that the base sees too, see `clipselect.training.clip_variants`. With
            0 the base sees every clip once, as it is: for bases of which even that takes long.
    """

    size: int | tuple[int, int] = 80
    stem_stride: int = 2
    frames: int = 4
    variants: int = 3
    clip_duration: Seconds | None = None
    stride: Seconds | None = None
    target: Target = "labels"

    ELEMENTS = "clips"
    SIDES = (32, 512)
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {**Recipe.CHOICES, "target": get_args(Target)}

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width = self.sides
        whole_number(self.frames, "frames", 1)
        whole_number(self.variants, "variants", 0)
        check_argument(height == width, "size", f"must be one number for clips, got {height}x{width}")

    def input_spec(self) -> InputSpec:
        return InputSpec(*self.sides, MEAN, STD, self.frames)


@dataclass(frozen=True, kw_only=True)
class FrameRecipe(Recipe):
    """How to distil for single frames.

    Attributes:
        degradations: what makes frames bad: "faces", "tracklets" (boxes of a person tracker), or "none".
        variants: degraded variants of every image.
    """

    steps: int = 1500
    metric: Metric = "euclidean"  # cosine, the paper's, did worse on sets: docs/research-notes.md
    degradations: str = "faces"
    variants: int = 5

    ELEMENTS = "frames"
    SIDES = (16, 512)
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {**Recipe.CHOICES, "degradations": (*DEGRADATIONS, "none")}

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number(self.variants, "variants", 0)

    def input_spec(self) -> InputSpec:
        return InputSpec(*self.sides, *NORMALISATIONS["half"])
