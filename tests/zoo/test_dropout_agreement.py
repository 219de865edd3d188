"""Qualities by dropout, by hand: where it is put, what it costs, and that they depend on image and seed alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from clipselect.zoo.dropout_agreement import PROBABILITY, dropout_agreement
from clipselect.zoo.embedder import BATCH, Embedder
from clipselect.zoo.embedder_loading import load_onnx_embedder
from clipselect.zoo.face_networks import IR
from helpers.frame_fixtures import HALF, SMALL, blocks, noise
from helpers.onnx_files import network, save
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.errors import ArgumentError, NetworkError
from clipselect.samplers.frame_sampler import FaceFrameSampler
from clipselect.scoring.input_spec import InputSpec

IMAGES = [noise(16, 16, seed) for seed in range(BATCH + 3)]


class Net(nn.Module):
    """Two linear layers, with dropout before the last one; counts the images that its first layer has seen."""

    def __init__(self, p: float, residual: bool = False) -> None:
        super().__init__()
        self.first, self.dropout, self.last = nn.Linear(48, 6), nn.Dropout(p), nn.Linear(6, 6)
        self.residual, self.seen = residual, 0

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(nn.functional.avg_pool2d(x, 4).flatten(1))
        self.seen += len(x)
        changed: Tensor = self.last(self.dropout(inner))
        return inner + changed if self.residual else changed


def embedder(net: nn.Module) -> Embedder:
    return Embedder.from_module(net, SMALL, name="net", device="cpu")


def by_hand(features: NDArray[np.float32]) -> float:
    """2 sigmoid(-mean distance) of features [T, d], pair by pair."""
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = [float(np.linalg.norm(a - b)) for i, a in enumerate(rows) for b in rows[:i]]
    return 2 / (1 + float(np.exp(np.mean(distances))))


def masks(size: int, passes: int, p: float, seed: int) -> NDArray[np.float32]:
    kept = np.random.default_rng([seed, 0]).random((passes, size), dtype=np.float32) >= p
    return kept.astype(np.float32) / (1 - p)


@pytest.mark.parametrize(("p", "dropped"), [(0.3, 0.3), (0.0, PROBABILITY)])
@pytest.mark.parametrize("residual", [False, True])
def test_qualities_by_hand_with_dropout_of_its_own_or_before_the_last_linear_layer(
    p: float, dropped: float, residual: bool
) -> None:
    torch.manual_seed(0)
    net = Net(p, residual)
    base = embedder(net)
    found = dropout_agreement(base, passes=7, seed=3).embed(IMAGES)[:, 0]
    x = torch.from_numpy(np.stack(IMAGES)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        inner = net.first(nn.functional.avg_pool2d(x, 4).flatten(1))[:, None]
        features = net.last(inner * torch.from_numpy(masks(6, 7, dropped, 3))) + (inner if residual else 0)
    assert found == pytest.approx([by_hand(one) for one in features.numpy()], abs=1e-5)
    assert len({*found.tolist()}) == len(IMAGES) and 0 < found.min() < found.max() <= 1


def test_what_comes_before_the_first_dropout_runs_once_unless_the_network_cannot_be_divided_there() -> None:
    for residual, times in ((False, 1), (True, 10)):
        net = Net(0.3, residual)
        quality = dropout_agreement(embedder(net), passes=10)
        assert quality.gflops == pytest.approx((times * 48 * 6 + 10 * 6 * 6) / 1e9)
        net.seen = 0
        quality.embed(IMAGES)
        assert net.seen == times * len(IMAGES)


def test_a_quality_depends_on_the_image_and_the_seed_alone() -> None:
    base = embedder(Net(0.3))
    one, other = (dropout_agreement(base, seed=seed) for seed in (0, 1))
    together = one.embed(IMAGES)
    assert together == pytest.approx(np.concatenate([one.embed([image]) for image in IMAGES[::-1]])[::-1], abs=1e-6)
    assert dropout_agreement(base).embed(IMAGES).tolist() == together.tolist() != other.embed(IMAGES).tolist()
    assert len({base.sha256, one.sha256, other.sha256, dropout_agreement(base, passes=9).sha256}) == 4


def test_the_base_itself_is_as_it_was() -> None:
    base = embedder(Net(0.3))
    before = base.embed(IMAGES)
    dropout_agreement(base).embed(IMAGES)
    assert base.embed(IMAGES).tolist() == before.tolist()


def test_without_a_linear_layer_and_in_onnx_files_the_feature_itself_is_dropped(tmp_path: Path) -> None:
    base, net = blocks()
    found = dropout_agreement(base, passes=4).embed(IMAGES)
    assert net.seen == len(IMAGES) + 2 + 1  # two blank images first, and one to count multiply-adds
    features = base.embed(IMAGES)[:, None] * masks(48, 4, PROBABILITY, 0)
    assert found[:, 0] == pytest.approx([by_hand(one) for one in features], abs=1e-5)
    onnx = load_onnx_embedder(save(tmp_path / "base.onnx", network("batch")), gflops=2.0)
    quality = dropout_agreement(onnx)
    assert quality.gflops == 2 and quality.embed(IMAGES).shape == (len(IMAGES), 1)


def test_a_face_network_chooses_by_it() -> None:
    torch.manual_seed(0)
    quality = dropout_agreement(Embedder.from_module(IR((1, 1, 1, 1), 16), InputSpec(112, 112, HALF, HALF)), passes=5)
    faces = [noise(32, 32, seed) for seed in range(3)]
    assert quality.embed(faces).argmax() == FaceFrameSampler(k=1, scorer=quality.embed)(faces).indices


def test_a_network_whose_dropout_sees_tokens_before_images_is_refused() -> None:
    class TokensFirst(nn.Module):
        def __init__(self, batch_first: bool) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(12, 2, 16, dropout=0.2, batch_first=batch_first)

        def forward(self, x: Tensor) -> Tensor:
            tokens = nn.functional.avg_pool2d(x, 4).flatten(2).repeat(1, 4, 1).transpose(1, 2)  # [n, places, 12]
            if self.layer.self_attn.batch_first:
                return torch.as_tensor(self.layer(tokens).mean(1))
            return torch.as_tensor(self.layer(tokens.transpose(0, 1)).mean(0))

    torch.manual_seed(0)
    assert dropout_agreement(embedder(TokensFirst(batch_first=True)), passes=3).embed(IMAGES).shape == (len(IMAGES), 1)
    with pytest.raises(NetworkError, match=r"another quality beside others.*batch_first=True"):
        dropout_agreement(embedder(TokensFirst(batch_first=False)), passes=3)


def test_a_single_pass_is_refused() -> None:
    with pytest.raises(ArgumentError, match="passes must be"):
        dropout_agreement(embedder(Net(0.3)), passes=1)
