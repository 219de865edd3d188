"""Laws of the face aggregation network: any number of images, in any order, and every one of them matters."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clipselect.errors import ArgumentError
from clipselect.sets.face_aggregator import FaceAggregator, GlobalConcat, sides_for

pytestmark = pytest.mark.usefixtures("one_thread")

SETS = st.tuples(st.integers(0, 2**16), st.integers(1, 6))
"""A seed, and the images of a set."""


def network(seed: int = 0) -> FaceAggregator:
    torch.manual_seed(seed)
    return FaceAggregator(2).eval()


def images(seed: int, count: int, side: int = 32) -> Tensor:
    return 2 * torch.rand((1, count, 3, side, side), generator=torch.Generator().manual_seed(seed)) - 1


def test_global_concatenation_by_hand() -> None:
    maps = torch.tensor([[[1.0, -2.0], [5.0, -3.0], [2.0, 0.0]]]).view(1, 3, 2, 1, 1)  # three images, two channels
    expected = [[1.0, -2.0, 5.0, 0.0], [5.0, -3.0, 5.0, 0.0], [2.0, 0.0, 5.0, 0.0]]
    assert GlobalConcat()(maps)[0, :, :, 0, 0].tolist() == expected


@given(SETS)
def test_the_maximum_is_of_all_images_wherever_they_stand(drawn: tuple[int, int]) -> None:
    maps = images(*drawn, side=4)
    shuffled = torch.randperm(maps.shape[1], generator=torch.Generator().manual_seed(drawn[0]))
    assert torch.equal(GlobalConcat()(maps)[:, shuffled], GlobalConcat()(maps[:, shuffled]))


@settings(max_examples=20)
@given(SETS)
def test_order_makes_no_difference(drawn: tuple[int, int]) -> None:
    own = images(*drawn)
    shuffled = own[:, torch.randperm(own.shape[1], generator=torch.Generator().manual_seed(drawn[0]))]
    with torch.no_grad():
        torch.testing.assert_close(network()(shuffled), network()(own), atol=1e-5, rtol=0)


@settings(max_examples=20)
@given(SETS, st.data())
def test_repeating_an_image_makes_no_difference(drawn: tuple[int, int], data: st.DataObject) -> None:
    own = images(*drawn)
    again = data.draw(st.lists(st.integers(0, own.shape[1] - 1), min_size=1, max_size=4))
    with torch.no_grad():
        torch.testing.assert_close(network()(torch.cat([own, own[:, again]], 1)), network()(own), atol=1e-5, rtol=0)


@settings(max_examples=10)
@given(SETS)
def test_gradients_reach_every_image_and_every_weight(drawn: tuple[int, int]) -> None:
    own, net = images(*drawn).requires_grad_(), network()
    net(own).square().sum().backward()
    assert own.grad is not None
    assert (own.grad[0].abs().flatten(1).amax(1) > 0).all()
    assert all(p.grad is not None and bool(p.grad.abs().max() > 0) for p in net.parameters())


def test_values_above_1_are_cut_and_can_only_fall() -> None:
    net = network()
    with torch.no_grad():
        net.last[1][0].bias.copy_(torch.tensor([5.0, 5.0, -1.0]))
    out = net(images(0, 2))
    assert out[0, :2].eq(1).all() and out[0, 2].lt(1).all()
    wanted = torch.tensor([-1.0, 2.0, 0.0]).view(1, 3, 1, 1)  # darker; brighter than any pixel; as it is
    (out - wanted).square().sum().backward()
    gradient = net.last[1][0].bias.grad
    assert gradient[0] > 0 and gradient[1] == 0 and gradient[2] != 0


def test_equal_images_share_the_gradient() -> None:
    own = images(1, 1).repeat(1, 3, 1, 1, 1).requires_grad_()
    network()(own).square().sum().backward()
    assert own.grad is not None and bool(own.grad[0].abs().flatten(1).amax(1).gt(0).all())


def test_sets_of_a_batch_do_not_see_each_other() -> None:
    one, other = images(0, 3), images(1, 3)
    with torch.no_grad():
        torch.testing.assert_close(network()(torch.cat([one, other]))[:1], network()(one), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(112, 112), (16, 16), (64, 32)])
def test_one_image_comes_out_in_the_size_of_the_inputs(height: int, width: int) -> None:
    with torch.no_grad():
        out = network()(torch.zeros(2, 4, 3, height, width))
    assert out.shape == (2, 3, height, width) and bool((out.abs() <= 1).all())


def test_the_smallest_map_has_a_sixteenth_of_the_side() -> None:
    maps, net = torch.zeros(1, 1, 2, 112, 112), network()
    for block in net.encoder:
        maps = block(maps)
    assert maps.shape[-2:] == (7, 7)


def test_other_sides_are_refused_and_rounded_up() -> None:
    with pytest.raises(ArgumentError, match="images must have sides of multiples of 16"):
        network()(torch.zeros(1, 2, 3, 40, 32))
    assert sides_for(112, 112) == (112, 112) and sides_for(113, 97) == (128, 112)
    with pytest.raises(ArgumentError, match="width must be a whole number of at least 1"):
        FaceAggregator(0)
