"""Loading bases: by name, from weights and checkpoints of all kinds, or out of the user's own code."""

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError

import torch
from clipselect.zoo import hugging_face
from clipselect.zoo.base import Base, find_head
from clipselect.zoo.networks import NETWORKS, Architecture
from clipselect.zoo.torchvision_networks import torchvision_network
from torch import Tensor, nn

from clipselect.errors import ClipselectError, check_argument
from clipselect.scoring import shipped
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.user_code import run_code
from clipselect.scoring.weights_file import load_weights

T = TypeVar("T")


def load_base(
    model: str | Path | None = None,
    device: str = "auto",
    *,
    classes: tuple[str, ...] | None = None,
    size: int | None = None,
    frames: int | None = None,
) -> Base:
    """A base by name or file.

    Args:
        model: a name of `clipselect.scoring.shipped.BASES` (there is a default); weights that clipselect wrote;
            NETWORK:CHECKPOINT with a name of `clipselect.zoo.networks.NETWORKS`, or "torchvision:" and one of
            `torchvision.models.video`, and a file, or "pretrained" to download the weights that PyTorchVideo or
            torchvision publishes; hf:FOLDER or hf:ID, a model of transformers, see `Base.from_pretrained`; or
            FILE.py:NAME, your own code, which is run, and in it a `Base` or a function that makes one.
        classes: names of the outputs of a checkpoint, which does not know them; "0", "1", ... by default.
        size, frames: of the clips for NETWORK:CHECKPOINT, where not those that it was published for. Its geometry is
            scaled with the size; `Base.with_geometry` changes it. For hf: frames alone.

    Raises:
        ClipselectError: unknown model, weights that do not fit or cannot be read, no network for a download; classes,
            size or frames for a base that has its own.

    >>> base = load_base(device="cpu")  # the small one that is shipped
    >>> len(base.classes), base.clip_duration
    (22, 1.0)
    """
    network, _, checkpoint = str(model or "").partition(":")
    if network == "torchvision":
        name, _, checkpoint = checkpoint.partition(":")
        return _published(f"torchvision:{name}", torchvision_network(name), checkpoint, device, classes, size, frames)
    if network in NETWORKS:
        return _published(network, NETWORKS[network], checkpoint, device, classes, size, frames)
    if str(model).startswith("hf:"):
        if size is not None:
            raise ClipselectError(f"{model}: the processor beside the model decides the size; change it there")
        return hugging_face.from_pretrained(checkpoint, device, frames=frames, classes=classes)
    if (classes, size, frames) != (None, None, None):
        given = "classes, size and frames of a base can be given for NETWORK:CHECKPOINT only"
        raise ClipselectError(f"{model or shipped.DEFAULT_BASE}: {given}; leave them out")
    if network.endswith(".py") and checkpoint:
        base = from_code(Path(network), checkpoint, Base)
        code = code_fingerprint(Path(network), checkpoint)
        return replace(base, metadata={**base.metadata, "code": code}).to(device)
    path = shipped.weights_path(model or shipped.DEFAULT_BASE, shipped.BASES)
    tensors, metadata = load_weights(path, kind="base")
    try:
        net = NETWORKS[metadata.get("network", "narrow_r3d")].build(metadata["outputs"])
        net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        input_spec, names, name = InputSpec.from_metadata(metadata), tuple(metadata["classes"]), str(metadata["name"])
        seconds = float(metadata.get("clip_duration", 1.0))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        raise ClipselectError(f"{path}: its metadata and its tensors do not describe one base; train it again") from e
    return Base.from_module(net, input_spec, seconds, name=name, classes=names, metadata=metadata, device=device)


def read_classes(path: Path) -> tuple[str, ...]:
    """Names of a checkpoint's outputs in their order, one a line.

    Raises:
        ClipselectError: a file that cannot be read, or names that are not all different.
    """
    try:
        names = tuple(line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeError) as e:
        raise ClipselectError(f"{path}: cannot be read as UTF-8 text; write one class name a line") from e
    if len(names) < 2 or len(set(names)) < len(names):
        raise ClipselectError(
            f"{path}: must name at least two different classes, one a line, in the order of the outputs"
        )
    return names


