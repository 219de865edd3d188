"""The re-ID networks: shapes, costs against the literature, and checkpoints of four origins."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from clipselect.zoo.loading import read_checkpoint
from clipselect.zoo.reid_networks import REID_NETWORKS, SIZE, InstanceBatchNorm, ReidResNet, load_reid_weights
from fvcore.nn import FlopCountAnalysis
from torch import Tensor

from clipselect.errors import ClipselectError

State = dict[str, Tensor]


def narrow(**options: Any) -> ReidResNet:
    torch.manual_seed(0)
    return ReidResNet((1, 1, 1, 1), (2, 2, 4, 4), **options)


def scrambled(net: torch.nn.Module) -> State:
    """Other weights of the same names; variances stay positive."""
    torch.manual_seed(1)
    return {n: torch.rand_like(t) + 0.5 if t.is_floating_point() else t + 7 for n, t in net.state_dict().items()}


@pytest.mark.parametrize("size", [SIZE, (256, 128), (64, 32)])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_shapes(size: tuple[int, int], last_stride: int) -> None:
    net, places = narrow(last_stride=last_stride).eval(), []
    net.layer4.register_forward_hook(lambda *seen: places.append(seen[2].shape[2:]))
    x = torch.randn(3, 3, *size)
    with torch.no_grad():
        y = net(x)
        assert y.shape == (3, 16) and torch.equal(y, net.neck(net.pooled(x)))
    stride = 16 * last_stride
    assert [*places[0]] == [-(-size[0] // stride), -(-size[1] // stride)]


def test_costs_are_those_of_the_literature() -> None:
    """ResNet-50: 4.1 G multiply-adds at 224 x 224 (He et al. count 3.8 with the stride in the 1x1 convolution)."""
    names = ("reid_resnet50", "reid_resnet50_last_stride_1", "narrow_reid")
    nets, square = [REID_NETWORKS[name]().eval() for name in names], torch.zeros(1, 3, 224, 224)
    whole, half, finer, small = (
        FlopCountAnalysis(net, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
        for net, x in [(nets[0], square), *((net, square[..., :112]) for net in nets)]
    )
    assert whole == pytest.approx(4.09e9, rel=0.01)
    assert half == pytest.approx(whole / 2, rel=0.03)  # the last map is 4 places wide, not 3.5
    assert half < finer < 1.5 * half and small < half / 25


def test_the_network_is_torchvisions() -> None:
    with torch.device("meta"):
        other = torchvision.models.resnet50().state_dict()
        own = REID_NETWORKS["reid_resnet50"]().state_dict()
    shapes = {name: tensor.shape for name, tensor in own.items() if not name.startswith("neck.")}
    assert shapes == {name: tensor.shape for name, tensor in other.items() if not name.startswith("fc.")}


def test_the_same_weights_give_torchvisions_features() -> None:
    other = torchvision.models.resnet50().eval()
    net = ReidResNet()
    load_reid_weights(net, other.state_dict(), "torchvision")
    other.fc = torch.nn.Identity()  # type: ignore[assignment]
    x = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(net.eval().pooled(x), other(x))
        torch.testing.assert_close(net(x), other(x), rtol=1e-4, atol=1e-4)  # a fresh neck is all but the identity


def test_ibn_is_that_of_ibn_net() -> None:
    """Its variant a: the names and shapes of github.com/XingangPan/IBN-Net's resnet50_ibn_a, and its layer by hand."""
    with torch.device("meta"):
        plain = torchvision.models.resnet50().state_dict()
        own = REID_NETWORKS["reid_resnet50_ibn"]().state_dict()
    expected = {name: [*tensor.shape] for name, tensor in plain.items() if not name.startswith("fc.")}
    for stage, depth, half in ((1, 3, 32), (2, 4, 64), (3, 6, 128)):
        for block in range(depth):
            layer = f"layer{stage}.{block}.bn1"
            for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                del expected[f"{layer}.{kind}"]
                expected[f"{layer}.BN.{kind}"] = [] if kind == "num_batches_tracked" else [half]
            expected |= {f"{layer}.IN.weight": [half], f"{layer}.IN.bias": [half]}
    assert {name: [*tensor.shape] for name, tensor in own.items() if not name.startswith("neck.")} == expected
    layer, x = InstanceBatchNorm(5).eval(), torch.randn(3, 5, 4, 2)
    layer.load_state_dict(scrambled(layer))
    first, others = x[:, :2].numpy(), x[:, 2:].numpy()
    scale = (layer.IN.weight.detach().numpy()[:, None, None], layer.IN.bias.detach().numpy()[:, None, None])
    centred = first - first.mean((2, 3), keepdims=True)
    normalised = centred / np.sqrt(first.var((2, 3), keepdims=True) + 1e-5) * scale[0] + scale[1]
    mean, var, weight, bias = (
        getattr(layer.BN, name).detach().numpy()[:, None, None]
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    batch = (others - mean) / np.sqrt(var + 1e-5) * weight + bias
    assert layer(x).detach().numpy() == pytest.approx(np.concatenate([normalised, batch], axis=1), abs=1e-5)


def named_as(origin: str, state: State) -> State:
    """The state dict as another project's training would have written it."""
    body = {n: t for n, t in state.items() if not n.startswith("neck.")}
    neck = {n.removeprefix("neck."): t for n, t in state.items() if n.startswith("neck.")}
    classifier = torch.ones(9, 16)
    if origin == "torchreid":
        return {**{f"module.{n}": t for n, t in body.items()}, "module.classifier.weight": classifier}
    if origin == "fast-reid":
        return {
            "pixel_mean": torch.zeros(1, 3, 1, 1), "pixel_std": torch.ones(1, 3, 1, 1), "heads.weight": classifier,
            **{f"backbone.{n}": t for n, t in body.items() if "num_batches" not in n},
            **{f"heads.bottleneck.0.{n}": t for n, t in neck.items() if n not in ("bias", "num_batches_tracked")},
        }  # fmt: skip
    if origin == "old fast-reid":
        return {
            **{f"backbone.{n}": t for n, t in body.items()}, **{f"heads.bnneck.{n}": t for n, t in neck.items()},
            "heads.classifier.weight": classifier,
        }  # fmt: skip
    return {
        **{f"base.{n}": t for n, t in body.items()}, **{f"bottleneck.{n}": t for n, t in neck.items()},
        "classifier.weight": classifier,
    }  # fmt: skip


@pytest.mark.parametrize("ibn", [False, True])
@pytest.mark.parametrize("origin", ["torchreid", "fast-reid", "old fast-reid", "reid-strong-baseline"])
def test_checkpoints_of_others_fit(origin: str, ibn: bool, tmp_path: Path) -> None:
    state = scrambled(narrow(ibn=ibn))
    torch.save({"model": named_as(origin, state)}, tmp_path / "w.pth")
    net = narrow(ibn=ibn)
    load_reid_weights(net, read_checkpoint(tmp_path / "w.pth"), "w.pth")
    own = net.state_dict()
    assert all(torch.equal(own[n], t) for n, t in state.items() if not n.startswith("neck.") and "num_batches" not in n)
    given = torch.equal(own["neck.weight"], state["neck.weight"]) and torch.equal(
        own["neck.running_var"], state["neck.running_var"]
    )
    assert given == (origin != "torchreid")
    if origin == "fast-reid":
        assert not own["neck.bias"].any()


def test_weights_that_do_not_fit_are_named() -> None:
    state = named_as("reid-strong-baseline", scrambled(narrow()))
    del state["base.layer4.0.conv3.weight"]
    with pytest.raises(ClipselectError, match=r"w.pth: does not fit the network: it lacks layer4.0.conv3.weight"):
        load_reid_weights(narrow(), state, "w.pth")
    with pytest.raises(ClipselectError, match=r"it has unknown layer1.0.ibn.weight"):
        load_reid_weights(narrow(), {**scrambled(narrow()), "layer1.0.ibn.weight": torch.ones(1)}, "w.pth")
    with pytest.raises(ClipselectError, match=r"it lacks neck.running_mean"):
        load_reid_weights(narrow(), {n: t for n, t in scrambled(narrow()).items() if n != "neck.running_mean"}, "w.pth")
