"""Bases in bf16: nearly the same outputs, another identity, and wrong names are refused."""

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from helpers.base_fixtures import Tiny
from numpy.typing import NDArray
from torch import nn

from clipselect.errors import ArgumentError
from clipselect.evaluation.provenance import network_record
from clipselect.scoring.input_spec import InputSpec

SMALL = InputSpec(32, 32, (0.5,) * 3, (0.25,) * 3, frames=4)


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base(device="cpu")


def noise(base: Base, count: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, *base.input_spec.shape), np.uint8)


def test_bf16_gives_nearly_the_same_and_not_the_same(base: Base) -> None:
    features, probabilities = base.outputs(noise(base))
    near, likely = base.with_precision("bf16").outputs(noise(base))
    assert near.dtype == likely.dtype == torch.float32
    distance = float((near - features).norm() / features.norm())
    assert 0 < distance < 0.02 and float((likely - probabilities).abs().max()) < 0.05


def test_the_head_computes_in_float32(base: Base) -> None:
    fast = base.with_precision("bf16")
    features, probabilities = fast.outputs(noise(base))
    assert fast.head is not None
    exact = nn.functional.linear(features, fast.head.weight, fast.head.bias).softmax(1)[:, : len(fast.classes)]
    torch.testing.assert_close(probabilities, exact, rtol=1e-5, atol=1e-7)
    assert not fast.head._forward_hooks, "the network is the caller's, too"


def test_a_network_that_gives_probabilities_does_so_in_bf16() -> None:
    torch.manual_seed(0)
    base = Base.from_module(Tiny(softmax=True), SMALL, 1.0, feature_layer="embed", device="cpu")
    clips = noise(base, 4)
    assert base.gives_probabilities and not Base.from_module(Tiny(), SMALL, 1.0, device="cpu").gives_probabilities
    difference = base.with_precision("bf16").probabilities(clips) - base.probabilities(clips)
    assert 0 < float(difference.abs().max()) < 0.02


def test_the_precision_is_part_of_what_a_base_is_known_by(base: Base) -> None:
    assert base.with_precision(None) is base and base.with_precision("32").identity == base.identity
    fast = base.with_precision("bf16")
    assert fast.identity == base.identity | {"precision": "bf16"} and fast.sha256 == base.sha256
    assert network_record(fast) == network_record(base) | {"precision": "bf16"}
    with pytest.raises(ArgumentError) as refused:
        base.with_precision("fp8")
    assert refused.value.argument == "base_precision" and "bf16" in str(refused.value)


def test_the_caller_cannot_change_the_precision_by_autocast(base: Base) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        inside = base.probabilities(noise(base))
    assert torch.equal(inside, base.probabilities(noise(base)))
