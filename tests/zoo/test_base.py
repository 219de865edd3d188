"""Networks that can be bases: PyTorchVideo's by name, and checkpoints of several kinds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base, find_head
from clipselect.zoo.loading import load_base, read_checkpoint
from clipselect.zoo.networks import NETWORKS, FittingAvgPool3d, fit_pools
from helpers.base_fixtures import SMALL, Tiny, clips, x3d
from torch import nn

from clipselect.errors import ClipselectError
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.multiply_adds import multiply_adds

__all__ = ["clips", "x3d"]


@pytest.mark.parametrize("name", [n for n in NETWORKS if NETWORKS[n].published is None])
def test_narrow_networks_answer_and_learn(name: str) -> None:
    torch.manual_seed(0)
    architecture = NETWORKS[name]
    net = architecture.build(3)
    rows = net(torch.randn(2, 3, architecture.frames, 64, 64))
    rows.sum().backward()
    assert rows.shape == (2, 3)
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


def test_slowfast_costs_what_the_design_measured() -> None:
    net = NETWORKS["slowfast_r50"].build(400).eval()
    assert multiply_adds(net, InputSpec(112, 112, (0.45,) * 3, (0.225,) * 3, 32)) == pytest.approx(
        13.26e9, rel=1e-3
    )  # a size that the stock head refuses


def test_a_pool_that_fits_is_the_stock_pool_where_that_one_works() -> None:
    x = torch.randn(1, 2, 4, 9, 9)
    stock = nn.AvgPool3d((4, 7, 7), stride=1)
    fitting = fit_pools(nn.Sequential(nn.AvgPool3d((4, 7, 7), stride=1)))
    assert isinstance(fitting[0], FittingAvgPool3d) and torch.equal(fitting(x), stock(x))
    assert torch.allclose(fitting(x[..., :3, :3]), x[..., :3, :3].mean((2, 3, 4), keepdim=True))


def test_names_of_weights_are_those_of_pytorchvideo(x3d: nn.Module) -> None:
    from pytorchvideo.models.hub import x3d_xs

    assert [*x3d_xs(model_num_class=7).state_dict()] == [*x3d.state_dict()]


@pytest.mark.parametrize("wrap", ["model_state", "state_dict", "plain", "module"])
def test_checkpoints_of_all_kinds_give_the_same_answers(
    wrap: str, x3d: nn.Module, clips: np.ndarray, tmp_path: Path
) -> None:
    state = x3d.state_dict()
    if wrap == "module":
        state = {f"module.{k}": v for k, v in state.items()}
    torch.save({wrap: state, "epoch": 3} if wrap in ("model_state", "state_dict") else state, tmp_path / "c.pyth")
    base = load_base(f"x3d_xs:{tmp_path / 'c.pyth'}", "cpu", size=64)
    features, probabilities = base.outputs(clips)
    with torch.inference_mode():
        expected = x3d(base.input_spec.normalise(clips)).softmax(1)
    assert base.clip_duration == pytest.approx(1.6) and base.classes == tuple("0123456")
    assert features.shape == (2, 2048) and torch.allclose(probabilities, expected, atol=1e-5)


def test_features_are_what_the_head_sees(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    base = Base.from_module(Tiny(), SMALL, 1.0, classes=("a", "b", "c"), device="cpu")
    features, probabilities = (rows.clone() for rows in base.outputs(clips))
    assert torch.allclose(base.head(features).softmax(1)[:, :3], probabilities, atol=1e-6)
    assert bool((probabilities.sum(1) < 1).all())  # the fourth output has no name


def test_probabilities_do_not_go_through_a_second_softmax(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    logits = Tiny()
    done = Tiny(softmax=True)
    done.load_state_dict(logits.state_dict())
    first, second = (Base.from_module(net, SMALL, 1.0, device="cpu").probabilities(clips) for net in (logits, done))
    assert torch.allclose(first, second, atol=1e-6)


def test_the_head_may_be_named_and_a_wrong_name_lists_the_right_ones() -> None:
    net = Tiny()
    assert find_head(net) is net.fc and find_head(net, "embed") is net.embed
    with pytest.raises(ClipselectError, match=r"no head 'classifier': its linear layers are embed, fc"):
        find_head(net, "classifier")
    with pytest.raises(ClipselectError, match="no linear layer"):
        find_head(nn.Conv3d(3, 3, 1))


def test_what_does_not_fit_is_named(x3d: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "c.pyth"
    state = dict(x3d.state_dict())
    first = next(iter(state))
    state["blocks.0.extra"] = state.pop(first)
    torch.save(state, path)
    with pytest.raises(
        ClipselectError, match=rf"c\.pyth: does not fit .*lacks {first}; it has unknown blocks\.0\.extra"
    ):
        load_base(f"x3d_xs:{path}", "cpu")
    state[first] = state.pop("blocks.0.extra")[:1]
    torch.save(state, path)
    with pytest.raises(ClipselectError, match=rf"other shapes: {first} is \["):
        load_base(f"x3d_xs:{path}", "cpu")
    with pytest.raises(ClipselectError, match=r"has no .*weight, so it is no checkpoint of slowfast_r50"):
        torch.save(Tiny().state_dict(), path)
        load_base(f"slowfast_r50:{path}", "cpu")


@pytest.mark.parametrize("content", [b"", b"text", None, "pickle", "numbers"])
def test_what_is_no_checkpoint_is_refused(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "c.pyth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "pickle":
        torch.save(Tiny(), path)  # a whole module would run code when it is loaded
    elif content == "numbers":
        torch.save({"a": 1}, path)
    with pytest.raises(ClipselectError, match=r"c\.pyth: "):
        read_checkpoint(path)


def test_a_network_without_weights_says_how_to_give_them() -> None:
    with pytest.raises(ClipselectError, match="slowfast_r50:CHECKPOINT, or slowfast_r50:pretrained"):
        load_base("slowfast_r50", "cpu")
    with pytest.raises(ClipselectError, match="no published weights of narrow_slow"):
        load_base("narrow_slow:pretrained", "cpu")


def test_more_classes_than_outputs_are_refused() -> None:
    with pytest.raises(ClipselectError, match="4 outputs, but 5 classes"):
        Base.from_module(Tiny(), SMALL, 1.0, classes=tuple("abcde"), device="cpu")


def test_the_outputs_of_several_crops_are_their_mean(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    base = Base.from_module(Tiny(), SMALL, 1.0, device="cpu").with_geometry("three_crops")
    crops = np.stack([clips, clips // 2, 255 - clips], axis=2)  # [n, T, 3, size, size, 3]
    found = base.outputs(crops)
    alone = [base.outputs(crops[:, :, i]) for i in range(3)]
    for i in range(2):
        assert torch.allclose(found[i], torch.stack([outputs[i] for outputs in alone]).mean(0), atol=1e-6)
    assert not torch.allclose(found[1], alone[0][1], atol=1e-4)


@pytest.mark.parametrize(("clips_at_a_time", "sizes"), [(0.5, [1, 1, 1, 1, 1]), (2.9, [2, 2, 1]), (8, [5])])
def test_a_heavy_base_gets_few_clips_at_a_time(
    monkeypatch: pytest.MonkeyPatch, clips_at_a_time: float, sizes: list[int]
) -> None:
    """As many as fit the caches; its answers are the same."""
    base = Base.from_module(Tiny(), SMALL, 1.0, device="cpu")
    clips = np.random.default_rng(0).integers(0, 256, (5, *SMALL.shape), np.uint8)
    expected = base.outputs(clips)
    monkeypatch.setattr("clipselect.zoo.base.MAX_INPUT_BYTES", int(clips_at_a_time * 4 * clips[0].size))
    seen: list[int] = []
    base.net.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    for found, wanted in zip(base.outputs(clips), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    assert seen == sizes


def test_another_geometry_is_another_identity() -> None:
    base = Base.from_module(Tiny(), SMALL, 1.0, device="cpu")
    assert base.with_geometry(None) is base
    made = {str(base.with_geometry(text).identity) for text in ("squash", "short_side", "short_side:65", "three_crops")}
    assert len(made) == 4
