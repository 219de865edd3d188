"""Local information transfer: its laws, and values worked out by hand for every relation."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from clipselect.errors import ArgumentError
from clipselect.sets.transfer import RELATIONS, LocalInformationTransfer, Relation

relations = st.sampled_from(RELATIONS)
seeds = st.integers(0, 10_000)


def trained(relation: Relation, seed: int = 0, channels: int = 4, **options: int | None) -> LocalInformationTransfer:
    """Whose values are not zero."""
    torch.manual_seed(seed)
    transfer = LocalInformationTransfer(channels, relation, **{"width": 3, "bottleneck": 2, **options})  # type: ignore[arg-type]
    torch.nn.init.normal_(transfer.expand.weight)
    return transfer


def features_of(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(relations, seeds, st.integers(1, 5), st.data())
def test_permuting_the_images_permutes_the_outputs(
    relation: Relation, seed: int, images: int, data: st.DataObject
) -> None:
    transfer, features = trained(relation, seed), features_of(seed, 2, images, 4, 2, 3)
    order = data.draw(st.permutations(range(images)))
    torch.testing.assert_close(transfer(features)[:, order], transfer(features[:, order]), atol=1e-5, rtol=1e-4)


@given(relations, seeds, st.integers(1, 4))
def test_without_values_it_changes_nothing(relation: Relation, seed: int, images: int) -> None:
    features = features_of(seed, 2, images, 4, 2, 2) * 100
    assert torch.equal(LocalInformationTransfer(4, relation)(features), features)
    assert not torch.equal(trained(relation)(features), features)


@given(relations, seeds, st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_a_mask_makes_of_a_filled_set_what_the_set_alone_gives(relation: Relation, seed: int, sizes: list[int]) -> None:
    transfer, features = trained(relation, seed), features_of(seed, len(sizes), 4, 4, 2, 2)
    mask = torch.arange(4) < torch.tensor(sizes)[:, None]
    found = transfer(features, mask)
    assert torch.equal(found[~mask], features[~mask]) and bool(found.isfinite().all())
    for row, size in enumerate(sizes):
        if size:
            alone = transfer(features[row, :size][None])[0]
            torch.testing.assert_close(found[row, :size], alone, atol=1e-5, rtol=1e-4)


def by_hand(relation: Relation, relate: Callable[[float, float], Tensor]) -> None:
    """Two images of one place and one channel, 1 and 2; query doubles, key is as it is, value is thrice the feature."""
    transfer = LocalInformationTransfer(1, relation, width=1, bottleneck=1)
    with torch.no_grad():
        transfer.expand.weight.fill_(3)
        transfer.compress.weight.fill_(1)  # type: ignore[union-attr,operator]
        if relation != "softmax_a":
            for layer, factor in ((transfer.query, 2.0), (transfer.key, 1.0)):
                layer.weight.fill_(factor)
                layer.bias.fill_(0)
    features = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1, 1)
    expected = [x + float(relate(x, 1) * 3 + relate(x, 2) * 6) for x in (1.0, 2.0)]
    assert transfer(features).flatten().tolist() == pytest.approx(expected, abs=1e-5)
    for query, x in enumerate((1.0, 2.0)):
        row = transfer.attention(features[0], (query, 0, 0)).flatten().tolist()
        assert row == pytest.approx([float(relate(x, 1)), float(relate(x, 2))], abs=1e-6)


def share(*products: float) -> Tensor:
    return torch.tensor(products).softmax(0)


def test_softmax_a_relates_the_features_as_they_are() -> None:
    by_hand("softmax_a", lambda x, y: share(x * 1, x * 2)[int(y) - 1])
    assert float(share(1.0, 2.0)[1]) == pytest.approx(1 / (1 + math.exp(-1)))


def test_softmax_b_relates_queries_and_keys() -> None:
    by_hand("softmax_b", lambda x, y: share(2 * x * 1, 2 * x * 2)[int(y) - 1])


def test_scaled_dot_divides_products_by_the_number_of_regions() -> None:
    by_hand("scaled_dot", lambda x, y: torch.tensor(2 * x * y / 2))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("bottleneck", [None, 2])
def test_the_attention_map_and_the_output_are_of_the_same_relation(relation: Relation, bottleneck: int | None) -> None:
    transfer, features = trained(relation, bottleneck=bottleneck), features_of(1, 3, 4, 2, 2)
    values = transfer.expand(transfer.compress(features.permute(0, 2, 3, 1)))
    expected = features[1, :, 0, 1] + (transfer.attention(features, (1, 0, 1))[..., None] * values).sum((0, 1, 2))
    torch.testing.assert_close(transfer(features[None])[0, 1, :, 0, 1], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_part_learns(relation: Relation) -> None:
    transfer = trained(relation)
    transfer(features_of(0, 1, 2, 4, 2, 2)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in transfer.parameters() if p is not transfer)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation gives."""

    numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves(found) if isinstance(t, Tensor)]
        self.numbers = max([self.numbers, *(t.numel() for t in tensors)])
        return found


def test_memory_does_not_grow_with_the_square_of_the_regions() -> None:
    transfer = trained("softmax_b", channels=8, width=4, bottleneck=4)
    features = torch.zeros(1, 400, 8, 7, 7)  # 19,600 regions: N x N numbers take 1.5 GB
    with torch.no_grad(), Largest() as largest:
        transfer(features)
    assert features.numel() <= largest.numbers < 50 * features.numel()


def test_large_features_stay_numbers() -> None:
    for relation in RELATIONS:
        with torch.autocast("cpu", torch.bfloat16):
            assert bool(trained(relation)(features_of(0, 1, 3, 4, 2, 2) * 1e3).isfinite().all())


def test_arguments_that_make_no_sense_are_named() -> None:
    for argument, value in (("relation", "cosine"), ("width", 0), ("bottleneck", 0)):
        with pytest.raises(ArgumentError) as refused:
            LocalInformationTransfer(4, **{argument: value})  # type: ignore[arg-type]
        assert refused.value.argument == argument
