"""Processes that share the videos of a data set, for `torch.multiprocessing.spawn`, and batches of clips for them."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from clipselect import VideoAggregator
from clipselect.errors import ClipselectError

CLIPS, CLASSES = 3, 4


class Outputs(Dataset[dict[str, Any]]):
    """Items as of `ClipDataset`, with a network's outputs [K, classes] instead of pixels."""

    def __init__(self, videos: int) -> None:
        self.videos = videos

    def __len__(self) -> int:
        return self.videos

    def __getitem__(self, i: int) -> dict[str, Any]:
        random = torch.Generator().manual_seed(i)
        weights, outputs = torch.rand(CLIPS, generator=random), torch.rand(CLIPS, CLASSES, generator=random)
        return {"weights": weights, "outputs": outputs, "video_index": i, "label": f"class {i}", "path": f"v{i}.mp4"}


def half_a_video(clip: int, index: int = 99) -> tuple[Tensor, dict[str, Any]]:
    """One of two clips of a video as of PyTorchVideo."""
    batch = {"video_index": [index], "clip_index": [clip], "aug_index": [0], "clip_views": [2], "label": ["halves"]}
    return torch.full((1, CLASSES), float(clip)), batch


def answers_of_rank(rank: int, folder: Path, videos: int, world: int = 2) -> None:
    """What a rank finds, into `folder/RANK.pt`: its answers, and the error of an incomplete video."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world)
    dataset = Outputs(videos)
    loader = DataLoader(dataset, batch_size=2, sampler=DistributedSampler(dataset, shuffle=False))
    aggregator = VideoAggregator()
    for batch in loader:
        aggregator.update(batch["outputs"], batch)
    aggregator.update(*half_a_video(clip=rank))
    whole = aggregator.compute()
    if rank == 0:  # the other rank has no news
        aggregator.update(*half_a_video(clip=0, index=100))
    error = ""
    try:
        aggregator.compute()
    except ClipselectError as e:
        error = str(e)
    rest = aggregator.compute(incomplete="skip")
    aggregator.reset()
    torch.save({"whole": vars(whole), "error": error, "rest": vars(rest)}, folder / f"{rank}.pt")
    dist.destroy_process_group()


def clip_batch(*videos: int, weights: list[list[float]]) -> dict[str, Any]:
    """A batch of `ClipDataset` without its pixels."""
    names = {"label": torch.tensor([7 * i for i in videos]), "path": [f"{i}.mp4" for i in videos]}
    return {"video_index": torch.tensor(videos), "weights": torch.tensor(weights), **names}
