"""Bases: trained networks with what it takes to run them on clips and to see their features."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect import zoo
from clipselect.checkpoint import Metadata, load_weights
from clipselect.errors import ClipselectError
from clipselect.scorer import Geometry, pick_device
from clipselect.zoo.narrow_r3d import NarrowR3D
from clipselect.zoo.networks import NETWORKS

MEAN, STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
"""What PyTorchVideo's weights were trained with."""


@dataclass(frozen=True)
class Base:
    """A trained network with what it needs. `Base.of` makes one of any network.

    Attributes:
        net: normalised clips [n, 3, T, size, size] -> logits or probabilities [n, outputs].
        head: its last linear layer, whose input is the feature.
        classes: names of the first outputs; a further output, such as "background", is left out of the probabilities.
        clip_duration: seconds per clip it was trained on.
        metadata: what its weights file says.
    """

    name: str
    net: nn.Module
    head: nn.Linear
    geometry: Geometry
    classes: tuple[str, ...]
    clip_duration: float
    metadata: Metadata
    device: torch.device

    @classmethod
    def of(
        cls,
        net: nn.Module,
        geometry: Geometry,
        clip_duration: float,
        *,
        name: str = "base",
        head: str | None = None,
        classes: tuple[str, ...] | None = None,
        metadata: Metadata | None = None,
        device: str = "auto",
    ) -> "Base":
        """A base out of any trained network.

        Args:
            head: name of its last linear layer, as in `net.named_modules()`; the last one of all by default.
            classes: names of its outputs; "0", "1", ... by default.

        Raises:
            ClipselectError: no such layer, more classes than outputs, absent device.
        """
        where = pick_device(device)
        layer = find_head(net, head)
        names = tuple(map(str, range(layer.out_features))) if classes is None else tuple(classes)
        if len(names) > layer.out_features:
            raise ClipselectError(f"{name} has {layer.out_features} outputs, but {len(names)} classes are named")
        net = net.eval().to(where).to(memory_format=torch.channels_last_3d)
        return cls(name, net, layer, geometry, names, clip_duration, metadata or {}, where)

    @torch.inference_mode()
    def outputs(self, clips: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Features [n, d] and probabilities [n, classes] of clips [n, T, size, size, 3] uint8 RGB, on the CPU.

        Where the head sees several places of a clip, the feature is their mean. Outputs that are no probabilities yet
        go through a softmax, over further outputs too, so that the rows of a base with those sum to less than 1.
        """
        seen: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            rows = self.net(self.geometry.normalise(clips, self.device)).float()
        finally:
            hook.remove()
        if not bool(rows.isfinite().all()):
            raise ClipselectError(f"base {self.name!r} gives outputs that are not numbers; check its weights")
        features = seen[0].float()
        features = features.flatten(1, -2).mean(1) if features.ndim > 2 else features
        done = bool((rows >= 0).all()) and bool(((rows.sum(1) - 1).abs() < 1e-3).all())
        probabilities = rows if done else rows.softmax(1)
        return features.cpu(), probabilities[:, : len(self.classes)].cpu()

    def features(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, d]; see `outputs`."""
        return self.outputs(clips)[0]

    def probabilities(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, classes]; see `outputs`."""
        return self.outputs(clips)[1]


def find_head(net: nn.Module, name: str | None = None) -> nn.Linear:
    """The linear layer of that name, or the last one; a ClipselectError with all names if there is none."""
    layers = {n: module for n, module in net.named_modules() if isinstance(module, nn.Linear)}
    if name in layers:
        return layers[name]
    if name is None and layers:
        return [*layers.values()][-1]
    known = f"its linear layers are {', '.join(layers)}" if layers else "it has no linear layer"
    raise ClipselectError(f"the network has no head {name!r}: {known}" if name else f"no head was found: {known}")


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
        model: a name of `clipselect.zoo.BASES` (there is a default), weights that clipselect wrote, or
            NETWORK:CHECKPOINT with a name of `clipselect.zoo.networks.NETWORKS` and a file, or "pretrained" to download
            the weights that PyTorchVideo publishes.
        classes: names of the outputs of a checkpoint, which does not know them; "0", "1", ... by default.
        size, frames: of the clips for NETWORK:CHECKPOINT, where not those that it was published for.

    Raises:
        ClipselectError: unknown model, weights that do not fit or cannot be read, no network for a download.
    """
    network, _, checkpoint = str(model or "").partition(":")
    if network in NETWORKS:
        if not checkpoint:
            raise ClipselectError(f"{network} needs weights: give {network}:CHECKPOINT, or {network}:pretrained")
        return _published(network, checkpoint, device, classes, size, frames)
    path = zoo.weights_path(model or zoo.DEFAULT_BASE, zoo.BASES)
    tensors, metadata = load_weights(path, kind="base")
    try:
        net = NarrowR3D(metadata["outputs"], tuple(metadata["config"]["widths"]))
        net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        geometry, names, name = Geometry.of(metadata), tuple(metadata["classes"]), str(metadata["name"])
        seconds = float(metadata.get("clip_duration", 1.0))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        raise ClipselectError(f"{path}: its metadata and its tensors do not describe one base; train it again") from e
    return Base.of(net, geometry, seconds, name=name, classes=names, metadata=metadata, device=device)


def _published(
    network: str,
    checkpoint: str,
    device: str,
    classes: tuple[str, ...] | None,
    size: int | None,
    frames: int | None,
) -> Base:
    architecture = NETWORKS[network]
    with torch.device("meta"):
        sketch = architecture.build(2)
    head = next(name for name, module in sketch.named_modules() if module is find_head(sketch))
    state = _download(network) if checkpoint == "pretrained" else read_checkpoint(Path(checkpoint))
    weight = state.get(f"{head}.weight")
    if weight is None:
        raise ClipselectError(f"{checkpoint}: has no {head}.weight, so it is no checkpoint of {network}")
    net = architecture.build(len(weight))
    fit(net, state, checkpoint)
    geometry = Geometry(size or architecture.size, frames or architecture.frames, MEAN, STD)
    return Base.of(net, geometry, architecture.seconds, name=network, head=head, classes=classes, device=device)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint: PyTorchVideo's, Lightning's or a plain one. Nothing but tensors is unpickled.

    Raises:
        ClipselectError: missing, not a checkpoint, or more than plain tensors in it.
    """
    if not path.is_file():
        raise ClipselectError(f"{path}: no such checkpoint; check the path")
    try:
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


def _download(network: str) -> dict[str, Tensor]:
    from pytorchvideo.models import hub

    name = NETWORKS[network].hub
    if name is None:
        raise ClipselectError(f"there are no published weights of {network}; give a checkpoint of your own")
    try:
        weights: dict[str, Tensor] = getattr(hub, name)(pretrained=True).state_dict()
    except (URLError, OSError) as e:
        raise ClipselectError(f"the weights of {network} cannot be downloaded ({e}); give a checkpoint file") from e
    return weights
