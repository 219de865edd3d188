"""From the network's outputs for single clips to one answer per video, in one process or several."""

import pickle
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.distributed import gather_all_tensors

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
        names: the videos' names, for `ClipDataset` their paths; empty where the batches had none.
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

    def check_same(self, index: int, name: str, label: int | str | None) -> None:
        """Raise a ClipselectError unless this is the video of that name and label."""
        if (self.name, self.label) != (name, label):
            raise ClipselectError(
                f"video {index} is {self.name!r} (label {self.label}), and now {name!r} (label {label}); "
                "use an aggregator for each dataset, and reset() it between epochs"
            )

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
        if self.answer is None:
            self.views.setdefault(view, (weight, output.clone()))
            if len(self.views) == self.expected:
                self.answer, self.views = self.value(), {}

    def merge(self, other: "_Video") -> None:
        """Add what another process knows of the same video."""
        if self.answer is None:
            self.answer = other.answer
        for view, (weight, output) in other.views.items():
            self.add(view, weight, output)

    def value(self) -> Tensor:
        """The weighted mean over the views (eq. 8), the same in whatever order they came and however many weigh 0."""
        if self.answer is not None:
            return self.answer
        views = [self.views[view] for view in sorted(self.views)]
        views = [view for view in views if view[0]] or [(1.0, output) for _, output in views]
        weights, outputs = zip(*views, strict=True)
        return aggregate(torch.stack(outputs), weights)


