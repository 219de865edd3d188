"""Which frames of a group reach the base: score -> select -> weights for faces and for person tracklets alike.

`FaceFrameSampler` and `ReIDFrameSampler` differ in what they keep by default and in their DDNet, and in nothing else.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, ImageError, check_argument
from clipselect.index.frame_index import FrameIndex
from clipselect.media.images import Image, opencv, read_image
from clipselect.method.aggregation import Rescale, weights
from clipselect.method.selection import check_limits, ranks, select
from clipselect.samplers.arguments import OnMissing, one_of
from clipselect.scoring import shipped
from clipselect.scoring.percentiles import Threshold, threshold_score
from clipselect.scoring.scorer import ScorerLike, load_scorer

Frames: TypeAlias = torch.Tensor | NDArray[np.uint8] | Sequence[Path | str] | Sequence[Image]
"""The frames of a group: a tensor [n, 3, h, w] RGB, uint8 or floats in [0, 1]; paths; or images [h, w, 3] uint8 RGB, as
an array [n, h, w, 3] or one by one."""

FACE_THRESHOLD = 0.15
"""Of the paper."""
PERSON_THRESHOLD = 0.5
"""The score of a frame as discriminable as the mean of the training set."""


@dataclass(frozen=True)
class FrameSelection:
    """The frames of a group that were kept.

    Attributes:
        indices: [k] int64, places of the kept frames in the group, in order; never empty.
        weights: [k] float64 in [0, 1] for `clipselect.aggregate` (eq. 8).
        candidates: [m] int64, places of the frames that could be read: all of them, as a rule.
        scores: [m] float32 in (0, 1), of the candidates; those of a function may lie anywhere.
        percentiles: [m] which share of the training elements each score exceeds, in percent; None where the weights do
            not say, see `clipselect.scoring.percentiles`.
    """

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    candidates: NDArray[np.int64]
    scores: NDArray[np.float32]
    percentiles: NDArray[np.float64] | None = None

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """[m] rank of every candidate, 1 for the best."""
        return ranks(self.scores)


class FrameSampler:
    """Chooses the frames of a group that are the most discriminable for the base, and weighs them.

    Args:
        k: keep the best `k`.
        share: keep the best share of the frames, in (0, 1], rounded up.
        threshold: keep those scored above it (eq. 7): a score in [0, 1], or a percentile of the scores of the training
            frames, such as "p30"; for scores of a function any number. If several limits are given, all apply; the
            best frame is kept in any case.
        min_gap: what must lie between two kept frames, in the unit of their `times`: it spreads them over a track of
            nearly equal frames. None, the default, keeps neighbours too.
        scorer: what scores, see `load_scorer`: a 2D DDNet by name or file, FILE.onnx, FILE.py:NAME, or a function of a
            batch of frames [n, h, w, 3] uint8 RGB that gives n numbers, higher for better frames.
        rescale: how scores become weights, see `clipselect.weights`; those of a function all weigh 1 without it.
        index: a frame index of the same DDNet: images given by path are then not opened.
        on_missing: what to do with an image that the index lacks or that has changed: "score" it, with a warning, or
            "raise".
        device: of a DDNet: "auto" (CUDA if there is one), "cpu", "cuda", ...

    Raises:
        ClipselectError: an argument out of range, an unusable scorer or index, an index of another model.

    >>> images = [np.zeros((64, 32, 3), np.uint8), np.full((80, 40, 3), 90, np.uint8)]
    >>> FrameSampler(k=1, scorer="ddnet2d-persons", device="cpu")(images).weights.shape
    (1,)
    """

    min_side = 1
    """Pixels of the shorter side below which an image counts as one that cannot be read."""
    default_threshold: float | None = None
    """Where no limit is given: a score of a DDNet."""
    default_scorer: str | None = None

    def __init__(
        self,
        *,
        k: int | None = None,
        share: float | None = None,
        threshold: Threshold | None = None,
        min_gap: float | None = None,
        scorer: ScorerLike | None = None,
        rescale: Rescale | None = None,
        index: Path | str | None = None,
        on_missing: OnMissing = "score",
        device: str = "auto",
    ) -> None:
        opencv()
        check_limits(k=k, share=share, min_gap=min_gap)
        self.rescale = one_of(rescale, "rescale", (*get_args(Rescale), None))
        self.on_missing = one_of(on_missing, "on_missing", get_args(OnMissing))
        self.scorer = load_scorer(self.default_scorer if scorer is None else scorer, device, elements="frames")
        if k is None and share is None and threshold is None:
            threshold = self.default_threshold
            problem = f"(or share, or threshold) is needed, since {threshold} is no threshold for {self.scorer.name!r}"
            check_argument(threshold is None or self.scorer.in_unit_interval, "k", problem)
        self.k, self.share, self.threshold, self.min_gap = k, share, threshold, min_gap
        self._threshold = threshold_score(threshold, self.scorer)
        self.index = None if index is None else FrameIndex.open(index)
        if self.index is not None and self.index.sha256 != self.scorer.metadata.get("sha256"):
            raise ClipselectError(
                f"{self.index.path}: its scores are by {self.index.model}, not by {self.scorer.name}; make it again, or"
                " give that scorer"
            )

    def __call__(self, frames: Frames, times: ArrayLike | None = None) -> FrameSelection:
        """Choose among the frames of one group.

        Images that cannot be read are named in a `ClipselectWarning` and left out.

        Args:
            times: [n] when each frame was taken, for `min_gap`: seconds, or by default their places 0, 1, 2, ...

        Raises:
            ClipselectError: no frames, or not one that can be read; a face of a tensor or array below 20 pixels.
            ArgumentError: another number of times than frames.
            ValueError: a tensor or an image of another shape, type or range.

        >>> faces = torch.linspace(1, 0.6, 5).view(5, 1, 1, 1).expand(5, 3, 112, 112)  # the first is the brightest
        >>> FaceFrameSampler(k=2, min_gap=3, scorer=lambda faces: faces.mean(axis=(1, 2, 3)))(faces).indices
        array([0, 3])
        """
        candidates, scores = self._scored(frames)
        when = np.arange(len(frames)) if times is None else _times(times, len(frames))
        spans = np.stack([when, when], axis=1)[candidates]
        limited = select(scores, spans, k=self.k, share=self.share, threshold=self._threshold, min_gap=self.min_gap)
        kept, percentiles = limited.ordered, self.scorer.percentiles(scores)
        own = weights(scores, kept, self.rescale, in_unit_interval=self.scorer.in_unit_interval)
        return FrameSelection(candidates[kept], own, candidates, scores, percentiles)

    def _scored(self, frames: Frames) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if isinstance(frames, (str, Path)):
            raise ValueError(
                f"frames must be the frames of a group, got one path, {str(frames)!r}; give a list of paths"
            )
        if not hasattr(frames, "__len__") or not hasattr(frames, "__getitem__"):
            raise ArgumentError("frames", f"must be a tensor, an array or a list of the frames, got {frames!r}")
        if not len(frames):
            raise ClipselectError("a group without frames: there is nothing to choose from; give at least one")
        if isinstance(frames, torch.Tensor):
            frames = as_images(frames)
        if isinstance(frames[0], (str, Path)):
            return self._scored_files([Path(str(path)) for path in frames])
        images = (self._large_enough(np.asarray(image), f"frame {i}") for i, image in enumerate(frames))
        return np.arange(len(frames)), self.scorer.score_images(images)

    def _large_enough(self, image: Image, name: object) -> Image:
        if image.ndim == 3 and 0 < min(image.shape[:2]) < self.min_side:  # the scorer refuses other shapes
            height, width = image.shape[:2]
            raise ImageError(f"{name}: {width} x {height} pixels, smaller than {self.min_side}; leave it out")
        return image

    def _scored_files(self, paths: Sequence[Path]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        known = [None if self.index is None else self.index.score(path) for path in paths]
        missing = [i for i, score in enumerate(known) if score is None]
        if self.index is not None and missing:
            problem = f"{paths[missing[0]]}: is not in {self.index.path}, or has changed since"
            if self.on_missing == "raise":
                raise ClipselectError(f"{problem}; make the index again")
            warnings.warn(f"{problem}; scored now ({len(missing)} such)", ClipselectWarning, stacklevel=3)
        unreadable: dict[int, ImageError] = {}

        def images() -> Iterator[Image]:
            for i in missing:
                try:
                    yield self._large_enough(read_image(paths[i]), paths[i])
                except ImageError as e:
                    unreadable[i] = e
                    warnings.warn(str(e), ClipselectWarning, stacklevel=2)

        fresh = iter(self.scorer.score_images(images()).tolist())
        scores = [None if i in unreadable else next(fresh) if score is None else score for i, score in enumerate(known)]
        candidates = [i for i, score in enumerate(scores) if score is not None]
        if not candidates:
            raise ImageError(f"not one of the {len(paths)} images can be read; the first: {unreadable[0]}")
        return np.array(candidates), np.array([scores[i] for i in candidates], dtype=np.float32)


class FaceFrameSampler(FrameSampler):
    """`FrameSampler` for the faces of one person in a video or template: by default those above the paper's 0.15.

    Faces are crops as the base sees them, aligned to 112 x 112 or near to it, at least 20 pixels wide and high; see
    `clipselect faces`.

    >>> sampler = FaceFrameSampler(k=2, device="cpu")
    >>> faces = torch.rand(5, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    >>> selection = sampler(faces)
    >>> len(selection.indices), len(selection.weights), len(selection.scores)
    (2, 2, 5)
    """

    min_side = 20
    default_threshold = FACE_THRESHOLD
    default_scorer = shipped.FACE_DDNET


class ReIDFrameSampler(FrameSampler):
    """`FrameSampler` for the frames of a person tracklet: by default those above 0.5.

    In benchmarks/README.md, 0.5 shows no loss on tracklets as they are.

    >>> ReIDFrameSampler(share=0.5, device="cpu").share
    0.5
    """

    default_threshold = PERSON_THRESHOLD
    default_scorer = shipped.PERSON_DDNET


def _times(times: ArrayLike, frames: int) -> NDArray[np.float64]:
    """One for each of the frames; an ArgumentError if they are not."""
    problem = f"must be a number for each of the {frames} frames, got {times!r}"
    try:
        when = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as e:
        raise ArgumentError("times", problem) from e
    check_argument(when.shape == (frames,) and bool(np.isfinite(when).all()), "times", problem)
    return when


def as_images(frames: torch.Tensor) -> NDArray[np.uint8]:
    """Frames of PyTorch's layout as images: [n, 3, h, w] uint8, or floats in [0, 1] -> [n, h, w, 3] uint8.

    Raises:
        ValueError: another shape, type or range.

    >>> as_images(torch.ones(2, 3, 4, 5)).shape
    (2, 4, 5, 3)
    """
    if frames.ndim != 4 or frames.shape[1] != 3 or not frames.numel():
        raise ValueError(f"frames must be [n, 3, h, w] RGB, got {[*frames.shape]}")
    if frames.is_floating_point():
        frames = frames.detach()
        low, high = float(frames.min()), float(frames.max())
        if not (low >= 0 and high <= 1):
            raise ValueError(f"float frames must lie in [0, 1], before any normalisation; got {low:.4g} to {high:.4g}")
        frames = (frames.float() * 255).round().to(torch.uint8)
    if frames.dtype != torch.uint8:
        raise ValueError(f"frames must be uint8, or floats in [0, 1], got {frames.dtype}")
    images: NDArray[np.uint8] = frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return images
