"""Face networks: what they cost, and public checkpoints, against plain forward passes over their authors' names."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from clipselect.zoo.embedder_loading import EMBEDDERS
from clipselect.zoo.face_checkpoints import detect_layout, load_face_network, rename
from clipselect.zoo.face_networks import FACE_NETWORKS, IR, MobileFaceNet
from clipselect.zoo.loading import fit
from fvcore.nn import FlopCountAnalysis
from helpers.verification import rank_accuracy
from torch import Tensor, nn

from clipselect.errors import ClipselectError

State = dict[str, Tensor]
FACES = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))


def norm_weights(name: str, width: int) -> State:
    state = {f"{name}.{part}": torch.rand(width) + 0.5 for part in ("weight", "running_var")}
    state |= {f"{name}.{part}": torch.randn(width) / 9 for part in ("bias", "running_mean")}
    return {**state, f"{name}.num_batches_tracked": torch.tensor(7)}


def conv_weights(name: str, outputs: int, inputs: int, kernel: int) -> State:
    return {f"{name}.weight": torch.randn(outputs, inputs, kernel, kernel) / (kernel * inputs**0.5)}


def norm(s: State, name: str, x: Tensor) -> Tensor:
    parts = (s[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *parts)


def insightface_state(depths: tuple[int, ...]) -> State:
    """`iresnet`'s names and shapes, with random numbers."""
    torch.manual_seed(0)
    s = {**conv_weights("conv1", 64, 3, 3), **norm_weights("bn1", 64), "prelu.weight": torch.rand(64)}
    inputs = 64
    for stage, (width, depth) in enumerate(zip((64, 128, 256, 512), depths, strict=True), 1):
        for i in range(depth):
            unit = f"layer{stage}.{i}"
            s |= norm_weights(f"{unit}.bn1", inputs) | conv_weights(f"{unit}.conv1", width, inputs, 3)
            s |= norm_weights(f"{unit}.bn2", width) | {f"{unit}.prelu.weight": torch.rand(width)}
            s |= conv_weights(f"{unit}.conv2", width, width, 3) | norm_weights(f"{unit}.bn3", width)
            if i == 0:
                s |= conv_weights(f"{unit}.downsample.0", width, inputs, 1)
                s |= norm_weights(f"{unit}.downsample.1", width)
            inputs = width
    s |= norm_weights("bn2", 512) | {"fc.weight": torch.randn(512, 512 * 49) / 150, "fc.bias": torch.randn(512)}
    return s | norm_weights("features", 512)


def insightface(s: State, x: Tensor, depths: tuple[int, ...]) -> Tensor:
    x = F.prelu(norm(s, "bn1", F.conv2d(x, s["conv1.weight"], padding=1)), s["prelu.weight"])
    for stage, depth in enumerate(depths, 1):
        for i in range(depth):
            unit, stride = f"layer{stage}.{i}", 2 if i == 0 else 1
            y = F.conv2d(norm(s, f"{unit}.bn1", x), s[f"{unit}.conv1.weight"], padding=1)
            y = F.prelu(norm(s, f"{unit}.bn2", y), s[f"{unit}.prelu.weight"])
            y = norm(s, f"{unit}.bn3", F.conv2d(y, s[f"{unit}.conv2.weight"], stride=stride, padding=1))
            if i == 0:
                x = norm(s, f"{unit}.downsample.1", F.conv2d(x, s[f"{unit}.downsample.0.weight"], stride=2))
            x = x + y
    return norm(s, "features", F.linear(norm(s, "bn2", x).flatten(1), s["fc.weight"], s["fc.bias"]))


def mobile_units() -> Iterator[tuple[int, int, int, int]]:
    """Inputs, expanded channels, outputs and stride of MobileFaceNet's 15 bottlenecks."""
    yield from ((64, 128, 64, 2 if i == 0 else 1) for i in range(5))
    yield 64, 256, 128, 2
    yield from ((128, 256, 128, 1) for _ in range(6))
    yield 128, 512, 128, 2
    yield from ((128, 256, 128, 1) for _ in range(2))


def foamliu_state(embedding: int) -> State:
    torch.manual_seed(0)
    s = conv_weights("conv1.0", 64, 3, 3) | norm_weights("conv1.1", 64)
    s |= conv_weights("dw_conv.depthwise", 64, 1, 3) | conv_weights("dw_conv.pointwise", 64, 64, 1)
    s |= norm_weights("dw_conv.bn1", 64) | norm_weights("dw_conv.bn2", 64)
    for i, (inputs, width, outputs, _) in enumerate(mobile_units()):
        unit = f"features.{i}.conv"
        s |= conv_weights(f"{unit}.0.0", width, inputs, 1) | norm_weights(f"{unit}.0.1", width)
        s |= conv_weights(f"{unit}.1.0", width, 1, 3) | norm_weights(f"{unit}.1.1", width)
        s |= conv_weights(f"{unit}.2", outputs, width, 1) | norm_weights(f"{unit}.3", outputs)
    s |= conv_weights("conv2.0", 512, 128, 1) | norm_weights("conv2.1", 512)
    s |= conv_weights("gdconv.depthwise", 512, 1, 7) | norm_weights("gdconv.bn", 512)
    s |= conv_weights("conv3", embedding, 512, 1) | {"conv3.bias": torch.randn(embedding)}
    return s | norm_weights("bn", embedding)


