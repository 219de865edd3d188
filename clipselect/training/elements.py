"""Elements, clips or frames alike: what the base says about them, and what training and D-scores need of their data.

A clip and a frame differ in how their pixels are read and in a few columns; see `clipselect.training.clip_elements`
and `clipselect.training.frame_elements`. Everything else in this package is written once, against `ElementData`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from torch import Tensor

from clipselect.media.unreadable import OnError
from clipselect.method.losses import even_weights
from clipselect.scoring.input_spec import InputSpec
from clipselect.training.augment import training_size
from clipselect.training.loop import Example
from clipselect.training.training_examples import Sample, readable_example
from clipselect.zoo.base import Base
from clipselect.zoo.embedder import Embedder

Target = Literal["labels", "head", "confidence"]
"""Centroids and labels of the training set; the head's rows and its own answers; the base's largest probability."""

NO_CENTROID = -1


@dataclass(frozen=True)
class Elements:
    """n elements of some items, which are the videos or images of a data set.

    Attributes:
        item: [n] int64, index of the video or image.
        label: [n] int64, class or identity; BACKGROUND where that is open.
        features: [n, d] float32, the base's.
    """

    item: NDArray[np.int64]
    label: NDArray[np.int64]
    features: NDArray[np.float32]

    def pairs(self, target: Target, classes: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows [p] of the elements, and for each the label [p] that its discriminability is computed for.

        Args:
            classes: how many there are.
            seed: for labels that are drawn.
        """
        return np.arange(len(self.label)), self.label


E = TypeVar("E", bound=Elements)
S = TypeVar("S", bound=Sample)


def joined(parts: Sequence[E]) -> E:
    """The elements of at least one part, in the order of the items."""
    order = np.argsort(np.concatenate([part.item for part in parts]), kind="stable")
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(parts[0])}
    return type(parts[0])(**columns)


class ElementData(Protocol[E]):
    """A data set with its base: where elements come from.

    Attributes:
        element_type: the class of its elements.
        items: what the files are, "videos" or "images".
        items_per_file: of features on disk.
        schema: of the D-scores file.
        base: the trained network whose features the elements have.
        paths: of the items.
        classes: names of the classes or identities.
    """

    @property
    def element_type(self) -> type[E]: ...

    @property
    def items(self) -> str: ...

    @property
    def items_per_file(self) -> int: ...

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def base(self) -> Base | Embedder: ...

    @property
    def paths(self) -> Sequence[str]: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the features, for JSON."""

    @property
    def required(self) -> frozenset[int]:
        """The classes without which there is nothing to learn."""

    def read(self, items: Iterable[int], on_error: OnError) -> list[E]:
        """The elements of some items, as far as they can be read; each item is done when the next one is asked for.

        Raises:
            NetworkError: the base fails.
        """

    @property
    def centroid_count(self) -> int: ...

    def centroid_rows(self, elements: E) -> NDArray[np.int64]:
        """[n] the centroid that each element counts towards, or NO_CENTROID."""

    def columns(self, elements: E, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, Any]:
        """Columns [p] of the D-scores file for the `pairs` of the elements, except those that are computed."""


@dataclass(frozen=True)
class DDNetExamples(ABC, Generic[S]):
    """The examples that a DDNet is trained on; callable as `clipselect.training.loop.train` wants it.

    Elements are drawn evenly over the range of their D-scores: drawn at random, background would drown the rest.

    Attributes:
        paths: of the items.
        table: columns [n] of the D-scores file by name.
        cumulative: [n] cumulative probabilities of being drawn.
        steps: of the training, which begins with smaller inputs.
    """

    paths: Sequence[str]
    table: dict[str, NDArray[Any]]
    cumulative: NDArray[np.float64]
    input_spec: InputSpec
    steps: int
    seed: int

    COLUMNS: ClassVar[tuple[str, ...]]
    """Of the D-scores file that `draw` needs, besides the D-score."""

    @classmethod
    def columns_of(cls, d_scores: Path) -> dict[str, Any]:
        """The fields `table` and `cumulative` for a D-scores file."""
        read = pq.read_table(d_scores, columns=[*cls.COLUMNS, "d_score"])
        table = {name: read.column(name).to_numpy() for name in read.column_names}
        return {"table": table, "cumulative": np.cumsum(even_weights(table["d_score"]))}

    def __call__(self, step: int, i: int) -> Example:
        height, width = (
            training_size(side, step, self.steps) for side in (self.input_spec.height, self.input_spec.width)
        )
        return readable_example(
            lambda rng, attempt: self.draw(self._drawn(rng), rng),
            lambda sample, rng: self.read(sample, rng, height, width),
            (self.seed, step, i),
        )

    def _drawn(self, rng: np.random.Generator) -> int:
        n = np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1])
        return min(int(n), len(self.cumulative) - 1)

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> S:
        """A sample of the n-th element."""

    @abstractmethod
    def read(self, sample: S, rng: np.random.Generator, height: int, width: int) -> Tensor:
        """Its pixels as float in [0, 1]: [3, T, height, width], or [3, height, width] for single frames."""
