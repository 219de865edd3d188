"""What an entry of the table of methods is, and what a method may know about the elements that it chooses from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipselect.method.aggregation import Rescale, weights

T = TypeVar("T")

IntArray = NDArray[np.int64]
Element = Literal["clip", "frame"]
Need = Literal[
    "nothing", "ddnet", "base", "mirrored", "dropout", "quality", "motion", "packets", "shots", "action", "d_scores",
    "sharp",
]  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """What a method may know about the n elements of one group.

    Attributes:
        scores: [n] by the DDNet; n >= 1.
        k: how many to keep, in [1, n]; n for methods without a K.
        seed: of random choices; holds the number of the group.
        threshold: of eq. 7, in [0, 1].
        equal_cost_k: how many uniform elements the total cost of `k` by score buys, in [1, n].
        confidence: [n] the base's own largest probability, where the base saw all of them.
        motion, packets: [n] of clips, see `clipselect.scoring.cheap_scores`, where they were measured.
        shots: [n] the shot in which each clip lies, rising, where shots were looked for.
        action: [n] bool, which clips show the action, where that is known.
        features, norms: [n, d] the base's features of frames, each scaled to length 1, and [n] their lengths before.
        mirrored: [n] cosine of the base's features of a frame and of its mirror image, where that was measured.
        dropout: [n] qualities by `clipselect.zoo.dropout_agreement`, where they were measured.
        quality: [n] of frames, by the scorer that the method is named after, where it was asked for.
        d_scores: [n] the D-scores (eq. 4) that the scores estimate, where the identities are known.
        sharp: [n] bool, which frames were not blurred, where some were.
        spans: [n, 2] seconds of clips that may overlap, or places of frames, where a gap is asked for; else None.
        min_gap: as for `clipselect.top_k`; see `clipselect.evaluation.methods`.
    """

    scores: NDArray[np.floating]
    k: int
    seed: Sequence[int] = (0,)
    threshold: float = 0.15
    equal_cost_k: int | None = None
    confidence: NDArray[np.floating] | None = None
    motion: NDArray[np.floating] | None = None
    packets: NDArray[np.floating] | None = None
    shots: IntArray | None = None
    action: NDArray[np.bool_] | None = None
    features: NDArray[np.floating] | None = None
    norms: NDArray[np.floating] | None = None
    mirrored: NDArray[np.floating] | None = None
    dropout: NDArray[np.floating] | None = None
    quality: NDArray[np.floating] | None = None
    d_scores: NDArray[np.floating] | None = None
    sharp: NDArray[np.bool_] | None = None
    spans: NDArray[np.float64] | None = None
    min_gap: float | None = 0

    @property
    def count(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Method:
    """One way of choosing and weighing.

    Attributes:
        description: what it does, as a phrase.
        choose: candidates -> the places [k] of the kept ones, rising.
        weigh: the kept ones by their scores, as they are (None) or rescaled, or all equally.
        elements: what it is measured on.
        needs: what must see every candidate first: nothing, the DDNet or the base (which saves nothing), perhaps its
            mirror image too, or with dropout; or what must be known of them: their motion or shots, which take
            decoding, or packets, which take reading the file. A method that needs the D-scores takes them for the
            scores.
        has_k: whether it keeps a given number K.
        role: what it is compared as: the subject of all tables, a baseline of its kind (cheap: it ranks without a
            network), or an oracle that cannot be used.
        in_plots: whether plots show it; of variants that lie on top of each other only one does.
        style: colour and marker of its plots; None for some of its own in every report.
        network: the network of sets that makes one answer of what is kept; None for the weighted mean.
    """

    name: str
    description: str
    choose: Callable[[Candidates], IntArray]
    weigh: Rescale | Literal["equal"] | None = "equal"
    elements: tuple[Element, ...] = ("clip", "frame")
    needs: Need = "nothing"
    has_k: bool = True
    role: Literal["subject", "uniform", "equal_cost", "random", "cheap", "dense", "oracle", "other"] = "other"
    in_plots: bool = True
    style: tuple[str, str] | None = None
    network: str | None = None

    @property
    def base_passes(self) -> int:
        """How often the base sees every candidate, kept or not."""
        return {"base": 1, "mirrored": 2, "dropout": 1}.get(self.needs, 0)

    def keep(self, candidates: Candidates) -> tuple[IntArray, NDArray[np.float64]]:
        """The places [k] of the kept elements, rising, and their weights [k] for eq. 8.

        >>> from clipselect.evaluation.methods import METHODS
        >>> METHODS["ddl"].keep(Candidates(np.array([0.2, 0.9, 0.4, 0.7]), k=2))
        (array([1, 3]), array([0.9, 0.7]))

        Raises:
            ValueError: what the method needs is not known.
        """
        if self.needs == "d_scores":
            candidates = replace(candidates, scores=known(candidates.d_scores, "d_scores"))
        kept = self.choose(candidates)
        return kept, np.ones(len(kept)) if self.weigh == "equal" else weights(candidates.scores, kept, self.weigh)


def known(value: T | None, name: str) -> T:
    """What a method needs; a ValueError where it is not known."""
    if value is None:
        raise ValueError(f"this method needs the {name} of the candidates")
    return value