def foamliu(s: State, x: Tensor) -> Tensor:
    x = F.relu6(norm(s, "conv1.1", F.conv2d(x, s["conv1.0.weight"], stride=2, padding=1)))
    x = F.relu(norm(s, "dw_conv.bn1", F.conv2d(x, s["dw_conv.depthwise.weight"], padding=1, groups=64)))
    x = F.relu(norm(s, "dw_conv.bn2", F.conv2d(x, s["dw_conv.pointwise.weight"])))
    for i, (inputs, width, outputs, stride) in enumerate(mobile_units()):
        unit = f"features.{i}.conv"
        y = F.relu6(norm(s, f"{unit}.0.1", F.conv2d(x, s[f"{unit}.0.0.weight"])))
        y = F.conv2d(y, s[f"{unit}.1.0.weight"], stride=stride, padding=1, groups=width)
        y = norm(s, f"{unit}.3", F.conv2d(F.relu6(norm(s, f"{unit}.1.1", y)), s[f"{unit}.2.weight"]))
        x = x + y if stride == 1 and inputs == outputs else y
    x = F.relu6(norm(s, "conv2.1", F.conv2d(x, s["conv2.0.weight"])))
    x = norm(s, "gdconv.bn", F.conv2d(x, s["gdconv.depthwise.weight"], groups=512))
    return norm(s, "bn", F.conv2d(x, s["conv3.weight"], s["conv3.bias"])).flatten(1)


def treb1en_state(embedding: int) -> State:
    torch.manual_seed(0)

    def unit(name: str, outputs: int, inputs: int, kernel: int, prelu: bool = True) -> State:
        s = conv_weights(f"{name}.conv", outputs, inputs, kernel) | norm_weights(f"{name}.bn", outputs)
        return s | ({f"{name}.prelu.weight": torch.rand(outputs)} if prelu else {})

    s = unit("conv1", 64, 3, 3) | unit("conv2_dw", 64, 1, 3)
    names = ["conv_23", *(f"conv_3.model.{i}" for i in range(4)), "conv_34", *(f"conv_4.model.{i}" for i in range(6))]
    names += ["conv_45", *(f"conv_5.model.{i}" for i in range(2))]
    for name, (inputs, width, outputs, _) in zip(names, mobile_units(), strict=True):
        s |= unit(f"{name}.conv", width, inputs, 1) | unit(f"{name}.conv_dw", width, 1, 3)
        s |= unit(f"{name}.project", outputs, width, 1, prelu=False)
    s |= unit("conv_6_sep", 512, 128, 1) | unit("conv_6_dw", 512, 1, 7, prelu=False)
    return s | {"linear.weight": torch.randn(embedding, 512)} | norm_weights("bn", embedding)


def loaded(net: nn.Module, state: State) -> nn.Module:
    fit(net, rename(state), "state.pt")
    return net.eval()


@pytest.mark.parametrize(
    ("name", "convolutions", "parameters"),
    [
        ("ir_50", 6.30e9, 43.59e6),  # InsightFace: 6.33 G with its normalisations
        ("ir_101", 12.08e9, 65.16e6),  # OpenVINO's model zoo: 24.21 G at two per multiply-add, 65.13 M
        ("mobilefacenet", 221e6, 1.20e6),  # its paper: 221 M; .99 M with 128 dimensions
        ("mobilefacenet_foamliu", 234e6, 1.00e6),
    ],
)
def test_networks_cost_what_their_papers_say(name: str, convolutions: float, parameters: float) -> None:
    architecture = FACE_NETWORKS[name]
    net = architecture.build(architecture.embedding).eval()
    count = FlopCountAnalysis(net, FACES[:1]).unsupported_ops_warnings(False).by_operator()
    assert count["conv"] == pytest.approx(convolutions, rel=5e-3)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(parameters, rel=5e-3)


def test_mobilefacenet_of_the_paper_has_its_parameters() -> None:
    assert sum(p.numel() for p in MobileFaceNet(128).parameters()) == pytest.approx(0.99e6, rel=0.02)


