"""Elements, clips or frames alike: what the base says about them, and the examples that a DDNet learns from.

A clip and a frame differ in how their pixels are read and in a few columns; see `clipselect.training.clip_elements`
and `clipselect.training.frame_elements`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipselect.method.losses import even_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import training_size
from clipselect.training.loop import Example
from clipselect.training.training_examples import Sample, readable_example

Target = Literal["labels", "answers", "confidence"]
"""Labels of the training set; the base's own answers in their place; the base's largest probability."""

NO_CENTROID = -1


@dataclass(frozen=True)
class Elements(ABC):
    """n elements of some items, which are the videos or images of a data set.

    Attributes:
        item: [n] int64, index of the video or image.
        label: [n] int64, class or identity; BACKGROUND where that is open.
        features: [n, d] float32, the base's.
    """

    item: NDArray[np.int64]
    label: NDArray[np.int64]
    features: NDArray[np.float32]

    def pairs(self, target: Target, known: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows [p] of the elements, and for each the label [p] that its discriminability is computed for.

        Args:
            known: classes that have a centroid.
            seed: for labels that are drawn.
        """
        return np.arange(len(self.label)), self.label

    @abstractmethod
    def columns(
        self, classes: Sequence[str], rows: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> dict[str, Sequence[Any] | NDArray[Any]]:
        """Columns [p] of the D-scores file for the `pairs`, without the path and what is computed."""


E = TypeVar("E", bound=Elements)


def joined(parts: Sequence[E]) -> E:
    """The elements of at least one part, in the order of the items."""
    order = np.argsort(np.concatenate([part.item for part in parts]), kind="stable")
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(parts[0])}
    return type(parts[0])(**columns)


def repeated(elements: E, times: int) -> E:
    """All of them, several times one after the other."""
    columns = {f.name: getattr(elements, f.name) for f in fields(elements)}
    return type(elements)(**{name: np.concatenate([column] * times) for name, column in columns.items()})


@dataclass
class DDNetExamples(ABC):
    """The examples that a DDNet is trained on; callable as `clipselect.training.loop.train` wants it.

    Elements are drawn evenly over the range of their D-scores: drawn at random, background would drown the rest.

    Attributes:
        paths: of the items.
        d_scores: file, see `clipselect.training.d_scores`.
        steps: of the training, which begins with smaller inputs.
    """

    paths: Sequence[str]
    d_scores: Path
    input_spec: InputSpec
    steps: int
    seed: int

    COLUMNS: ClassVar[tuple[str, ...]]
    """Of the D-scores file that `draw` needs, besides the D-score."""

    def __post_init__(self) -> None:
        read = pq.read_table(self.d_scores, columns=[*self.COLUMNS, "d_score"])
        self.table = {name: read.column(name).to_numpy() for name in read.column_names}
        self.cumulative = np.cumsum(even_weights(self.table["d_score"]))

    def __call__(self, step: int, i: int) -> Example:
        spec = self.input_spec
        height, width = (training_size(side, step, self.steps) for side in (spec.height, spec.width))

        def draw(rng: np.random.Generator) -> Sample:
            n = int(np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1]))
            return self.draw(min(n, len(self.cumulative) - 1), height, width, rng)

        return readable_example(draw, (self.seed, step, i))

    def target(self, n: int) -> Tensor:
        """The D-score [] of the n-th element."""
        return torch.tensor(self.table["d_score"][n], dtype=torch.float32)

    @abstractmethod
    def draw(self, n: int, height: int, width: int, rng: np.random.Generator) -> Sample:
        """The n-th element, with pixels in [0, 1]: [3, T, height, width], or [3, height, width] for single frames."""
