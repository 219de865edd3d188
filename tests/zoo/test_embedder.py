"""Embedders out of any network, of ONNX files and of the user's own code; what fails is said in one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.embedder import BATCH, Embedder
from clipselect.zoo.embedder_loading import load_embedder, load_onnx_embedder
from helpers.frame_fixtures import EMBEDDER, HALF, SMALL, blocks, noise
from helpers.onnx_files import by_hand, network, save
from torch import Tensor, nn

from clipselect.errors import ClipselectError, NetworkError
from clipselect.scoring.input_spec import InputSpec


def refused(model: object, *says: str, **how: Any) -> None:
    """One sentence that holds the words."""
    with pytest.raises(ClipselectError) as caught:
        load_embedder(str(model), "cpu", **how)
    assert "\n" not in str(caught.value)
    for text in says:
        assert text in str(caught.value)


# --- any network -----------------------------------------------------------------------------------------------------


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head, self.drop = nn.Conv2d(3, 5, 3, stride=2, bias=False), nn.Linear(5, 4), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.head(self.conv(x).mean((2, 3))))


def test_a_network_becomes_an_embedder_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    net = Linear().train()
    made = Embedder.from_module(net, SMALL, name="linear", device="cpu")
    assert (made.dim, made.name, made.device.type) == (4, "linear", "cpu") and not net.training
    assert made.gflops == pytest.approx((5 * 7 * 7 * 27 + 5 * 4) / 1e9)
    images = [noise(16, 16, seed) for seed in range(5)]
    x = (torch.from_numpy(np.stack(images)).float() / 255 - 0.5) / 0.5
    with torch.no_grad():
        expected = net(x.permute(0, 3, 1, 2)).numpy()
    found = made.embed(images)
    assert found.dtype == np.float32 and found == pytest.approx(expected, abs=1e-5)


def test_images_of_any_size_and_number_are_squashed_and_batched() -> None:
    made, net = blocks()
    images = [noise(3 + i, 40 - i % 30, i) for i in range(BATCH + 5)]
    found = made.embed(iter(images))
    assert found.shape == (BATCH + 5, 48) and net.batches == 2
    assert np.allclose(found, made.embed([SMALL.squash(image) for image in images]))
    assert made.embed([]).shape == (0, 48)


def test_a_callable_will_do() -> None:
    made = Embedder.from_module(lambda x: x.mean((2, 3)), SMALL, name="mean", device="cpu")
    assert made.dim == 3 and made.gflops is None
    white = np.full((5, 9, 3), 255, np.uint8)
    assert made.embed([white]).tolist() == [[1, 1, 1]]
    assert Embedder.from_module(lambda x: x.mean((2, 3)), SMALL, gflops=2.5, device="cpu").gflops == 2.5


def test_an_embedder_is_known_by_name_weights_and_geometry() -> None:
    def made(seed: int = 0, **more: Any) -> dict[str, Any]:
        torch.manual_seed(seed)
        return Embedder.from_module(Linear(), **{"input_spec": SMALL, "device": "cpu", **more}).identity

    same = made()
    assert made() == same
    wide = InputSpec(16, 32, HALF, HALF)
    for other in (made(1), made(name="b"), made(input_spec=wide), made(metadata={"sha256": "x"})):
        assert other != same
    one, two = (Embedder.from_module(lambda x: x.mean((2, 3)), SMALL, name=name, device="cpu") for name in "ab")
    assert one.sha256 != two.sha256


def failing(_: Tensor) -> Tensor:
    raise ValueError("a sentence\nand a stack of details")


WRONG: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "raises": (failing, r"base 'b' fails on images \(ValueError: a sentence\); fix it$"),
    "raises without a word": (lambda x: {}["a"], "fails on images"),
    "dictionary": (lambda x: {"feature": x.flatten(1)}, "one row of numbers per image"),
    "array": (lambda x: x.flatten(1).numpy(), "one row of numbers per image"),
    "maps": (lambda x: x, "one row of numbers per image"),
    "one for all": (lambda x: x.flatten(1).mean(0, keepdim=True), "one row of numbers per image"),
    "a number each": (lambda x: x.mean((1, 2, 3)), "one row of numbers per image"),
    "empty": (lambda x: x.flatten(1)[:, :0], "one row of numbers per image"),
    "NaN": (lambda x: x.flatten(1) * float("nan"), "not numbers"),
    "infinite": (lambda x: x.flatten(1) * float("inf"), "not numbers"),
    "too large": (lambda x: x.flatten(1).double() * 1e300, "not numbers"),
}


@pytest.mark.parametrize("as_module", [False, True])
@pytest.mark.parametrize("kind", WRONG)
def test_a_network_that_gives_something_else_is_named(kind: str, as_module: bool) -> None:
    function, says = WRONG[kind]

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return function(x)

    with pytest.raises(NetworkError, match=says):
        Embedder.from_module(Net() if as_module else function, SMALL, name="b", device="cpu")


def test_a_network_that_fails_later_is_named() -> None:
    made = Embedder.from_module(lambda x: x.flatten(1).log() * 0 if x.min() > -1 else x.flatten(1), SMALL, device="cpu")
    with pytest.raises(NetworkError, match="not numbers"):
        made.embed([np.full((4, 4, 3), 100, np.uint8)])


def test_absent_devices_are_named() -> None:
    with pytest.raises(ClipselectError, match="cuda:99"):
        Embedder.from_module(lambda x: x.flatten(1), SMALL, device="cuda:99")


# --- the user's own code ---------------------------------------------------------------------------------------------


def test_code_makes_an_embedder_and_is_part_of_what_it_is_known_by(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text(EMBEDDER + "\nready = base()\n")
    made, ready = (load_embedder(f"{code}:{name}", "cpu") for name in ("base", "ready"))
    assert made.name == "blocks" and made.dim == ready.dim == 48
    assert np.array_equal(made.embed([noise()]), blocks()[0].embed([noise()]))
    assert load_embedder(f"{code}:base", "cpu").identity == made.identity != ready.identity
    code.write_text(EMBEDDER.replace("avg_pool2d", "max_pool2d"))
    assert load_embedder(f"{code}:base", "cpu").identity != made.identity


def test_code_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_embedder.py").write_text(EMBEDDER)
    (tmp_path / "mine.py").write_text("from beside_embedder import base\n")
    before = [*sys.path]
    assert load_embedder(f"{tmp_path / 'mine.py'}:base").dim == 48 and sys.path == before


def test_code_that_will_not_do_is_named(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    refused(f"{code}:base", f"{code}: no such file", "FILE.py:NAME")
    code.write_text("number = 3\ndef wrong(): return 3\ndef fails(): raise KeyError('x')\n")
    for name, says in (("none", "AttributeError"), ("number", "TypeError"), ("fails", "KeyError")):
        refused(f"{code}:{name}", str(code), name, says, "fix the code")
    refused(f"{code}:wrong", "no clipselect Embedder")
    code.write_text("import no_such_module_anywhere\n")
    refused(f"{code}:base", "ModuleNotFoundError")
    code.write_text(EMBEDDER)
    refused(f"{code}:base", str(code), "half", normalisation="half")
    refused(f"{code}:base", "imagenet, half", normalisation="other")


@pytest.mark.parametrize("model", ["", "resnet", "mine.py", "a:b", "weights.safetensors", ":", "C:\\base.pt"])
def test_what_is_no_embedder_is_refused(model: str) -> None:
    refused(model, repr(model)[1:-1] if model else "unknown base", "FILE.py:NAME")


# --- ONNX ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", ["n", None, 1, 4, 50])
def test_an_onnx_file_gives_its_features_whatever_its_batch(tmp_path: Path, batch: int | str | None) -> None:
    made = load_embedder(save(tmp_path / "net.onnx", network(batch)), normalisation="half")
    assert (made.name, made.dim, made.device.type) == ("net", 5, "cpu")
    assert made.input_spec == InputSpec(16, 24, HALF, HALF)
    images = [noise(16, 24, seed) for seed in range(BATCH + 3)]
    found = made.embed(images)
    assert found.shape == (BATCH + 3, 5) and found == pytest.approx(by_hand(images), abs=1e-4)
    assert made.embed(images[:1])[0] == pytest.approx(found[0], abs=1e-5)


def test_imagenet_is_the_normalisation_of_onnx_by_default(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", network("n"))
    assert load_embedder(path).input_spec.mean == (0.485, 0.456, 0.406)
    refused(path, "normalisation must be one of imagenet, half, unit, bytes, got other", normalisation="other")


def test_multiply_adds_of_onnx_are_not_counted_but_may_be_given(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", network("n"))
    assert load_onnx_embedder(path).gflops is None and load_onnx_embedder(path, gflops=7.0).gflops == 7.0


def test_an_onnx_file_is_known_by_its_content(tmp_path: Path) -> None:
    one, same, other = (
        load_embedder(save(tmp_path / folder / "net.onnx", network("n", seed=seed))).identity
        for folder, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one == same != other


@pytest.mark.parametrize(
    "shape", [["n", 3, 16], ["n", 1, 16, 24], ["n", 3, "height", 24], ["n", 3, None, None], ["n", 16, 24, 3]]
)
def test_an_onnx_input_of_another_shape_is_refused(tmp_path: Path, shape: list[int | str | None]) -> None:
    path = save(tmp_path / "net.onnx", network("n", "none", shape=shape))
    refused(path, str(path), "must take one input [n, 3, height, width] of floats of a fixed size, not [")


@pytest.mark.parametrize("inputs", [0, 2])
def test_an_onnx_file_with_no_input_or_two_is_refused(tmp_path: Path, inputs: int) -> None:
    path = save(tmp_path / "net.onnx", network("n", "none", inputs=inputs))
    refused(path, str(path), "must take one input")


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.onnx"
    refused(path, f"{path}: cannot be read (No such file or directory); check the path")
    path.mkdir()
    refused(path, "Is a directory")
    path.rmdir()
    for content in (b"", b"no network", save(tmp_path / "whole.onnx", network("n")).read_bytes()[:-40]):
        path.write_bytes(content)
        refused(path, f"{path}: not an ONNX network that onnxruntime can run; export it again")
    assert capfd.readouterr() == ("", "")


def test_onnx_outputs_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", network("n", weight=float("nan")))
    refused(path, "base 'net' gives features that are not numbers; check its weights")


def test_without_onnxruntime_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = save(tmp_path / "net.onnx", network("n"))
    refused(path, f"{path} needs onnxruntime; install it by: pip install 'clipselect[onnx]'")
