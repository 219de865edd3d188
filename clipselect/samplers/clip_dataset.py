"""The best clips of every video as tensors, for a plain PyTorch `DataLoader`."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import av
import torch
from torch import Tensor
from torch.utils.data import Dataset

from clipselect.data.splits import Split
from clipselect.data.video_list import Paths, video_list
from clipselect.errors import ArgumentError, ClipselectWarning, MissingFileError, VideoError, check_argument
from clipselect.media.candidate_clips import Seconds
from clipselect.media.clip_tensors import check_shape
from clipselect.media.images import Size, height_and_width
from clipselect.samplers.arguments import OnMissing, one_of
from clipselect.samplers.candidate_reader import ScorerOfProcess
from clipselect.samplers.choosers import padded
from clipselect.samplers.clip_selector import ClipSelector
from clipselect.scoring.percentiles import Threshold
from clipselect.scoring.scorer import ScorerLike
from clipselect.scoring.threads import decoding_threads

OnError = Literal["raise", "skip"]
"""What to do with a video that cannot be read."""
BatchLayout = Literal["CTHW", "TCHW"]

Item = dict[str, Any]

BLACK_SIDE, BLACK_FRAMES = 224, 16
"""Of the frames that stand for a video that cannot be read, where no size or number of frames is asked for."""


class ClipDataset(Dataset[Item]):
    """A map-style dataset with one item per video: its best `k` clips, in time order.

        dataset = ClipDataset("kinetics400/val", index="scores.parquet", transform=weights.transforms())
        aggregator = VideoAggregator()
        for batch in DataLoader(dataset, batch_size=4, num_workers=8):
            probabilities = network(batch["video"].flatten(0, 1)).softmax(1)    # [B * K, classes]
            aggregator.update(probabilities, batch)
        answers = aggregator.compute()                                          # one per video

    An item holds

        video        [K, C, T, H, W] (or [K, T, C, H, W], see `layout`): uint8 RGB, or what `transform` makes of it
        weights      [K] float32 in [0, 1]: of the clips in the video's answer (eq. 8), for `VideoAggregator`;
                     `weights > 0` is the mask of the real clips, which are not there for padding
        start, end   [K] float64: seconds from the first frame of the video
        score        [K] float32 in (0, 1)
        path         as given
        label        an integer or a word; absent where there are no labels
        video_index  the place of the video in the dataset

    K is always `k`: where a video has fewer clips (above the threshold), its best ones come again with weight 0. With
    `k=None` it varies; then use a DataLoader with `batch_size=None`, whose batches are these items.

    Workers may be forked or spawned. Without an index every video is scored, so decoded as a whole, whenever its turn
    comes; with one, only its picked clips are decoded.

    Args:
        videos: paths; or a folder, of videos or of folders of classes; a list (.csv, .tsv, .txt) of paths and labels or
            ActivityNet's JSON, see `clipselect.data.datasets`; or a score index (.parquet), for all of its videos,
            which is then the `index`.
        labels: of the `videos`, where these are a list of paths. Otherwise labels come with the data: numbers stay as
            they are, and names become indices of the sorted names, `classes`.
        k: clips per video; None with `threshold` for all above it.
        threshold, min_gap, clip_duration, stride, index, on_missing, fps, fast: as for `clipselect.select`.
        num_frames: T, evenly spread over the clip, whatever its length; None for all frames.
        size, short_side: in pixels; frames are squashed to size x size (or (height, width)), or scaled with their
            aspect. Without both they have the size at which they are stored, and items collate only if `transform`
            makes it one size.
        transform: is called with every clip, [T, C, H, W] uint8, as torchvision's `transforms.v2` and the
            `weights.transforms()` of its networks take it; returns [T, C, H, W] (as v2) or [C, T, H, W] (as the
            latter), with the same T.
        layout: of the clips in `video`, whichever of the two `transform` returns: "CTHW", as the networks of
            torchvision and PyTorchVideo take them, or "TCHW", as those of transformers.
        scorer: what scores, as for `DDLClipSampler`; the zoo's DDNet by default.
        device: where the DDNet runs; "auto" means the CPU in workers. GPUs belong to `clipselect index`.
        on_error: a video that cannot be read raises its error, or is skipped: named once in a `ClipselectWarning` and
            left out of its batch, which is then smaller. A batch of nothing else, and `dataset[i]`, hold one black item
            with weights all 0, which `VideoAggregator` does not count.
        split, prefix, classes: of folders, lists and JSON, as for `clipselect.data.datasets.read_dataset`.

    Attributes:
        paths, labels: of all videos; `labels` may be None.
        classes: names of the classes, where the data names them.

    Raises:
        ArgumentError: an argument out of range, or two that exclude each other.
        ClipselectError: no videos, an unusable model or index, an index made otherwise.
        VideoError: from `dataset[i]`: the video cannot be read.

    >>> item = ClipDataset(["video.mp4"], labels=["waving"], k=2, num_frames=8, size=112)[0]
    >>> item["video"].shape, item["weights"].shape, item["start"], item["label"]
    (torch.Size([2, 3, 8, 112, 112]), torch.Size([2]), tensor([0., 1.], dtype=torch.float64), 'waving')
    """

    def __init__(
        self,
        videos: Paths,
        labels: Sequence[int] | Sequence[str] | None = None,
        *,
        k: int | None = 5,
        threshold: Threshold | None = None,
        min_gap: float | None = 0,
        num_frames: int | None = 16,
        size: int | Size | None = None,
        short_side: int | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
        layout: BatchLayout = "CTHW",
        clip_duration: Seconds | None = None,
        stride: Seconds | None = None,
        scorer: ScorerLike | None = None,
        index: str | Path | None = None,
        on_missing: OnMissing = "score",
        device: str = "cpu",
        fps: Seconds | None = None,
        fast: bool = False,
        on_error: OnError = "raise",
        split: Split | None = None,
        prefix: str | Path | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        check_shape(num_frames, size, short_side)
        check_argument(k is not None or threshold is not None, "k", "is needed without a threshold")
        check_argument(transform is None or callable(transform), "transform", f"must be callable, got {transform!r}")
        self.k, self.num_frames, self.size, self.short_side = k, num_frames, size, short_side
        self.transform, self.layout = transform, one_of(layout, "layout", get_args(BatchLayout))
        self.on_error = one_of(on_error, "on_error", get_args(OnError))
        if isinstance(videos, str | Path) and Path(videos).suffix.lower() == ".parquet":
            check_argument(index is None, "index", "is videos itself, so leave one of them out")
            index = videos
        self._scorer = ScorerOfProcess(scorer, device)
        self._options: dict[str, Any] = {
            "k": k, "threshold": threshold, "min_gap": min_gap, "clip_duration": clip_duration, "stride": stride,
            "index": index, "on_missing": on_missing, "fps": fps, "fast": fast,
        }  # fmt: skip
        ClipSelector(scorer=self._scorer.on_cpu, **self._options)  # refuses bad ones now
        self._selector: tuple[int, ClipSelector] | None = None  # and the process that it belongs to
        self._warned: set[str] = set()
        found = video_list(videos, labels, split=split, prefix=prefix, classes=classes)
        self.paths, self.labels, self.classes = found.paths, found.labels, found.classes
        if found.missing:
            problem = f"{videos}: {len(found.missing)} of its files are not there, such as {found.missing[0]}"
            if on_error == "raise":
                raise MissingFileError(f"{problem}; correct the list, or pass on_error='skip'")
            warnings.warn(f"{problem}; skipped", ClipselectWarning, stacklevel=2)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> Item:
        i = range(len(self.paths))[i]
        try:
            item = self._clips_of(self.paths[i])
        except (VideoError, av.FFmpegError) as e:
            if self.on_error == "raise":
                raise
            self._warn(f"{e}; skipped")
            item = self._black()
        item |= {"path": self.paths[i], "video_index": i}
        return item if self.labels is None else {**item, "label": self.labels[i]}

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """The items of a batch, as a `DataLoader` fetches them: without the black ones, unless there are no others."""
        items = [self[i] for i in indices]
        return [item for item in items if item["weights"].any()] or items[:1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_selector": None}

    def _clips_of(self, path: str) -> Item:
        picks = self._in_this_process()(path)
        for sentence in picks.warnings:
            self._warn(f"{path}: {sentence}")
        decoded = picks.decode(self.num_frames, size=self.size, short_side=self.short_side)
        clips = [self._transformed(clip) for clip in decoded]
        order, weights = padded(picks.picked, picks.weights, self.k)
        chosen = [picks[i] for i in order]
        return {
            "video": torch.stack([clips[i] for i in order]),
            "weights": torch.from_numpy(weights).float(),
            "start": torch.tensor([pick.start for pick in chosen], dtype=torch.float64),
            "end": torch.tensor([pick.end for pick in chosen], dtype=torch.float64),
            "score": torch.tensor([pick.score for pick in chosen], dtype=torch.float32),
        }

    def _black(self) -> Item:
        """As `_clips_of`, for a video that cannot be read."""
        sides = height_and_width(self.size or self.short_side or BLACK_SIDE)
        clip = self._transformed(torch.zeros(self.num_frames or BLACK_FRAMES, 3, *sides, dtype=torch.uint8))
        nothing = torch.zeros(self.k or 1)
        seconds = nothing.double()
        video = clip.repeat(len(nothing), 1, 1, 1, 1)
        return {"video": video, "weights": nothing, "start": seconds, "end": seconds, "score": nothing}

    def _transformed(self, clip: Tensor) -> Tensor:
        """One clip [T, C, H, W], transformed, in the layout asked for."""
        frames = len(clip)
        out = clip if self.transform is None else self.transform(clip)
        is_clip = isinstance(out, Tensor) and out.ndim == 4
        axes = [axis for axis in (0, 1) if is_clip and out.shape[axis] == frames]
        if self.transform is None:
            axes = [0]
        if len(axes) != 1:
            returned = [*out.shape] if isinstance(out, Tensor) else type(out).__name__
            either = "; it may be either, so choose another num_frames" if axes else ""
            problem = f"must return its {frames} frames as [T, C, H, W] or [C, T, H, W], got {returned}{either}"
            raise ArgumentError("transform", problem)
        return out if axes[0] == self.layout.index("T") else out.transpose(0, 1)

    def _in_this_process(self) -> ClipSelector:
        """The selector with a DDNet of this process, made when it is first needed."""
        if self._selector is None or self._selector[0] != os.getpid():
            made = ClipSelector(scorer=self._scorer(), threads=decoding_threads(), **self._options)
            self._selector = os.getpid(), made
        return self._selector[1]

    def _warn(self, sentence: str) -> None:
        """Once per process."""
        if sentence not in self._warned:
            self._warned.add(sentence)
            warnings.warn(sentence, ClipselectWarning, stacklevel=4)
