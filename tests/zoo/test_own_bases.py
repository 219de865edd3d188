"""Bases of the user's own: any network, layer, callable or code that makes one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base
from helpers.base_fixtures import SMALL, Tiny, clips
from torch import Tensor, nn

from clipselect.errors import ClipselectError
from clipselect.scoring.multiply_adds import multiply_adds

__all__ = ["clips"]


def expected_outputs(net: Tiny, clips: np.ndarray) -> tuple[Tensor, Tensor]:
    """Features before the rectifier and probabilities, worked out beside `Base`."""
    with torch.inference_mode():
        mean = SMALL.normalise(clips).mean((2, 3, 4))
        return net.embed(mean), net(SMALL.normalise(clips)).softmax(1)


def test_the_feature_may_be_the_output_of_a_layer_of_that_name(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    net = Tiny()
    base = Base.from_module(net, SMALL, 1.0, feature_layer="embed", device="cpu")
    for found, expected in zip(base.outputs(clips), expected_outputs(net, clips), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)
    assert base.takes_output and base.head is None and base.classes == tuple("0123")


def test_the_output_of_a_layer_with_places_is_averaged_over_them(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(3, 6, 3, stride=2), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(6, 2))
    by_layer = Base.from_module(net, SMALL, 1.0, feature_layer="0", device="cpu").features(clips)
    assert torch.allclose(by_layer, Base.from_module(net, SMALL, 1.0, device="cpu").features(clips), atol=1e-5)


def test_a_network_of_2d_convolutions_is_a_base(clips: np.ndarray) -> None:
    class PerFrame(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            frames = self.conv(x.transpose(1, 2).flatten(0, 1)).mean((2, 3))
            return self.fc(frames.unflatten(0, (len(x), -1)).mean(1))

    assert Base.from_module(PerFrame(), SMALL, 1.0, device="cpu").features(clips).shape == (2, 4)


def test_a_wrong_feature_layer_lists_the_right_ones() -> None:
    with pytest.raises(ClipselectError, match=r"no feature layer 'neck': its layers are embed, fc$"):
        Base.from_module(Tiny(), SMALL, 1.0, feature_layer="neck", device="cpu")
    deep = nn.Sequential(*(nn.Linear(3, 3) for _ in range(40)))
    with pytest.raises(ClipselectError, match=r"its layers are 0, 1, 2, 3, 4, 5, \.\.\., 34, 35, 36, 37, 38, 39$"):
        Base.from_module(deep, SMALL, 1.0, feature_layer="neck", device="cpu")
    with pytest.raises(ClipselectError, match="its layers are none"):
        Base.from_module(nn.Identity(), SMALL, 1.0, feature_layer="neck", device="cpu")


def test_any_callable_that_gives_features_and_outputs_is_a_base(clips: np.ndarray) -> None:
    torch.manual_seed(0)
    net = Tiny()

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        features = net.embed(x.mean((2, 3, 4)))
        return features, net.fc(features.relu())

    base = Base.from_module(function, SMALL, 1.0, classes=("a", "b", "c"), device="cpu")
    features, probabilities = expected_outputs(net, clips)
    assert torch.allclose(base.features(clips), features, atol=1e-6)
    assert torch.allclose(base.probabilities(clips), probabilities[:, :3], atol=1e-6)
    assert base.head is None


def test_what_a_callable_costs_cannot_be_counted_and_is_no_error() -> None:
    def numbers(x: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.from_numpy(x.cpu().numpy().mean((2, 3, 4)))
        return mean, mean

    net = Tiny()
    for function in (numbers, lambda x: (x.mean((2, 3, 4)), net(x))):
        base = Base.from_module(function, SMALL, 1.0, device="cpu")
        assert multiply_adds(base.net, SMALL, base.device) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_outputs_that_are_not_numbers_are_refused(value: float, clips: np.ndarray) -> None:
    net = Tiny()
    base = Base.from_module(net, SMALL, 1.0, name="mine", device="cpu")
    nn.init.constant_(net.fc.bias, value)
    with pytest.raises(ClipselectError, match="base 'mine' gives outputs that are not numbers; check its weights"):
        base.outputs(clips)


def test_a_layer_that_sees_no_features_is_told_with_the_others() -> None:
    net = Tiny()
    net.unused = nn.Linear(2, 2)
    with pytest.raises(ClipselectError, match=r"its layer 'unused' sees no features .* of embed, fc, unused"):
        Base.from_module(net, SMALL, 1.0, device="cpu")


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 1)), "has a single output"),
        (nn.Sequential(nn.Flatten(3), nn.Linear(64 * 64, 2)), "must give one row of numbers per clip"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), r"base 'mine' fails on clips \(RuntimeError: .*\); fix it"),
        (lambda x: x.mean((2, 3, 4)), "base 'mine' fails on clips"),
    ],
)
def test_what_is_no_network_for_clips_is_told_at_once(net: nn.Module, says: str) -> None:
    with pytest.raises(ClipselectError, match=says):
        Base.from_module(net, SMALL, 1.0, name="mine", device="cpu")


def test_names_may_be_given_later_and_must_be_as_many_as_outputs() -> None:
    base = Base.from_module(Tiny(), SMALL, 1.0, name="mine", device="cpu")
    assert not base.has_names
    named = base.named(tuple("abcd"))
    assert named.has_names and named.classes == tuple("abcd") and named.sha256 == base.sha256
    with pytest.raises(ClipselectError, match="mine has 4 outputs and no names for them, but the data have 3 classes"):
        base.named(tuple("abc"))


def test_the_fingerprint_of_a_base_is_that_of_its_weights() -> None:
    torch.manual_seed(0)
    one, other = (Base.from_module(Tiny(), SMALL, 1.0, device="cpu") for _ in range(2))
    assert one.sha256 != other.sha256
    other.net.load_state_dict(one.net.state_dict())
    assert one.sha256 == Base.from_module(other.net, SMALL, 1.0, device="cpu").sha256


CODE = """
import torch
from clipselect import ClipselectError
from clipselect.scoring.input_spec import InputSpec
from clipselect.zoo.base import Base

