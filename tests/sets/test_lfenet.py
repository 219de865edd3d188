"""LFENet around the face networks: segments, freezing, cost, and networks that cannot be cut."""

import pytest
import torch
from clipselect.zoo.embedder import Embedder
from clipselect.zoo.face_networks import FACE_NETWORKS
from helpers.optional import import_or_skip
from helpers.set_networks import CHANNELS, DIM, PLACES, SPEC, TinyFace
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from clipselect.errors import ClipselectError
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.sets.lfenet import Compression, LFENet, WithoutTransfer, freeze_head, kept_out, map_shape, new_lfenet
from clipselect.sets.transfer import RELATIONS, LocalInformationTransfer, Relation

pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(relation: Relation = "softmax_b", **options: object) -> LFENet:
    torch.manual_seed(0)
    transfer = LocalInformationTransfer(CHANNELS, relation, width=3, bottleneck=2)
    torch.nn.init.normal_(transfer.expand.weight)
    return LFENet(TinyFace(), transfer, **options).eval()  # type: ignore[arg-type]


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def test_segments_do_not_see_each_other() -> None:
    net, x = tiny(max_segment=3), images(1, 7)
    before = net(x)[0]
    other = x.clone()
    other[0, 4] = images(seed=5)  # of the second segment
    changed = (net(other)[0] - before).abs().amax(1) > 1e-6
    assert changed.tolist() == [False, False, False, True, True, True, False]
    torch.testing.assert_close(before[3:6], net(x[:, 3:6])[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(before[6:], net(x[:, 6:])[0], atol=1e-5, rtol=1e-4)  # the last one is shorter


@given(st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_sets_of_different_sizes_come_out_as_alone(sizes: list[int]) -> None:
    net, x = tiny(max_segment=3), images(len(sizes), 7)
    mask = torch.arange(7) < torch.tensor(sizes)[:, None]
    found = net(x, mask)
    assert not found[~mask].any()
    for row, size in enumerate(sizes):
        torch.testing.assert_close(found[row, :size], net(x[row : row + 1, :size])[0], atol=1e-5, rtol=1e-4)


def test_the_feature_of_a_set_is_the_mean_direction_of_its_images() -> None:
    net, x = tiny(), images(1, 4)
    maps = net.frame_features(x[0])
    expected = nn.functional.normalize(net(x)[0], dim=1).mean(0)
    torch.testing.assert_close(net.set_feature(maps), expected)
    torch.testing.assert_close(net.set_feature(maps[[2, 0, 3, 1]]), expected, atol=1e-6, rtol=1e-5)
    assert net.set_feature(maps[:1]).shape == (DIM,)  # a set of one: between its own regions


def test_a_frozen_backbone_does_not_learn_and_keeps_its_statistics() -> None:
    net = tiny(frozen=True).train()
    before = {name: t.clone() for name, t in net.backbone.state_dict().items()}
    net(images(2, 3)).square().sum().backward()
    assert all(torch.equal(t, before[name]) for name, t in net.backbone.state_dict().items())
    assert {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None} == {"transfer"}
    free = tiny().train()
    free(images(2, 3)).square().sum().backward()
    assert {name.split(".")[0] for name, p in free.named_parameters() if p.grad is not None} == {"transfer", "backbone"}


def test_the_papers_ending_takes_the_place_of_the_backbones_own() -> None:
    net = tiny()
    net.compression = Compression(CHANNELS, PLACES, 9).eval()
    assert net(images(2, 3)).shape == (2, 3, 9)


def test_with_the_papers_ending_all_that_is_trained_gets_a_gradient_and_all_else_is_not_written() -> None:
    base = Embedder.from_module(TinyFace(), SPEC, device="cpu")
    how = {"relation": "softmax_b", "width": 3, "bottleneck": 2, "max_segment": 4, "ending": "paper", "frozen": False}
    net = new_lfenet(base, how).train()
    freeze_head(net, SPEC)
    torch.nn.init.normal_(net.transfer.expand.weight)
    net(images(2, 3)).square().sum().backward()
    trained = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    head = {name for name, _ in net.named_parameters()} - trained
    assert head and head <= {*kept_out(net)} and all(name.startswith("backbone.") for name in kept_out(net))
    assert not any(name.startswith("backbone.") for name in kept_out(new_lfenet(base, how)))


SMALL_FACE_NETWORKS = [name for name in FACE_NETWORKS if name not in ("ir_34", "ir_50", "ir_101")]
"""Without the deeper ones, which are built of the parts of ir_18."""


@pytest.mark.parametrize("name", SMALL_FACE_NETWORKS)
def test_nothing_of_an_unused_head_is_written(name: str) -> None:
    network = FACE_NETWORKS[name].build(8)
    base = Embedder.from_module(network, InputSpec(112, 112, (0.5,) * 3, (0.5,) * 3), device="cpu")
    how = {"relation": "softmax_b", "width": 3, "bottleneck": 2, "max_segment": 4, "ending": "paper", "frozen": False}
    with torch.inference_mode():
        net = new_lfenet(base, how)  # as weights are loaded
    net = new_lfenet(base, how)
    freeze_head(net, base.input_spec)
    unused = {name.split(".")[1] for name in kept_out(net)}
    assert {"linear", "norm"} <= unused and not {"stem", "stages", "blocks"} & unused


@pytest.mark.parametrize("name", [*SMALL_FACE_NETWORKS, "ir_50"])
def test_an_untrained_transfer_leaves_every_face_network_as_it_is(name: str) -> None:
    torch.manual_seed(0)
    backbone = FACE_NETWORKS[name].build(FACE_NETWORKS[name].embedding).eval()
    spec = InputSpec(112, 112, (0.5,) * 3, (0.5,) * 3)
    assert map_shape(backbone, spec, name) == (512, 7, 7)
    faces = torch.randn(1, 2, 3, 112, 112)
    with torch.inference_mode():
        found = LFENet(backbone, LocalInformationTransfer(512)).eval()(faces)
        torch.testing.assert_close(found[0], backbone(faces[0]), atol=1e-4, rtol=1e-3)


def test_networks_of_timm_are_cut_by_their_own_names() -> None:
    timm = import_or_skip("timm")
    backbone = timm.create_model("seresnet50", num_classes=0).eval()
    spec = InputSpec(64, 64, (0.5,) * 3, (0.5,) * 3)
    assert map_shape(backbone, spec, "SENet-50") == (2048, 2, 2)
    net = LFENet(backbone, LocalInformationTransfer(2048)).eval()
    with torch.inference_mode():
        faces = torch.randn(1, 2, 3, 64, 64)
        torch.testing.assert_close(net(faces)[0], backbone(faces[0]), atol=1e-4, rtol=1e-3)


class Repeated(nn.Module):
    """A set of an image and its copies: normalised images [1, 3, 16, 16] -> embeddings [1, count, 5]."""

    def __init__(self, net: LFENet, count: int) -> None:
        super().__init__()
        self.net, self.count = net, count

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x[:, None].expand(-1, self.count, -1, -1, -1))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("count", [1, 3, 4, 8])
def test_multiply_adds_are_those_that_a_count_of_the_graph_finds(relation: Relation, count: int) -> None:
    net = tiny(relation, max_segment=3)
    found = multiply_adds(Repeated(net, count), SPEC) - count * multiply_adds(WithoutTransfer(net), SPEC)
    assert net.transfer_multiply_adds(count, PLACES) == pytest.approx(found, rel=0.02)


def test_the_transfer_grows_with_the_square_of_a_segment_and_then_in_proportion() -> None:
    net = LFENet(TinyFace(), LocalInformationTransfer(512))
    cost = {t: net.transfer_multiply_adds(t, 49) for t in (1, 6, 12, 24, 120)}
    assert cost[12] > 2 * cost[6] and cost[24] == 2 * cost[12] and cost[120] == 10 * cost[12]


class Flat(TinyFace):
    def forward_features(self, x: Tensor) -> Tensor:
        return super().forward_features(x).flatten(1)


class Headless(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.layer4 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.layer4(self.conv1(x))


@pytest.mark.parametrize(
    ("network", "layers"), [(nn.Sequential(nn.Conv2d(3, 4, 3)), "0"), (Flat(), "stem, head"), (Headless(), "layer4")]
)
def test_a_network_that_cannot_be_cut_is_refused_with_the_names_of_its_layers(network: nn.Module, layers: str) -> None:
    with pytest.raises(ClipselectError, match="forward_features and forward_head") as refused:
        map_shape(network.eval(), SPEC, "mine")
    assert "'mine'" in str(refused.value) and layers in str(refused.value)


def test_a_callable_that_is_no_network_is_refused() -> None:
    with pytest.raises(ClipselectError, match="layers are not known"):
        map_shape(lambda x: x, SPEC, "onnx")
