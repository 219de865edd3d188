"""Equation 5: the DDNet's cost, shapes and independence of the rest of the batch."""

import pytest
import torch
from fvcore.nn import FlopCountAnalysis

from clipselect.method.ddnet import DDNet, DDNetConfig

pytestmark = pytest.mark.usefixtures("one_thread")


def network(config: DDNetConfig | None = None) -> DDNet:
    torch.manual_seed(0)
    return DDNet(config).eval()


def multiply_adds(config: DDNetConfig | None, *shape: int) -> float:
    counted = FlopCountAnalysis(network(config), torch.zeros(1, 3, *shape))
    return float(counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def test_the_default_costs_the_papers_81_9_mflops() -> None:
    # fvcore counts a multiply-add as one: 40.98 M of them are the paper's 81.9 MFLOPs at two each
    assert multiply_adds(None, 112, 112) == pytest.approx(40.98e6, rel=0.005)


@pytest.mark.parametrize(("frames", "stem_stride", "expected"), [(16, 1, 0.876e9), (16, 2, 0.220e9), (8, 2, 0.111e9)])
def test_the_3d_networks_cost_what_the_design_says(frames: int, stem_stride: int, expected: float) -> None:
    config = DDNetConfig(dims=3, stem_stride=stem_stride)  # 0.88, 0.22 and 0.11 G multiply-adds
    assert multiply_adds(config, frames, 112, 112) == pytest.approx(expected, rel=0.01)


def test_the_convolutions_of_a_narrow_network_counted_by_hand() -> None:
    # 16 x 16 pixels, one channel everywhere but the 3 of the input, 1 block per stage:
    # stem 3 * 9 * 16^2; block at n pixels: 9 n^2 at stride 1, then 9 (n/2)^2 and a 1 x 1 shortcut (n/2)^2 at stride 2.
    by_hand = 3 * 9 * 16**2 + sum(9 * n**2 + 9 * (n // 2) ** 2 + (n // 2) ** 2 for n in (16, 8, 4, 2))
    config = DDNetConfig(widths=(1, 1, 1, 1), depths=(1, 1, 1, 1))
    counted = FlopCountAnalysis(network(config), torch.zeros(1, 3, 16, 16)).unsupported_ops_warnings(False)
    assert counted.by_operator()["conv"] == by_hand


def test_the_default_3d_network_has_0_36_million_parameters() -> None:
    state = DDNet(DDNetConfig(dims=3)).state_dict()
    assert sum(tensor.numel() for tensor in state.values()) == pytest.approx(0.36e6, rel=0.01)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (DDNetConfig(), (16, 16)),
        (DDNetConfig(), (24, 40)),
        (DDNetConfig(depths=(3, 4, 6, 3)), (16, 16)),
        (DDNetConfig(widths=(64, 128, 256, 512)), (16, 16)),
        (DDNetConfig(dims=3), (4, 16, 16)),
        (DDNetConfig(dims=3), (1, 16, 16)),
        (DDNetConfig(dims=3, stem_stride=2), (8, 16, 24)),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [1, 3])
def test_scores_are_one_per_element_and_lie_inside_0_and_1(
    config: DDNetConfig, shape: tuple[int, ...], count: int
) -> None:
    net = network(config)
    x = torch.randn(count, 3, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        scores = net(x)
    assert scores.shape == (count,)
    assert bool(((scores > 0) & (scores < 1)).all())


@pytest.mark.parametrize(
    ("config", "blocks"), [(DDNetConfig(), 8), (DDNetConfig(depths=(3, 4, 6, 3)), 16)], ids=["18", "34"]
)
def test_a_resnet_has_the_layers_of_its_name(config: DDNetConfig, blocks: int) -> None:
    # 18 = stem + 2 * 8 + linear, 34 = stem + 2 * 16 + linear: the convolutions larger than 1 x 1, and the head
    kernels = [m for m in DDNet(config).modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(kernels) == 1 + 2 * blocks


def test_eq_5_the_score_is_the_sigmoid_of_the_heads_output() -> None:
    net = network()
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.fill_(1.0986123)  # ln 3: 1 / (1 + e^-ln 3) = 1 / (1 + 1/3) = 0.75
        x = torch.randn(2, 3, 16, 16)
        assert net(x).tolist() == pytest.approx([0.75, 0.75])
        assert net.logits(x).tolist() == pytest.approx([1.0986123] * 2)


def test_logits_and_scores_have_the_same_order() -> None:
    net = network()
    with torch.no_grad():
        net.head.weight.mul_(30)
        x = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(2))
        logits, scores = net.logits(x), net(x)
    assert len(logits.unique()) == 6
    assert torch.equal(logits.argsort(), scores.argsort())
    assert torch.allclose(scores, torch.sigmoid(logits))


@pytest.mark.parametrize(
    ("config", "shape"), [(DDNetConfig(), (16, 16)), (DDNetConfig(dims=3, stem_stride=2), (8, 32, 32))], ids=["2", "3"]
)
def test_a_score_does_not_depend_on_the_rest_of_its_batch(config: DDNetConfig, shape: tuple[int, ...]) -> None:
    net = network(config)
    x = torch.randn(5, 3, *shape, generator=torch.Generator().manual_seed(3))
    x[1] *= 100  # a neighbour that would drown the others in any statistic of the batch
    with torch.no_grad():
        net.head.weight.mul_(10)
        together = net(x)
        alone = torch.cat([net(x[i : i + 1]) for i in range(5)])
        backwards = net(x.flip(0)).flip(0)
    assert torch.allclose(together, alone, rtol=0, atol=1e-5)
    assert torch.allclose(together, backwards, rtol=0, atol=1e-5)
    assert len(together.unique()) == 5


@pytest.mark.parametrize("config", [DDNetConfig(), DDNetConfig(dims=3, stem_stride=2)], ids=["2", "3"])
def test_every_parameter_gets_a_gradient(config: DDNetConfig) -> None:
    net = network(config).train()
    shape = (32, 32) if config.dims == 2 else (8, 32, 32)
    net(torch.randn(4, 3, *shape, generator=torch.Generator().manual_seed(4))).square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not bool(p.grad.any())] == []
