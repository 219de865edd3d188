"""Why a clip was picked: the two classes that a base's feature of it lies nearest to, and eq. 3 between them.

The label of a clip is not known, so the nearest class stands for its own; the rows of the base's head stand for the
centroids of its classes. Outputs of the base without a name are background, which can only be a negative, as when a
DDNet is distilled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clipselect.errors import ArgumentError, NetworkError, check_argument
from clipselect.media.candidate_clips import Clip
from clipselect.media.clip_decoding import read_clips
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.sources import Source
from clipselect.media.text import printable

if TYPE_CHECKING:
    from torch import Tensor

    from clipselect.zoo.base import Base

BACKGROUND = "background"
HOW_TO_READ = (
    "D (eq. 3) is how many times as similar the base's feature is to its nearest class as to the hardest negative. "
    "1: the base cannot distinguish the two; larger: clearer; below 1: background is nearer, or no class is near."
)

MAX_NAMED = 40
"""Classes in a sentence."""


def caveats(base: "Base") -> tuple[str, str]:
    """Which classes a base knows, and what its answers are worth for anything else: a sentence each.

    >>> from clipselect import load_base
    >>> caveats(load_base(device="cpu"))[1].partition(":")[0]
    'Every video gets one of these 22 answers or background, whatever it shows'
    """
    listed = ", ".join(map(printable, base.classes[:MAX_NAMED]))
    more = f" and {len(base.classes) - MAX_NAMED:,} more" * (len(base.classes) > MAX_NAMED)
    rows = base.head_rows
    background = " or background" * (rows is not None and len(rows) > len(base.classes))
    return (
        f"Classes that the base knows: {listed}{more}.",
        f"Every video gets one of these {len(base.classes):,} answers{background}, whatever it shows: of any other "
        "action a percentage means nothing, however high.",
    )


@dataclass(frozen=True)
class Explanation:
    """What a base sees in a clip.

    Attributes:
        nearest: the class nearest to the base's feature.
        similarity: the cosine between them (eq. 2), in [-1, 1].
        hardest_negative: the nearest of the other classes and "background".
        discriminability: eq. 3 with the nearest class for its own, in [-100, 100].
        answer: the base's likeliest class, or "background" if that is likelier.
        probability: that the base gives to its answer, in [0, 1].
    """

    nearest: str
    similarity: float
    hardest_negative: str
    discriminability: float
    answer: str
    probability: float

    @property
    def percent(self) -> str:
        """The probability as people read it."""
        return f"{100 * self.probability:.0f} %"

    def __str__(self) -> str:
        return (
            f"nearest class {self.nearest}, hardest negative {self.hardest_negative}, D {self.discriminability:.2f}; "
            f"the base answers {self.answer} {self.percent}"
        )


def explaining_base(base: "Base | Path | str", device: str = "auto") -> "Base":
    """A base that picks can be explained with.

    Args:
        base: it, or what `load_base` loads.
        device: where one that is not loaded yet runs.

    Raises:
        ArgumentError: of `explain`: something else, or a base whose head is not known.
        ClipselectError: as for `load_base`.
    """
    from clipselect.zoo.base import Base
    from clipselect.zoo.loading import load_base

    if not isinstance(base, Base):
        is_name = isinstance(base, str | Path) and str(base) != ""
        check_argument(is_name, "explain", f"must be a Base, or the name or file of one, got {base!r}")
        base = load_base(base, device)
    _class_rows(base)
    return base


def explain_clips(
    source: Source, clips: Sequence[Clip], base: "Base", progress: ProgressCallback = no_progress
) -> tuple[Explanation, ...]:
    """What a base sees in some clips of a video; each is decoded again, by seeking, and sent through the base.

    Args:
        progress: gets the clips explained, as stage "explaining".

    Raises:
        ArgumentError: of `explain`: the base has no linear head that its features enter.
        NetworkError: the base fails.
        VideoError: the video changed since it was opened.
    """
    rows, spec = _class_rows(base), base.input_spec
    found: list[Explanation] = []
    for frames in read_clips(source, clips, spec.view_of(source), spec.clip_frames):
        try:
            features, probabilities = base.outputs(frames)
        except NetworkError as e:
            raise NetworkError(f"{source.path}: {e}") from e
        found += explain_features(features, probabilities, rows, base.classes)
        progress(Progress("explaining", len(found), len(clips)))
    return tuple(found)


def explain_features(
    features: "Tensor", probabilities: "Tensor", centroids: "Tensor", classes: Sequence[str]
) -> list[Explanation]:
    """Explain clips by what a base gives for them.

    >>> import torch
    >>> centroids = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])  # the last is background
    >>> [one] = explain_features(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.7, 0.1]]), centroids, ("run", "jump"))
    >>> print(one)
    nearest class run, hardest negative jump, D 1.67; the base answers run 70 %

    Args:
        features: [n, d].
        probabilities: [n, classes]; what is missing from a sum of 1 is background.
        centroids: [at least classes, d]; further ones are background.
    """
    import torch

    from clipselect.method.discriminability import discriminability, similarity
    from clipselect.zoo.base import background_probability

    centroids = centroids.double()
    cosines = similarity(features.double(), centroids)
    nearest = cosines[:, : len(classes)].argmax(dim=1)
    negative = cosines.scatter(1, nearest[:, None], -torch.inf).argmax(dim=1)
    values = discriminability(features, nearest, centroids)
    every = torch.cat([probabilities, background_probability(probabilities)[:, None]], dim=1)
    names = [*classes, *[BACKGROUND] * max(len(centroids) - len(classes), 1)]
    return [
        Explanation(names[own], float(cosine[own]), names[other], value, names[int(p.argmax())], float(p.max()))
        for own, other, cosine, value, p in zip(
            nearest.tolist(), negative.tolist(), cosines, values.tolist(), every, strict=True
        )
    ]


def _class_rows(base: "Base") -> "Tensor":
    rows = base.head_rows
    if rows is None:
        raise ArgumentError(
            "explain",
            f"needs a base with a linear head that its features enter, whose rows stand for the classes; {base.name} "
            "has none that is known: name it with head= of Base.from_module",
        )
    return rows
