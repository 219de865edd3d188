"""Bases in bf16: nearly the same outputs, another identity, and wrong names are refused."""

import numpy as np
import pytest
import torch
from clipselect.zoo.loading import load_base

from clipselect.errors import ArgumentError
from clipselect.evaluation.provenance import network_record
from clipselect.scoring.device import pick_precision

CPU = torch.device("cpu")


def test_bf16_gives_nearly_the_same_and_not_the_same() -> None:
    base = load_base(device="cpu")
    clips = np.random.default_rng(0).integers(0, 256, (2, *base.input_spec.shape), np.uint8)
    features, probabilities = base.outputs(clips)
    near, likely = base.with_precision("bf16").outputs(clips)
    assert near.dtype == likely.dtype == torch.float32
    distance = float((near - features).norm() / features.norm())
    assert 0 < distance < 0.02 and float((likely - probabilities).abs().max()) < 0.05


def test_the_precision_is_part_of_what_a_base_is_known_by() -> None:
    base = load_base(device="cpu")
    assert base.with_precision(None) is base and base.with_precision("32").identity == base.identity
    fast = base.with_precision("bf16")
    assert fast.identity == base.identity | {"precision": "bf16"} and fast.sha256 == base.sha256
    assert network_record(fast) == network_record(base) | {"precision": "bf16"}


def test_the_caller_cannot_change_the_precision_by_autocast() -> None:
    base = load_base(device="cpu")
    clips = np.random.default_rng(0).integers(0, 256, (2, *base.input_spec.shape), np.uint8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = base.probabilities(clips)
    assert torch.equal(inside, base.probabilities(clips))


def test_auto_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, chosen in ((True, "bf16"), (False, "32")):
        monkeypatch.setattr("clipselect.scoring.device._has_fast_bf16", lambda _, has=has: has)
        assert pick_precision("auto", CPU) == chosen
    assert pick_precision("32", CPU) == "32"
    with pytest.raises(ArgumentError) as refused:
        load_base(device="cpu").with_precision("fp8")
    assert refused.value.argument == "base_precision" and "bf16" in str(refused.value)
