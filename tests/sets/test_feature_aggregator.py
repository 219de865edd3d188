"""NAN, QAN, G-FAN and temporal attention: worked by hand, and the laws of all networks that weigh features."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from clipselect.sets.cascaded_attention import CascadedAttention
from clipselect.sets.feature_aggregator import FeatureAggregator
from clipselect.sets.feature_graph import FeatureGraph, affinity, beside_related
from clipselect.sets.frame_quality import FrameQuality
from clipselect.sets.set_network import AGGREGATORS
from clipselect.sets.temporal_attention import TemporalAttention

pytestmark = pytest.mark.usefixtures("one_thread")

DIM = 6
KINDS = pytest.mark.parametrize("kind", AGGREGATORS.values(), ids=AGGREGATORS)


def trained(kind: type[FeatureAggregator], seed: int = 0) -> FeatureAggregator:
    """Its weights are random, and so are its answers."""
    torch.manual_seed(seed)
    net = kind(DIM)
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    return net.eval()


def sets(frames: int, count: int = 3, seed: int = 1) -> Tensor:
    return functional.normalize(torch.randn(count, frames, DIM, generator=torch.Generator().manual_seed(seed)), dim=-1)


@KINDS
def test_untrained_it_is_the_average(kind: type[FeatureAggregator]) -> None:
    features = sets(4)
    torch.testing.assert_close(kind(DIM)(features), features.mean(1))


@KINDS
def test_weights_are_shares_that_differ(kind: type[FeatureAggregator]) -> None:
    weights = trained(kind).weights(sets(5))
    assert (weights >= 0).all() and weights.std(dim=1).min() > 1e-3
    torch.testing.assert_close(weights.sum(1), torch.ones_like(weights.sum(1)))


@KINDS
def test_the_order_of_the_frames_makes_no_difference_but_to_those_that_say_so(kind: type[FeatureAggregator]) -> None:
    net, features, order = trained(kind), sets(5), torch.tensor([3, 0, 4, 1, 2])
    if net.in_order:
        assert not torch.allclose(net(features[:, order]), net(features))
        return
    torch.testing.assert_close(net(features[:, order]), net(features))
    torch.testing.assert_close(net.weights(features[:, order]), net.weights(features)[:, order])


@KINDS
def test_one_frame_is_itself(kind: type[FeatureAggregator]) -> None:
    features = sets(1)
    torch.testing.assert_close(trained(kind)(features), features[:, 0])


@KINDS
def test_what_fills_a_shorter_set_makes_no_difference(kind: type[FeatureAggregator]) -> None:
    net, features = trained(kind), sets(3)
    filled, mask = torch.cat([features, sets(2, seed=9)], dim=1), torch.arange(5)[None].expand(3, 5) < 3
    torch.testing.assert_close(net(filled, mask), net(features))
    assert not net.weights(filled, mask)[:, 3:].any() and not torch.allclose(net(filled), net(features))


@KINDS
def test_gradients_reach_every_weight_soon(kind: type[FeatureAggregator]) -> None:
    net, features = kind(DIM), sets(4)
    optimiser = torch.optim.SGD(net.parameters(), lr=1.0)
    for _ in range(3):
        optimiser.zero_grad()
        net(features)[:, 0].sum().backward()
        optimiser.step()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without in ([], ["last.bias"])  # a softmax does not see what all frames share


def test_nan_by_hand() -> None:
    net = CascadedAttention(2)
    features = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    with torch.no_grad():
        net.kernel.copy_(torch.tensor([math.log(3), 0.0]))  # e = log 3 and 0: a = 3/4 and 1/4, so r0 = (3/4, 1/4)
        net.transfer.weight.copy_(torch.tensor([[0.0, 0.0], [4.0, 0.0]]))
        net.transfer.bias.copy_(torch.tensor([0.0, -2.0]))  # W r0 + b = (0, 1)
    second = math.exp(math.tanh(1.0))
    expected = torch.tensor([[1 / (1 + second), second / (1 + second)]])
    torch.testing.assert_close(net.weights(features), expected)
    torch.testing.assert_close(net(features), expected)  # the features are the axes


def test_qan_by_hand() -> None:
    net = FrameQuality(4)  # features are scaled by 2
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.hidden.weight[0, 0] = 1.0
        net.last.weight[0, 0] = 1.0
        net.last.bias.fill_(-1.0)
    features = torch.eye(4)[None, :2]  # g = 2 - 1 and 0 - 1
    qualities = torch.tensor([[1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))]])
    torch.testing.assert_close(net.qualities(features), qualities)
    torch.testing.assert_close(net.weights(features), qualities / qualities.sum())
    with torch.no_grad():
        net.last.bias.fill_(-300.0)  # qualities that float32 takes for 0
    assert net.weights(features).isfinite().all()


def test_the_graph_of_gfan_by_hand() -> None:
    root = 0.5**0.5
    features = torch.tensor([[[1.0, 0.0], [root, root], [-1.0, 0.0], [0.0, 0.0]]])
    graph = affinity(features, torch.ones(1, 4, dtype=torch.bool))
    share = 1 / (1 + root)
    expected = torch.tensor([[[share, 1 - share, 0, 0], [1 - share, share, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]])
    torch.testing.assert_close(graph, expected)  # opposite features are not related; without direction to nothing
    mask = torch.tensor([[True, False, True, True]])
    torch.testing.assert_close(affinity(features, mask)[0, :2, 0], torch.ones(2))
    values = torch.tensor([[[2.0], [4.0], [8.0], [16.0]]])
    related = beside_related(values, graph)[0]
    assert related[:, 0].tolist() == [2, 4, 8, 16] and related[2:, 1].tolist() == [8, 0]
    assert float(related[0, 1]) == pytest.approx(2 * share + 4 * (1 - share))


def test_gfan_weighs_every_number_by_itself() -> None:
    weights = trained(FeatureGraph).weights(sets(4))
    assert weights.shape == (3, 4, DIM) and weights.std(dim=2).max() > 1e-3


def test_temporal_attention_by_hand() -> None:
    net = TemporalAttention(4)  # features are scaled by 2
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.hidden.weight[0, 0] = 1.0  # how much of the first number a frame has
        net.last.weight[0, 0] = torch.tensor([1.0, 0.0, -0.5])  # of the frame before, less half of the one behind
    features = torch.tensor([[[1.0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 1.0], [-1.0, 0, 0, 0]]])  # 2, 1, 0, 0
    expected = torch.tensor([[-0.5, 2.0, 1.0, 0.0]])
    torch.testing.assert_close(net.scores(features, torch.ones(1, 4, dtype=torch.bool)), expected)
    torch.testing.assert_close(net.weights(features), expected.softmax(1))
    assert net.multiply_adds(4) == 4 * (256 * (4 + 3) + 4)


@KINDS
def test_the_cost_grows_with_the_frames(kind: type[FeatureAggregator]) -> None:
    costs = [kind(DIM).multiply_adds(frames) for frames in (1, 2, 4)]
    assert 0 < costs[0] < costs[1] < costs[2]