def _published(
    network: str,
    architecture: Architecture,
    checkpoint: str,
    device: str,
    classes: tuple[str, ...] | None,
    size: int | None,
    frames: int | None,
) -> Base:
    if not checkpoint:
        raise ClipselectError(f"{network} needs weights: give {network}:CHECKPOINT, or {network}:pretrained")
    name = network.removeprefix("torchvision:")
    for argument, given, own in (("base_size", size, architecture.size), ("base_frames", frames, architecture.frames)):
        problem = f"must be {own} for {network}, got {given}; leave it out"
        check_argument(architecture.any_clip or given in (None, own), argument, problem)
    with torch.device("meta"):
        sketch = architecture.build(2)
    head = architecture.head or next(name for name, module in sketch.named_modules() if module is find_head(sketch))
    if checkpoint == "pretrained":
        state, classes = _download(network, architecture), classes or architecture.published_classes
    else:
        state = read_checkpoint(Path(checkpoint))
    weight = state.get(f"{head}.weight")
    if weight is None or not weight.ndim:
        raise ClipselectError(f"{checkpoint}: has no {head}.weight, so it is no checkpoint of {network}")
    net = architecture.build(len(weight))
    fit(net, state, checkpoint)
    side = size or architecture.size
    geometry = architecture.geometry.scaled(side / architecture.size)
    spec = InputSpec(side, side, architecture.mean, architecture.std, frames or architecture.frames, geometry)
    layers = {"head": head} if architecture.feature_layer is None else {"feature_layer": architecture.feature_layer}
    return Base.from_module(net, spec, architecture.seconds, name=name, **layers, classes=classes, device=device)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint: PyTorchVideo's, Lightning's or a plain one. Nothing but tensors is unpickled.

    Raises:
        ClipselectError: missing, not a checkpoint, or more than plain tensors in it.
    """
    if not path.is_file():
        raise ClipselectError(f"{path}: no such checkpoint; check the path")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # torchvision's scripts keep their arguments so
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # the unpickler raises whatever a file that is none leads it to
        raise ClipselectError(
            f"{path}: not a checkpoint of plain tensors; save the network's state_dict() and give that file"
        ) from e
    for key in ("model_state", "state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()) or not content:
        raise ClipselectError(f"{path}: holds no state dict; save the network's state_dict() and give that file")
    for prefix in ("module.", "model.", "net."):
        if all(name.startswith(prefix) for name in content):
            content = {name.removeprefix(prefix): tensor for name, tensor in content.items()}
    return dict(content)


def fit(net: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Load a state dict; a ClipselectError that names the keys if it does not fit."""
    own = net.state_dict()
    other = [
        f"{k} is {[*state[k].shape]}, not {[*own[k].shape]}"
        for k in own
        if k in state and state[k].shape != own[k].shape
    ]
    problems = [
        f"{what} {', '.join(keys[:3])}{f' and {len(keys) - 3} more' if len(keys) > 3 else ''}"
        for what, keys in (
            ("it lacks", [k for k in own if k not in state]),
            ("it has unknown", [k for k in state if k not in own]),
            ("other shapes:", other),
        )
        if keys
    ]
    if problems:
        raise ClipselectError(f"{source}: does not fit the network: {'; '.join(problems)}")
    net.load_state_dict(state)


def from_code(path: Path, name: str, kind: type[T]) -> T:
    """What is called `name` in a file of the user's code, which is run: a `kind` with metadata, or what makes one.

    Raises:
        ClipselectError: no such file or name, or the code fails, or makes something else.
    """
    made = run_code(
        path,
        name,
        lambda found: found if isinstance(found, kind) else found(),
        f"an instance of {kind.__name__}, or what makes one",
    )
    if not isinstance(made, kind):
        raise ClipselectError(
            f"{path}: {name} is no clipselect {kind.__name__}, nor makes one; see {kind.__name__}.from_module"
        )
    return made


def code_fingerprint(path: Path, name: str) -> str:
    """What a network out of the user's code is known by in caches: its weights alone do not decide what it does."""
    return f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _download(name: str, architecture: Architecture) -> Mapping[str, Tensor]:
    if architecture.published is None:
        raise ClipselectError(f"there are no published weights of {name}; give a checkpoint of your own")
    try:
        return architecture.published()
    except (URLError, OSError) as e:
        raise ClipselectError(f"the weights of {name} cannot be downloaded ({e}); give a checkpoint file") from e
