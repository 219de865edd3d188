"""One answer per video from several processes, of which each has seen some of the clips."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing
from helpers.ranks import CLASSES, Outputs, answers_of_rank, clip_batch, half_a_video
from torch import Tensor

from clipselect import VideoAggregator
from clipselect.errors import ClipselectError


def synced(ours: VideoAggregator, *others: VideoAggregator) -> None:
    """As if each of them lived in a process of its own."""
    sent: list[Tensor] = []
    for one in (ours, *others):
        one.sync(lambda state, group: sent.append(state) or [state], distributed_available=lambda: True)
        one.unsync()
    ours.sync(lambda state, group: sent, distributed_available=lambda: True)


def test_processes_that_contradict_each_other_are_refused() -> None:
    def aggregator(output: Tensor, **names: Any) -> VideoAggregator:
        made = VideoAggregator()
        made.update(output, {**clip_batch(0, weights=[[1.0]]), **names})
        return made

    ours = aggregator(torch.ones(1, 2))
    with pytest.raises(ClipselectError, match=r"outputs are \[3\] per clip, and were \[2\] before"):
        synced(ours, aggregator(torch.ones(1, 3)))
    with pytest.raises(ClipselectError, match=r"video 0 is '0\.mp4' \(label 0\), and now 'b\.mp4'"):
        synced(ours, aggregator(torch.ones(1, 2), path=["b.mp4"]))
    assert ours.compute().values.tolist() == [[1.0, 1.0]]
    synced(ours, aggregator(torch.zeros(1, 2)), VideoAggregator())
    assert ours.compute().values.tolist() == [[1.0, 1.0]]


@pytest.mark.slow
@pytest.mark.processes
def test_all_ranks_answer_for_all_videos_and_count_each_once(tmp_path: Path) -> None:
    videos = 5  # for two ranks, so that DistributedSampler gives one of them to both
    torch.multiprocessing.spawn(answers_of_rank, (tmp_path, videos), nprocs=2)
    alone = VideoAggregator()
    for item in (Outputs(videos)[i] for i in range(videos)):
        alone.update(item["outputs"], item)
    for clip in range(2):
        alone.update(*half_a_video(clip))
    expected = alone.compute()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        for one in (found["whole"], found["rest"]):
            assert torch.equal(one["values"], expected.values)
            assert one["index"].tolist() == [*range(videos), 99]
            assert (one["labels"], one["names"]) == (expected.labels, expected.names)
        assert "video 100 () is incomplete: only 1 of its 2 samples" in found["error"]
    assert expected.values.shape == (videos + 1, CLASSES)


def test_a_process_keeps_its_own_videos_after_the_answers_for_all() -> None:
    ours, theirs = VideoAggregator(), VideoAggregator()
    for i, one in enumerate((ours, theirs)):
        one.update(torch.ones(1, 2), clip_batch(i, weights=[[1.0]]))
    synced(ours, theirs)
    assert ours.compute().index.tolist() == [0, 1]
    ours.unsync()
    assert ours.compute().index.tolist() == [0]
