"""Datasets of PyTorchVideo over made videos, and a tiny DDNet."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from pytorchvideo.data import LabeledVideoDataset
from pytorchvideo.data.encoded_video import EncodedVideo
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, SequentialSampler

from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.scoring.weights_file import save_weights
from helpers.videos import make_video

NOTES = ("clip_start", "clip_end", "clip_score", "clip_weight", "clip_views")
Row = tuple[Any, ...]
VIDEO_FRAMES = {"one.mp4": 100, "three.mp4": 130, "two.mp4": 75}


def tiny_ddnet(path: Path, seed: int = 0) -> Path:
    """A DDNet of random weights that costs next to nothing and tells clips apart."""
    torch.manual_seed(seed)
    config: dict[str, Any] = {"dims": 3, "widths": (4, 4, 4, 4), "depths": (1, 1, 1, 1), "stem_stride": 2}
    net = DDNet(DDNetConfig(**config))
    torch.nn.init.normal_(net.head.weight, std=9)
    input_spec = {"size": 32, "frames": 4, "mean": [0.45] * 3, "std": [0.225] * 3, "clip_duration": 1.0}
    save_weights(path, net.state_dict(), {"kind": "ddnet", "name": f"tiny{seed}", "config": config, **input_spec})
    return path


def ends(sample: dict[str, Any]) -> dict[str, Any]:
    """Instead of the pixels, so that clips of any length collate: number of frames, grey of the first and the last."""
    grey = sample["video"][0, :, 2, -2]
    return {**sample, "video": torch.stack([torch.tensor(float(len(grey))), grey[0], grey[-1]])}


def loader(dataset: Any, workers: int = 0, context: str | None = None, batch: int = 4) -> DataLoader[Any]:
    if not workers:
        return DataLoader(dataset, batch_size=batch)
    if context == "fork" and int(av.__version__.split(".")[0]) >= 19:
        pytest.skip("PyTorchVideo's decoder hangs in forked workers with PyAV 19, see docs/requirements.md")
    options: dict[str, Any] = {"multiprocessing_context": context, "persistent_workers": True, "timeout": 60}
    return DataLoader(dataset, batch_size=batch, num_workers=workers, **options)


def rows(batches: Iterable[dict[str, Any]]) -> list[Row]:
    """One tuple per sample, in the order they come."""
    out: list[Row] = []
    for batch in batches:
        columns = [batch[key] for key in ("video_name", "clip_index", "aug_index", *NOTES, "video") if key in batch]
        out += zip(*(c.tolist() if isinstance(c, torch.Tensor) else c for c in columns), strict=True)
    return [tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in out]


class OwnDataset(IterableDataset):  # type: ignore[misc]
    """Opens its videos itself and says which it is, or does not."""

    def __init__(self, videos: Path, sampler: Any, say: bool = True) -> None:
        self.paths, self.sampler, self.say = sorted(videos.glob("*.mp4")), sampler, say

    def __iter__(self) -> Any:
        for path in self.paths:
            video = EncodedVideo.from_path(str(path), decode_audio=False)
            annotation, end, last = ({"video_path": str(path)} if self.say else {}), 0.0, False
            while not last:
                start, end, clip_index, aug_index, last = self.sampler(end, video.duration, annotation)
                keys = {"video_name": path.name, "clip_index": clip_index, "aug_index": aug_index}
                yield ends({"video": video.get_clip(start, end)["video"], **keys, **annotation})


def listed(videos: Path, sampler: Any, kind: type = LabeledVideoDataset, **options: Any) -> Any:
    """A dataset of the videos in a folder, by name; their frames become numbers, see `ends`."""
    paths = sorted(str(path) for path in videos.iterdir() if not path.name.startswith("."))
    labelled = [(path, {"label": i}) for i, path in enumerate(paths)]
    return kind(labelled, sampler, SequentialSampler, ends, decode_audio=False, **options)


def sampled(videos: Path, sampler: Any, *how: Any, **options: Any) -> list[Any]:
    """All rows of a folder, sorted; `how` and `options` as for `loader` and `listed`."""
    return sorted(rows(loader(listed(videos, sampler, **options), *how)))


def names(found: list[Any]) -> set[str]:
    """Of the videos that the rows come from."""
    return {row[0] for row in found}


def without_frames(path: Path) -> None:
    """A video whose container is in order and of which not one frame decodes."""
    data = bytearray(make_video(path, 50).read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\xff" * (end - start)
    path.write_bytes(data)


FAST, SLOW = 8, 2
"""Frames of the two pathways of SlowFast."""


def slowfast_input(sample: dict[str, Any]) -> dict[str, Any]:
    """What SlowFast pipelines do: sample frames, resize, normalise, pack the two pathways."""
    video = sample["video"]
    frames = video[:, torch.linspace(0, video.shape[1] - 1, FAST).long()]
    fast = (nn.functional.interpolate(frames, size=(32, 32)) / 255 - 0.45) / 0.225
    return {**sample, "video": [fast[:, :: FAST // SLOW], fast]}
