"""From the network's outputs for single clips to one answer per video."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from clipselect.errors import ClipselectError, ClipselectWarning
from clipselect.method.aggregation import aggregate
from clipselect.samplers.arguments import one_of

Incomplete = Literal["raise", "skip"]
View = tuple[int, int]


@dataclass(frozen=True)
class VideoAnswers:
    """One answer per video, in the order of the dataset's indices.

    Attributes:
        index: [v] int64, the dataset's `video_index`.
        values: [v, ...] the weighted means of the clips' outputs, in their dtype, on the CPU.
        labels: [v] int64, or a list of words (as of Hmdb51), or None where the batches had no `label`.
        names: the videos' names, empty where the batches had no `video_name`.
    """

    index: Tensor
    values: Tensor
    labels: Tensor | list[str] | None
    names: list[str]


@dataclass
class _Video:
    name: str
    label: int | str | None
    expected: int | None
    views: dict[View, tuple[float, Tensor]] = field(default_factory=dict)
    answer: Tensor | None = None

    @property
    def missing(self) -> str | None:
        """What is missing, in words; None if the video is complete."""
        if self.answer is not None:
            return None
        clips, augs = (1 + max(view[i] for view in self.views) for i in (0, 1))
        expected = self.expected or clips * augs
        if len(self.views) == expected:
            return None
        return f"only {len(self.views)} of its {expected} samples were given"

    def add(self, view: View, weight: float, output: Tensor) -> None:
        """Add a view, unless it was added before; the last one turns all of them into the answer."""
        self.views.setdefault(view, (weight, output.clone()))
        if len(self.views) == self.expected:
            self.answer, self.views = self.value(), {}

    def value(self) -> Tensor:
        """The weighted mean over the views (eq. 8), the same in whatever order they came."""
        if self.answer is not None:
            return self.answer
        weights, outputs = zip(*(self.views[view] for view in sorted(self.views)), strict=True)
        weighted = any(weights)  # not if all of them are padding
        return aggregate(torch.stack(outputs), weights if weighted else [1.0] * len(weights))


class VideoAggregator:
    """Collects the outputs for clips, in any order and from any workers, and answers once per video.

    Every clip counts once, by its video_index, clip_index and aug_index, however often it comes; its weight is the
    sample's clip_weight (eq. 8-11), 1 where the sampler writes none. A video whose last clip has come is reduced to
    its answer at once, so memory holds one row per video.

        aggregator = VideoAggregator()
        for batch in loader:
            aggregator.update(network(batch["video"]).softmax(1), batch)
        answers = aggregator.compute()

    >>> aggregator = VideoAggregator()
    >>> places = {"video_index": [0, 0], "clip_index": [0, 1], "aug_index": [0, 0]}
    >>> aggregator.update(torch.tensor([[0.9, 0.1], [0.3, 0.7]]), {**places, "clip_weight": [1.0, 0.5]})
    >>> aggregator.compute().values
    tensor([[0.7000, 0.3000]])
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; call it between epochs."""
        self._videos: dict[int, _Video] = {}
        self._shape: list[int] | None = None  # of one clip's output
        self._computed = False

    def update(self, outputs: Tensor, batch: Mapping[str, Any]) -> None:
        """Add a batch.

        Args:
            outputs: [b, ...] floats: features or class probabilities, one row per clip.
            batch: as the dataset and the DataLoader's collation made it, with video_index, clip_index and aug_index;
                clip_weight, clip_views, label and video_name are used where they are there.

        Raises:
            ClipselectError: a key is missing, the number of rows differs, an output is not a number, or an index stands
                for two videos.
        """
        if not isinstance(outputs, Tensor) or not outputs.is_floating_point() or outputs.ndim == 0:
            what = outputs.dtype if isinstance(outputs, Tensor) else type(outputs).__name__
            raise ClipselectError(f"outputs must be a tensor of floats with a row per clip, got {what}; convert them")
        shape = [*outputs.shape[1:]]
        if self._shape not in (None, shape):
            raise ClipselectError(f"outputs are {shape} per clip, and were {self._shape} before; use one network")
        self._shape = shape
        rows = outputs.detach().cpu()
        size = len(rows)
        views = list(zip(_column(batch, "clip_index", size), _column(batch, "aug_index", size), strict=True))
        weights = _column(batch, "clip_weight", size, default=1.0)
        expected = _column(batch, "clip_views", size, default=None)
        labels = _column(batch, "label", size, default=None)
        names = _column(batch, "video_name", size, default="")
        finite = rows.reshape(size, -1).isfinite().all(1)
        for i, index in enumerate(_column(batch, "video_index", size)):
            if not finite[i]:
                raise ClipselectError(
                    f"video {index} ({names[i]}): the network's output for clip {views[i][0]} is not finite"
                )
            video = self._videos.setdefault(index, _Video(names[i], labels[i], expected[i]))
            if (video.name, video.label) != (names[i], labels[i]):
                raise ClipselectError(
                    f"video {index} is {video.name!r} (label {video.label}), and now {names[i]!r} (label {labels[i]}); "
                    "use an aggregator for each dataset, and reset() it between epochs"
                )
            if video.answer is None:
                video.add(views[i], float(weights[i]), rows[i])
            elif self._computed:  # otherwise it is the padding of a DistributedSampler, or an epoch was broken off
                self._computed = False
                warnings.warn(
                    f"video {index} ({names[i]}) is answered already, and its new outputs do not count; reset() the "
                    "aggregator between epochs",
                    ClipselectWarning,
                    stacklevel=2,
                )

    @property
    def incomplete(self) -> dict[int, str]:
        """The videos of which clips are missing, by video_index, and how many."""
        return {index: problem for index, video in self._videos.items() if (problem := video.missing)}

    def compute(self, incomplete: Incomplete = "raise") -> VideoAnswers:
        """The answers for all videos so far.

        Args:
            incomplete: what to do with videos of which clips are missing: "raise", or "skip" them.

        Raises:
            ClipselectError: an incomplete video, or none at all.
        """
        one_of(incomplete, "incomplete", get_args(Incomplete))
        problems = self.incomplete
        if problems and incomplete == "raise":
            index, problem = min(problems.items())
            raise ClipselectError(
                f"video {index} ({self._videos[index].name}) is incomplete: {problem} ({len(problems)} such videos); "
                "run the epoch to its end, or leave such videos out by compute(incomplete='skip')"
            )
        whole = [index for index in sorted(self._videos) if index not in problems]
        if not whole:
            raise ClipselectError("there is no complete video to answer for; update with the batches of an epoch first")
        self._computed = True
        videos = [self._videos[index] for index in whole]
        return VideoAnswers(
            torch.tensor(whole),
            torch.stack([video.value() for video in videos]),
            _labels([video.label for video in videos]),
            [video.name for video in videos],
        )


def _labels(labels: list[Any]) -> Tensor | list[str] | None:
    if None in labels:
        return None
    return labels if isinstance(labels[0], str) else torch.tensor(labels)


def _column(batch: Mapping[str, Any], key: str, rows: int, **default: Any) -> list[Any]:
    if key not in batch:
        if default:
            return [default["default"]] * rows
        raise ClipselectError(f"the batch has no {key!r}; pass it as the dataset and the DataLoader made it")
    values = batch[key]
    column = values.tolist() if isinstance(values, Tensor) else list(values)
    if len(column) != rows:
        raise ClipselectError(f"outputs have {rows} rows, but the batch has {len(column)} of {key!r}; one row per clip")
    return column