class VideoAggregator(Metric):
    """Collects the outputs for clips, in any order and from any workers, and answers once per video.

    A clip counts once, by its video_index, clip_index and aug_index, however often it comes. A video whose last clip
    has come is reduced to its answer at once, so memory holds one row per video, on the CPU.

        aggregator = VideoAggregator()
        for batch in loader:
            aggregator.update(network(batch["video"]).softmax(1), batch)
        answers = aggregator.compute()

    It is a `torchmetrics.Metric`: `compute` answers for the videos of all processes of `torch.distributed`, in each of
    them, and counts a video once that several have seen, as the padding of `DistributedSampler` makes them. (With NCCL,
    call `.to(device)` before, as for every metric.)

    Args:
        options: of `torchmetrics.Metric`, such as `sync_on_compute` and `process_group`.

    >>> aggregator = VideoAggregator()
    >>> places = {"video_index": [0, 0], "clip_index": [0, 1], "aug_index": [0, 0]}
    >>> aggregator.update(torch.tensor([[0.9, 0.1], [0.3, 0.7]]), {**places, "clip_weight": [1.0, 0.5]})
    >>> aggregator.compute().values
    tensor([[0.7000, 0.3000]])
    """

    full_state_update = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reset()

    def reset(self) -> None:
        """Forget everything; call it between epochs."""
        super().reset()
        self._videos: dict[int, _Video] = {}
        self._shape: list[int] | None = None  # of one clip's output
        self._has_answered = False

    def update(self, outputs: Tensor, batch: Mapping[str, Any]) -> None:
        """Add a batch.

        Args:
            outputs: floats, features or class probabilities: [b, ...] with one row per clip; for `ClipDataset`
                [B * K, ...], the clips of a video one after the other, or [B, K, ...].
            batch: of PyTorchVideo, as its dataset and the DataLoader's collation made it, with video_index, clip_index
                and aug_index; clip_weight (eq. 8, otherwise 1), clip_views, label and video_name are used where
                they are there. Or of `ClipDataset`.

        Raises:
            ClipselectError: a key is missing, the number of rows differs, an output is not a number, or an index stands
                for two videos.
        """
        if not isinstance(outputs, Tensor) or not outputs.is_floating_point() or outputs.ndim == 0:
            what = outputs.dtype if isinstance(outputs, Tensor) else type(outputs).__name__
            raise ClipselectError(f"outputs must be a tensor of floats with a row per clip, got {what}; convert them")
        if "weights" in batch:
            outputs, batch = _per_clip(outputs, batch)
        self._shape = _one_shape(self._shape, [*outputs.shape[1:]])
        rows = outputs.detach().cpu()
        size = len(rows)
        views = list(zip(_column(batch, "clip_index", size), _column(batch, "aug_index", size), strict=True))
        weights = _column(batch, "clip_weight", size, default=1.0)
        expected = _column(batch, "clip_views", size, default=None)
        labels = _column(batch, "label", size, default=None)
        names = _column(batch, "video_name", size, default="")
        finite = rows.reshape(size, rows[:1].numel()).isfinite().all(1)
        for i, index in enumerate(_column(batch, "video_index", size)):
            if not finite[i]:
                raise ClipselectError(
                    f"video {index} ({names[i]}): the network's output for clip {views[i][0]} is NaN or infinite"
                )
            video = self._videos.setdefault(index, _Video(names[i], labels[i], expected[i]))
            video.check_same(index, names[i], labels[i])
            if video.answer is None or not self._has_answered:
                video.add(views[i], float(weights[i]), rows[i])
            else:  # not the padding of a DistributedSampler, nor an epoch that was broken off
                self._has_answered = False
                warnings.warn(
                    f"video {index} ({names[i]}) is answered already, and its new outputs do not count; reset() the "
                    "aggregator between epochs",
                    ClipselectWarning,
                    stacklevel=3,  # torchmetrics wraps this method
                )

    def forward(self, outputs: Tensor, batch: Mapping[str, Any]) -> None:
        """`update`: a single batch has no answers of its own, since it may hold parts of videos."""
        self.update(outputs, batch)

    @property
    def incomplete(self) -> dict[int, str]:
        """The videos of which clips are missing in this process, by video_index, and how many."""
        return {index: problem for index, video in self._videos.items() if (problem := video.missing)}

    def compute(self, incomplete: Incomplete = "raise") -> VideoAnswers:
        """The answers for all videos so far, of all processes.

        Args:
            incomplete: what to do with videos of which clips are missing: "raise", or "skip" them with a warning.

        Raises:
            ClipselectError: an incomplete video, none at all, or processes that contradict each other.
        """
        one_of(incomplete, "incomplete", get_args(Incomplete))
        was_synced = self._is_synced
        self.sync(self.dist_sync_fn, should_sync=self.sync_on_compute and not was_synced)
        try:
            answers = self._answers(incomplete)
        finally:
            self.unsync(self._is_synced and not was_synced)
        self._has_answered = True
        return answers

    def _answers(self, incomplete: Incomplete) -> VideoAnswers:
        problems = self.incomplete
        if problems:
            index, problem = min(problems.items())
            first = f"video {index} ({self._videos[index].name}) is incomplete: {problem} ({len(problems)} such videos)"
            if incomplete == "raise":
                raise ClipselectError(
                    f"{first}; run the epoch to its end, or leave such videos out by compute(incomplete='skip')"
                )
            warnings.warn(f"{first}, left out of the answers", ClipselectWarning, stacklevel=3)
        whole = [index for index in sorted(self._videos) if index not in problems]
        if not whole:
            raise ClipselectError("there is no complete video to answer for; update with the batches of an epoch first")
        videos = [self._videos[index] for index in whole]
        return VideoAnswers(
            torch.tensor(whole),
            torch.stack([video.value() for video in videos]),
            _labels([video.label for video in videos]),
            [video.name for video in videos],
        )

    def _wrap_compute(self, compute: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: torchmetrics would drop the dimension of a single video, and stay synced after an error."""
        return compute

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Make the videos those of all processes; called by `sync`, and undone by `unsync`.

        Videos have names, labels and views in any number, so they travel as bytes instead of as states of tensors.
        """
        mine = pickle.dumps((self._shape, self._videos))
        sent = torch.frombuffer(bytearray(mine), dtype=torch.uint8).to(self.device)
        gathered = dist_sync_fn(sent, group=process_group or self.process_group)
        shape: list[int] | None = None
        merged: dict[int, _Video] = {}
        for received in gathered:
            its_shape, videos = pickle.loads(received.cpu().numpy().tobytes())
            shape = _one_shape(shape, its_shape)
            for index, video in videos.items():
                known = merged.setdefault(index, video)
                if known is not video:
                    known.check_same(index, video.name, video.label)
                    known.merge(video)
        self._unsynced, self._videos = self._videos, merged

    def unsync(self, should_unsync: bool = True) -> None:
        """Go back to the videos of this process."""
        super().unsync(should_unsync)
        if should_unsync:
            self._videos = self._unsynced


def _one_shape(known: list[int] | None, shape: list[int] | None) -> list[int] | None:
    """The shape of one clip's output; None is not known yet."""
    if None not in (known, shape) and known != shape:
        raise ClipselectError(f"outputs are {shape} per clip, and were {known} before; use one network")
    return shape if known is None else known


def _per_clip(outputs: Tensor, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """Outputs and a batch of `ClipDataset`, collated or a single item, with one row per clip as in PyTorchVideo.

    A video whose weights are all 0 could not be read, and is left out.
    """
    weights = torch.as_tensor(batch["weights"])
    if weights.ndim == 1:  # a DataLoader with batch_size=None
        weights, batch = weights[None], {key: [value] for key, value in batch.items()}
    videos, clips = weights.shape
    if outputs.shape[:2] == weights.shape and (outputs.ndim > 2 or clips > 1):
        outputs = outputs.flatten(0, 1)
    if len(outputs) != videos * clips:
        raise ClipselectError(f"outputs have {len(outputs)} rows for {videos} x {clips} clips; give one row per clip")
    read = weights.any(1).tolist()

    def repeated(key: str) -> list[Any]:
        column = _column(batch, key, videos)
        return [value for value, kept in zip(column, read, strict=True) if kept for _ in range(clips)]

    kept = [i for i in range(videos * clips) if read[i // clips]]
    columns = {"video_index": "video_index", "label": "label", "video_name": "path"}
    return outputs[kept], {
        "clip_index": [i % clips for i in kept],
        "aug_index": [0] * len(kept),
        "clip_weight": weights.flatten()[kept],
        "clip_views": [clips] * len(kept),
        **{name: repeated(key) for name, key in columns.items() if key in batch},
    }


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
