"""Weights on disk: what is read is what was written, or an error that names the file."""

import pickle
import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from clipselect.errors import ClipselectError
from clipselect.method.ddnet import DDNet, DDNetConfig
from clipselect.scoring.weights_file import METADATA_KEY, fingerprint, load_arrays, load_weights, save_weights

TENSORS = {
    "a": torch.tensor([[1.5, -2.0], [0.0, 1e-30]]),
    "b": torch.arange(9),
    "half": torch.ones(2, dtype=torch.float16),
    "bfloat16": torch.tensor([1.5, 2.0], dtype=torch.bfloat16),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "flag": torch.tensor([True, False]),
    "scalar": torch.tensor(7.0, dtype=torch.float64),
    "empty": torch.zeros(0, 4),
}
METADATA = {"kind": "ddnet", "mu": 1.25, "widths": [8, 16, 32, 48], "name": "ünï"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_weights(path, TENSORS, METADATA)
    return path


def test_a_file_of_others_is_refused_before_its_tensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"w": torch.ones(2, dtype=torch.bfloat16)}, path)
    with pytest.raises(ClipselectError, match="has no clipselect metadata"):
        load_arrays(path, "ddnet")


def fails(path: Path, reason: str, kind: str = "ddnet") -> None:
    with pytest.raises(ClipselectError, match=f"^{re.escape(str(path))}: .*{reason}"):
        load_weights(path, kind)


def test_tensors_and_metadata_come_back_as_they_were(saved: Path) -> None:
    tensors, metadata = load_weights(str(saved), "ddnet")
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert {k: v for k, v in metadata.items() if k != "sha256"} == METADATA
    assert metadata["sha256"] == fingerprint(TENSORS, METADATA)


def test_a_network_comes_back_with_the_same_scores(tmp_path: Path) -> None:
    config = DDNetConfig(dims=3, widths=(2, 2, 2, 2), depths=(1, 1, 1, 1))
    torch.manual_seed(0)
    net, other = DDNet(config).eval(), DDNet(config).eval()
    save_weights(tmp_path / "net", net.state_dict(), METADATA)
    other.load_state_dict(load_weights(tmp_path / "net", "ddnet")[0])
    x = torch.randn(2, 3, 4, 16, 16)
    assert torch.equal(net(x), other(x))


def test_saving_twice_writes_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    save_weights(again, TENSORS, dict(reversed(METADATA.items())))
    assert safetensors.torch.load(again.read_bytes()).keys() == TENSORS.keys()
    assert load_weights(again, "ddnet")[1] == load_weights(saved, "ddnet")[1]


def test_any_tampered_byte_of_the_values_does_not_match_the_hash(saved: Path) -> None:
    content = saved.read_bytes()
    values = 8 + int.from_bytes(content[:8], "little")  # safetensors: length of the header, header, values
    assert len(content) > values
    for i in range(values, len(content)):
        saved.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        fails(saved, "hash")
    saved.write_bytes(content)
    load_weights(saved, "ddnet")


def test_a_truncated_file_is_an_error_wherever_it_ends(saved: Path) -> None:
    content = saved.read_bytes()
    for size in range(0, len(content), 7):
        saved.write_bytes(content[:size])
        fails(saved, "safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    fails(tmp_path / "nowhere.safetensors", "no such weights file")
    fails(tmp_path, "no such weights file")  # a folder


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04" + b"x" * 50])
def test_another_format_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    fails(path, "not a safetensors file")


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("unpickled"),)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pt"
    for content in (pickle.dumps(Bomb()), b""):
        path.write_bytes(content)
        fails(path, "not a safetensors file")
    torch.save({"a": Bomb()}, path)
    fails(path, "not a safetensors file")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize(
    "header",
    [
        None,
        {},
        {"format": "pt"},
        {METADATA_KEY: "not json"},
        {METADATA_KEY: "[1]"},
        {METADATA_KEY: "null"},
        {METADATA_KEY: '{"kind": "ddnet"}'},
    ],
    ids=str,
)
def test_a_file_without_our_metadata_is_named(tmp_path: Path, header: dict[str, str] | None) -> None:
    path = tmp_path / "theirs.safetensors"
    safetensors.torch.save_file({"a": torch.ones(2)}, path, metadata=header)
    fails(path, "no clipselect metadata")


def test_weights_of_another_kind_are_named(saved: Path) -> None:
    fails(saved, "weights of kind ddnet; give a file of kind base", kind="base")


@pytest.mark.parametrize(
    "other",
    [
        {"w": torch.tensor([1.0, 2.0, 3.0, 5.0])},
        {"v": torch.tensor([1.0, 2.0, 3.0, 4.0])},
        {"w": torch.tensor([[1.0, 2.0], [3.0, 4.0]])},
        {"w": torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)},
        {"w": torch.tensor([1.0, 2.0, 3.0, 4.0]).view(torch.int32)},
        {"w": torch.tensor([1.0, 2.0, 3.0, 4.0]), "x": torch.zeros(0)},
        {},
    ],
    ids=["value", "name", "shape", "dtype", "bits", "more", "none"],
)
def test_a_fingerprint_tells_values_names_shapes_and_dtypes_apart(other: dict[str, Tensor]) -> None:
    assert fingerprint(other, {}) != fingerprint({"w": torch.tensor([1.0, 2.0, 3.0, 4.0])}, {})


def test_a_fingerprint_does_not_depend_on_the_order_of_names() -> None:
    assert fingerprint(dict(reversed(TENSORS.items())), {"kind": "base"}) == fingerprint(TENSORS, {"kind": "base"})


def test_tampered_metadata_does_not_match_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "w"
    save_weights(path, {"w": torch.ones(2)}, {"kind": "base", "mu": 1.5})
    path.write_bytes(path.read_bytes().replace(b"1.5", b"2.5"))
    fails(path, "hash", kind="base")