INPUT_SPEC = InputSpec(64, 64, (0.45,) * 3, (0.225,) * 3, 4)

def make():
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
    return Base.from_module(net, INPUT_SPEC, 2.0, name="mine", classes=("x", "y"), device="cpu")

ready = make()
number = 3
no_base = dict
asks = lambda size: make()
fails = lambda: 1 / 0
refuses = lambda: Base.from_module(torch.nn.Identity(), INPUT_SPEC, 1.0, device="cpu")
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "my bases.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize("name", ["make", "ready"])
def test_a_base_may_come_out_of_the_users_own_code(name: str, code: Path, clips: np.ndarray) -> None:
    base = load_base(f"{code}:{name}", "cpu")
    assert base.name == "mine" and base.classes == ("x", "y") and base.clip_duration == 2
    assert base.probabilities(clips).shape == (2, 2)


@pytest.mark.parametrize("option", [{"classes": ("x", "y")}, {"size": 64}, {"frames": 4}])
def test_a_base_that_has_its_own_classes_and_size_takes_no_others(option: dict[str, Any], code: Path) -> None:
    for model in (None, "r3d-actions", f"{code}:ready"):
        with pytest.raises(ClipselectError, match=r"classes, size and frames .* NETWORK:CHECKPOINT only"):
            load_base(model, "cpu", **option)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent", r"my bases\.py: absent cannot be loaded \(AttributeError: .*\); fix the code"),
        ("number", r"my bases\.py: number cannot be loaded \(TypeError: .*\); fix the code"),
        ("asks", r"my bases\.py: asks cannot be loaded \(TypeError: .*'size'\); fix the code"),
        ("fails", r"my bases\.py: fails cannot be loaded \(ZeroDivisionError: division by zero\); fix the code"),
        ("no_base", r"my bases\.py: no_base is no clipselect Base, nor makes one; see Base\.from_module"),
        ("refuses", "no head was found: it has no linear layer"),
    ],
)
def test_what_is_wrong_with_the_users_code_is_said_in_a_sentence(name: str, says: str, code: Path) -> None:
    with pytest.raises(ClipselectError, match=says):
        load_base(f"{code}:{name}", "cpu")


@pytest.mark.parametrize(
    ("content", "error"), [("import nothing_there", "ModuleNotFoundError"), ("def (", "SyntaxError"), ("\0", "")]
)
def test_code_that_does_not_run_is_named(content: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(content)
    with pytest.raises(ClipselectError, match=rf"broken\.py: base cannot be loaded \({error}"):
        load_base(f"{path}:base", "cpu")
    with pytest.raises(ClipselectError, match=r"nowhere\.py: no such file; give FILE\.py:NAME"):
        load_base(f"{tmp_path / 'nowhere.py'}:base", "cpu")