@pytest.mark.parametrize("name", ["ir_18", "mobilefacenet", "mobilefacenet_foamliu"])
def test_networks_embed_and_learn(name: str) -> None:
    torch.manual_seed(0)
    net = FACE_NETWORKS[name].build(32)
    rows = net(FACES)
    rows.square().sum().backward()
    assert rows.shape == (2, 32)
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


@torch.inference_mode()
def test_weights_of_insightface_give_its_embeddings() -> None:
    depths = (1, 2, 1, 1)
    state = insightface_state(depths)
    assert detect_layout(state) == "insightface"
    assert torch.allclose(loaded(IR(depths), state)(FACES), insightface(state, FACES, depths), atol=1e-4)


@torch.inference_mode()
def test_weights_of_foamliu_give_its_embeddings() -> None:
    state = foamliu_state(24)
    assert detect_layout(state) == "foamliu"
    net = loaded(MobileFaceNet(24, foamliu=True), state)
    assert torch.allclose(net(FACES), foamliu(state, FACES), atol=1e-4)


def test_a_training_may_begin_from_a_public_checkpoint() -> None:
    state, architecture = foamliu_state(128), EMBEDDERS["mobilefacenet_foamliu"]
    net = architecture.build().eval()
    architecture.load(net, state, "theirs.pt")
    assert torch.allclose(net(FACES), foamliu(state, FACES), atol=1e-4)


def test_weights_of_treb1en_fit() -> None:
    state = treb1en_state(40)
    assert detect_layout(state) == "treb1en"
    net = loaded(MobileFaceNet(40), state)
    own = net.state_dict()
    assert torch.equal(own["blocks.7.depthwise.conv.weight"], state["conv_4.model.1.conv_dw.conv.weight"])
    assert torch.equal(own["blocks.14.expand.activation.weight"], state["conv_5.model.1.conv.prelu.weight"])


@pytest.mark.parametrize(("name", "depths"), [("ir_50", (3, 4, 14, 3)), ("ir_101", (3, 13, 30, 3))])
def test_names_of_full_size_insightface_checkpoints_are_all_known(name: str, depths: tuple[int, ...]) -> None:
    theirs = rename({key: value[:0] if value.ndim else value for key, value in insightface_state(depths).items()})
    assert sorted(theirs) == sorted(FACE_NETWORKS[name].build(512).state_dict())


def test_checkpoints_load_with_their_names_or_ours_and_any_embedding(tmp_path: Path) -> None:
    state = foamliu_state(24)
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "theirs.pt")
    net = load_face_network("mobilefacenet_foamliu", tmp_path / "theirs.pt")
    torch.save(net.state_dict(), tmp_path / "ours.pt")
    again = load_face_network("mobilefacenet_foamliu", tmp_path / "ours.pt")
    with torch.inference_mode():
        assert torch.equal(net(FACES), again(FACES)) and not net.training and net(FACES).shape == (2, 24)


def test_the_mobilefacenet_of_foamliu_tells_people_apart(shared: Path) -> None:
    name = "mobilefacenet_foamliu"
    net, architecture = load_face_network(name, shared / f"weights/{name}.pt"), FACE_NETWORKS[name]
    paths = sorted((shared / "faces/val").glob("orl_*/*.jpg"))
    stills = [cv2.resize(cv2.imread(str(path)), (112, 112), interpolation=cv2.INTER_AREA)[..., ::-1] for path in paths]
    normal = (np.stack(stills) / 255 - architecture.mean) / architecture.std
    with torch.inference_mode():
        rows = F.normalize(net(torch.from_numpy(normal).float().permute(0, 3, 1, 2).contiguous())).numpy()
    similarities, ids = rows @ rows.T, [path.parent.name for path in paths]
    np.fill_diagonal(similarities, -1)
    assert rank_accuracy(similarities, ids, ids, [1]).rates[0] >= 0.98  # measured: 1.0


def test_what_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    torch.save(foamliu_state(24), path)
    with pytest.raises(ClipselectError, match=r"c\.pt: does not fit the network: it lacks stem\.activation\.weight"):
        load_face_network("mobilefacenet", path)
    state = insightface_state((2, 2, 2, 2))
    state["layer1.0.se.fc.weight"] = state.pop("layer1.0.bn2.weight")
    torch.save(state, path)
    with pytest.raises(ClipselectError, match=r"lacks stages\.0\.0\.residual\.2\.weight; .* stages\.0\.0\.se\.fc\.w"):
        load_face_network("ir_18", path)
    with pytest.raises(ClipselectError, match="no face network 'ir_19'; there are ir_18"):
        load_face_network("ir_19", path)
    with pytest.raises(ClipselectError, match=r"none\.pt: no such checkpoint"):
        load_face_network("ir_18", tmp_path / "none.pt")
