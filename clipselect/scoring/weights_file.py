"""Weights on disk: safetensors whose header carries what is needed to use them. Nothing is ever unpickled."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.files import whole_file

if TYPE_CHECKING:
    from torch import Tensor

Metadata = dict[str, Any]

METADATA_KEY = "clipselect"
"""Of the safetensors header, under which our metadata lie as JSON."""


def fingerprint(tensors: "Mapping[str, Tensor | NDArray[Any]]", metadata: Metadata) -> str:
    """SHA-256 in hexadecimal of the metadata (without `sha256`) and all tensors: names, dtypes, shapes, values.

    NumPy's arrays have the fingerprint of PyTorch's tensors.
    """
    described = {key: value for key, value in metadata.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        dtype = f"torch.{tensor.dtype}" if isinstance(tensor, np.ndarray) else tensor.dtype
        digest.update(f"{name} {dtype} {[*tensor.shape]}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: "Tensor | NDArray[Any]") -> bytes:
    if isinstance(tensor, np.ndarray):
        return tensor.tobytes()
    import torch

    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def save_weights(path: Path | str, tensors: "dict[str, Tensor]", metadata: Metadata) -> None:
    """Write tensors and metadata that JSON can hold, whole or not at all; the fingerprint is added as `sha256`.

    >>> import torch
    >>> save_weights("net.safetensors", {"w": torch.ones(2)}, {"kind": "base"})
    >>> tensors, metadata = load_weights("net.safetensors", kind="base")
    >>> tensors["w"].tolist(), metadata["kind"], len(metadata["sha256"])
    ([1.0, 1.0], 'base', 64)
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({**metadata, "sha256": fingerprint(tensors, metadata)}, sort_keys=True)
    with whole_file(Path(path)) as part:
        part.write_bytes(save(tensors, metadata={METADATA_KEY: text}))


def weights_kind(path: Path) -> str | None:
    """The kind of weights in a file that `save_weights` wrote, from its header alone; None for any other file."""
    kind = weights_metadata(path).get("kind")
    return None if kind is None else str(kind)


def weights_metadata(path: Path) -> Metadata:
    """The metadata of a file that `save_weights` wrote, from its header alone; empty for any other file."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {})[METADATA_KEY])
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def load_weights(path: Path | str, kind: str) -> "tuple[dict[str, Tensor], Metadata]":
    """Tensors and metadata of a file that `save_weights` wrote.

    Args:
        kind: what the file must hold: "ddnet", "base" or "embedder".

    Raises:
        ClipselectError: missing file, another format, no metadata, another kind, or tensors that do not match the
            fingerprint.
    """
    return _load(Path(path), kind, "pt")


def load_arrays(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], Metadata]:
    """The same as NumPy's arrays, without PyTorch, which takes a second or two to import."""
    return _load(Path(path), kind, "numpy")


def _load(path: Path, kind: str, framework: str) -> tuple[dict[str, Any], Metadata]:
    if not path.is_file():
        raise ClipselectError(f"{path}: no such weights file; check the path")
    try:
        with safetensors.safe_open(path, framework=framework) as file:
            metadata = _checked(file.metadata() or {}, path, kind)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (safetensors.SafetensorError, OSError, TypeError) as e:  # TypeError: a number format that NumPy lacks
        raise ClipselectError(f"{path}: not a safetensors file ({e}); give weights that clipselect wrote") from e
    if fingerprint(tensors, metadata) != metadata["sha256"]:
        raise ClipselectError(f"{path}: the weights do not match their hash; the file is damaged, fetch it again")
    return tensors, metadata


def _checked(header: dict[str, str], path: Path, kind: str) -> Metadata:
    """The metadata in a header, if they are ours and of that kind."""
    try:
        metadata: Metadata = json.loads(header[METADATA_KEY])
        _, found_kind = metadata["sha256"], metadata["kind"]
    except (KeyError, TypeError, ValueError) as e:
        raise ClipselectError(f"{path}: has no clipselect metadata; give weights that clipselect wrote") from e
    if found_kind != kind:
        raise ClipselectError(f"{path}: holds weights of kind {found_kind}; give a file of kind {kind}")
    return metadata
