"""The whole pipeline: the unmodified Kinetics, a DataLoader, SlowFast and VideoAggregator, in every mode."""

import functools
from pathlib import Path

import pytest
import torch
from helpers.sampling import FAST, SLOW, slowfast_input
from helpers.videos import make_video
from pytorchvideo.data import Kinetics
from pytorchvideo.models.hub import slowfast_r50
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler

from clipselect import DDLClipSampler, VideoAggregator
from clipselect.index.build_index import build_index
from clipselect.samplers.video_aggregator import VideoAnswers

CLASSES = 5


class Remembered(nn.Module):
    """A network that runs once per distinct clip, so that every mode can be compared at the price of one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.eval()
        self.known: dict[bytes, Tensor] = {}

    @torch.inference_mode()
    def forward(self, pathways: list[Tensor]) -> Tensor:
        keys = [clip.numpy().tobytes() for clip in pathways[1]]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            fresh = self.net([pathway[new] for pathway in pathways]).softmax(1)
            self.known.update(zip((keys[i] for i in new), fresh, strict=True))
        return torch.stack([self.known[key] for key in keys])


@pytest.fixture(scope="module")
def network() -> Remembered:
    torch.manual_seed(0)
    pools = ((SLOW, 1, 1), (FAST, 1, 1))
    net = slowfast_r50(pretrained=False, head_pool_kernel_sizes=pools, model_num_class=CLASSES)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):  # fresh ones pass on too little for clips to differ
            nn.init.ones_(module.weight)
            module.momentum = 1.0
    noise = torch.randn(4, 3, FAST, 32, 32) + torch.randn(4, 3, 1, 1, 1)
    with torch.no_grad():
        net.train()([noise[:, :, :: FAST // SLOW], noise])
    return Remembered(net)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kinetics")
    for name, ticks in {"run/one.mp4": range(100), "run/two.mp4": range(0, 130, 3), "swim/three.mp4": [0, 40]}.items():
        (root / name).parent.mkdir(exist_ok=True)
        make_video(root / name, ticks)
    return root


@pytest.fixture(scope="module")
def index(data: Path, model: Path) -> Path:
    path = data / "scores.parquet"
    assert build_index(data, path, clip_duration=1, scorer=model, device="cpu", workers=0).scored == 3
    return path


def answers(data: Path, sampler: DDLClipSampler, network: nn.Module, workers: int, context: str | None) -> VideoAnswers:
    """A user's evaluation loop."""
    dataset = Kinetics(str(data), sampler, SequentialSampler, transform=slowfast_input, decode_audio=False)
    loader = DataLoader(
        dataset, batch_size=4, num_workers=workers, multiprocessing_context=context, timeout=60 if workers else 0
    )
    aggregator = VideoAggregator()
    for batch in loader:
        aggregator.update(network(batch["video"]), batch)
    return aggregator.compute()


@pytest.fixture(scope="module")
def expected(data: Path, model: Path, network: Remembered) -> VideoAnswers:
    return answers(data, DDLClipSampler(1, k=2, scorer=model), network, 0, None)


def test_every_video_gets_one_answer(expected: VideoAnswers, network: Remembered) -> None:
    assert expected.index.tolist() == [0, 1, 2]
    assert expected.labels is not None and expected.labels.tolist() == [0, 0, 1]
    assert expected.names == ["one.mp4", "two.mp4", "three.mp4"]
    assert expected.values.shape == (3, CLASSES)
    assert expected.values.sum(1).tolist() == pytest.approx([1] * 3)
    assert len(expected.values.unique(dim=0)) == 3
    assert len(network.known) <= 6


@pytest.mark.processes
@pytest.mark.parametrize(
    ("workers", "context", "indexed"),
    [(0, None, False), (0, None, True), (2, "fork", False), (2, "fork", True), (2, "spawn", True)],
)
def test_workers_and_index_change_nothing(
    data: Path,
    model: Path,
    index: Path,
    network: Remembered,
    expected: VideoAnswers,
    workers: int,
    context: str | None,
    indexed: bool,
) -> None:
    sampler = functools.partial(DDLClipSampler, 1, k=2, scorer=model, on_missing="raise")
    found = answers(data, sampler(index=index if indexed else None), network, workers, context)
    assert (found.index.tolist(), found.names) == (expected.index.tolist(), expected.names)
    assert torch.allclose(found.values, expected.values, atol=1e-6)
