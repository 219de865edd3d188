"""Bases: trained networks with what it takes to run them on clips and to see their features."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clipselect.zoo.trained_network import TrainedNetwork
from numpy.typing import NDArray
from torch import Tensor, nn

from clipselect.errors import ClipselectError, NetworkError, check_argument
from clipselect.media.geometry import Geometry
from clipselect.scoring.device import pick_device
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.weights_file import Metadata, fingerprint

MEAN, STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
"""What PyTorchVideo's weights were trained with."""
PRECISIONS = ("32", "bf16")
NAMED_AT_MOST = 12
MAX_INPUT_BYTES = 10_000_000
"""Of the floats that a base is given at a time on a CPU: eight clips of 8 x 112 x 112, two of 8 x 224 x 224, one of
32 x 256 x 256. More do not fit its caches: in eights a clip took SlowFast-R50 3.9 s of one core instead of 3.4 s, and
Slow-R50 1.7 instead of 1.3 s. The times of the first batches do not decide it: outputs would differ in their last bits
from run to run, and a distillation that was interrupted from one that was not."""


@dataclass(frozen=True, kw_only=True)
class Base(TrainedNetwork):
    """A trained network that classifies clips. `Base.from_module` makes one of any network.

    Attributes:
        net: normalised clips [n, 3, T, size, size] -> logits or probabilities [n, outputs].
        layer: whose input, or output if `takes_output`, is the feature.
        head: the linear layer whose outputs are those of the network, if it is known.
        classes: names of the first outputs; a further output, such as "background", is left out of the probabilities.
        clip_duration: seconds per clip it was trained on.
        gives_probabilities: whether outputs of the network are that already, and not logits.
        precision: "32", or "bf16" for all but the head.
    """

    net: nn.Module
    layer: nn.Module
    takes_output: bool
    head: nn.Linear | None
    classes: tuple[str, ...]
    clip_duration: float
    gives_probabilities: bool = False
    precision: str = "32"

    @classmethod
    def from_module(
        cls,
        net: nn.Module | Callable[[Tensor], tuple[Tensor, Tensor]],
        input_spec: InputSpec,
        clip_duration: float,
        *,
        name: str = "base",
        head: str | None = None,
        feature_layer: str | None = None,
        classes: tuple[str, ...] | None = None,
        metadata: Metadata | None = None,
        device: str = "auto",
    ) -> "Base":
        """A base out of any trained network.

        Args:
            net: a network that gives logits or probabilities [n, outputs] for normalised clips [n, 3, T, size, size],
                or any callable that gives features [n, d] and those.
            head: name of its last linear layer, as in `net.named_modules()`; the last one of all by default.
            feature_layer: name of the layer whose output is the feature; by default it is the head's input.
            classes: names of its outputs; "0", "1", ... by default.

        Raises:
            ClipselectError: no such layer, more classes than outputs, absent device.
        """
        where = pick_device(device)
        if not isinstance(net, nn.Module):
            net, feature_layer = _Function(net), "features"
        net = _channels_last(net.eval().to(where))
        linear = find_head(net, head) if feature_layer is None or head else None
        layer = linear if feature_layer is None else _find_layer(net, feature_layer)
        assert layer is not None
        made = cls(
            name=name, net=net, layer=layer, takes_output=feature_layer is not None, head=linear, input_spec=input_spec,
            classes=classes or (), clip_duration=clip_duration, metadata=metadata or {}, device=where,
        )  # fmt: skip
        rows = made._run(input_spec.blank())[1]  # to see that it works, too
        outputs = rows.shape[1]
        done = bool((rows >= 0).all()) and bool(((rows.sum(1) - 1).abs() < 1e-3).all())
        names = tuple(map(str, range(outputs))) if classes is None else tuple(classes)
        if outputs < 2:
            raise ClipselectError(f"{name} has a single output; a base needs at least two classes")
        if len(names) > outputs:
            raise ClipselectError(f"{name} has {outputs} outputs, but {len(names)} classes are named")
        linear = linear if linear and linear.out_features == outputs else None
        return replace(made, classes=names, head=linear, gives_probabilities=done)

    @classmethod
    def from_pretrained(cls, model: str | Path, device: str = "auto", **options: Any) -> "Base":
        """A VideoMAE, TimeSformer, ViViT or V-JEPA 2 classifier of transformers; see `clipselect.zoo.hugging_face`.

        Args:
            model: a folder that `save_pretrained` of model and processor wrote, or a model's ID on huggingface.co.
            options: frames, clip_duration and classes, where they differ from the defaults.
        """
        from clipselect.zoo.hugging_face import from_pretrained  # which imports this module

        return from_pretrained(model, device, **options)

    @property
    def has_names(self) -> bool:
        """Whether its classes have names, rather than numbers in their place."""
        return self.classes != tuple(map(str, range(len(self.classes))))

    def named(self, classes: tuple[str, ...]) -> "Base":
        """The same with names for its outputs.

        Raises:
            ClipselectError: another number of classes than outputs.
        """
        if len(classes) != len(self.classes):
            raise ClipselectError(
                f"{self.name} has {len(self.classes)} outputs and no names for them, but the data have {len(classes)} "
                "classes; give the data that it was trained on"
            )
        return replace(self, classes=classes)

    @property
    def head_rows(self) -> Tensor | None:
        """[outputs, d] float64 on the CPU: the rows of the head, which can stand for the centroids of the classes; None
        where no such head is known, or features do not enter it."""
        return None if self.head is None or self.takes_output else self.head.weight.detach().double().cpu()

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of its weights."""
        return str(self.metadata.get("sha256") or fingerprint(self.net.state_dict(), {}))

    @property
    def identity(self) -> dict[str, Any]:
        """See `TrainedNetwork`; `code` is the fingerprint of the file that a base of FILE.py comes from, or of the
        settings of a network of transformers."""
        layer = next(name for name, module in self.net.named_modules() if module is self.layer)
        of_classes = {"layer": [layer, self.takes_output], "classes": list(self.classes)}
        about = super().identity | of_classes | {"code": self.metadata.get("code")}
        return about if self.precision == "32" else about | {"precision": self.precision}

    def to(self, device: str) -> "Base":
        """The same on another device; "auto" leaves it where it is."""
        if device == "auto":
            return self
        where = pick_device(device)
        return replace(self, net=self.net.to(where), device=where)

    def with_geometry(self, geometry: str | Geometry | None) -> "Base":
        """The same seeing frames another way, as a `Geometry` or its text; None for its own.

        Raises:
            ArgumentError: no such geometry, or one that is smaller than the network's input.
        """
        if geometry is None:
            return self
        spec = self.input_spec
        return replace(self, input_spec=replace(spec, geometry=Geometry.parse(geometry, spec.size)))

    def with_precision(self, precision: str | None) -> "Base":
        """The same computing in "32" (float32) or "bf16"; None for its own.

        In bf16 weights stay float32, and the head computes in it: bfloat16 has three digits, too few for logits.

        Raises:
            ArgumentError: no such precision.
        """
        if precision is None:
            return self
        problem = f"must be one of {', '.join(PRECISIONS)}, got {precision}"
        check_argument(precision in PRECISIONS, "base_precision", problem)
        return replace(self, precision=precision)

    def outputs(self, clips: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Features [n, d] and probabilities [n, classes] of clips [n, T, size, size, 3] uint8 RGB, on the CPU.

        Clips of several crops are [n, T, crops, size, size, 3]; both outputs are the means over the crops. Where there
        is a feature for several places of a clip, the feature is their mean, too. Outputs that are no
        probabilities yet go through a softmax, over further outputs too, so that the rows of a base with those sum to
        less than 1.

        Raises:
            NetworkError: the network fails, or gives something else.
        """
        crops = clips.shape[2] if clips.ndim == 6 else 1
        views = clips.swapaxes(1, 2).reshape(-1, clips.shape[1], *clips.shape[3:]) if crops > 1 else clips
        clip_bytes = 4 * math.prod(views.shape[1:])
        step = max(MAX_INPUT_BYTES // clip_bytes if self.device.type == "cpu" else len(views), 1)
        parts = [self._run(views[i : i + step]) for i in range(0, max(len(views), 1), step)]
        features, rows = (torch.cat(part) for part in zip(*parts, strict=True))
        if not bool(rows.isfinite().all()) or not bool(features.isfinite().all()):
            raise NetworkError(f"base {self.name!r} gives outputs that are not numbers; check its weights")
        probabilities = rows if self.gives_probabilities else rows.softmax(1)
        of_clips = (x.cpu().unflatten(0, (-1, crops)).mean(1) for x in (features, probabilities))
        features, probabilities = of_clips
        return features, probabilities[:, : len(self.classes)]

    @torch.inference_mode()
    def _run(self, clips: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []
        low = self.precision == "bf16"
        hooks = [self.head.register_forward_hook(_in_float32)] if low and self.head is not None else []
        hooks.append(
            self.layer.register_forward_hook(
                lambda _, inputs, output: seen.append(output if self.takes_output else inputs[0])
            )
        )
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=low):  # the caller's would change outputs
                rows = self.rows(self.net, clips)
        finally:
            for hook in hooks:
                hook.remove()
        if not seen or not isinstance(seen[0], Tensor) or len(seen[0]) != len(clips) or seen[0].ndim < 2:
            name = next(n for n, layer in self.net.named_modules() if layer is self.layer)
            raise NetworkError(
                f"base {self.name!r}: its layer {name!r} sees no features [n, d, ...] of the clips; name another one "
                f"as head or feature_layer, of {_listed([n for n, _ in self.net.named_modules() if n])}"
            )
        features = seen[0].float()
        if self.takes_output and features.ndim > 2:  # [n, d, ...] as convolutions give it
            features = features.flatten(2).mean(2)
        elif features.ndim > 2:  # [n, ..., d] as linear layers take it
            features = features.flatten(1, -2).mean(1)
        return features, rows

    def features(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, d]; see `outputs`."""
        return self.outputs(clips)[0]

    def probabilities(self, clips: NDArray[np.uint8]) -> Tensor:
        """[n, classes]; see `outputs`."""
        return self.outputs(clips)[1]


def background_probability(probabilities: Tensor) -> Tensor:
    """[...]: what probabilities [..., classes] of `Base.outputs` leave to further outputs; about 0 without such."""
    return 1 - probabilities.sum(dim=-1)


def _in_float32(head: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
    """The output of a linear layer, computed again without autocast."""
    assert isinstance(head, nn.Linear)
    with torch.autocast(inputs[0].device.type, enabled=False):
        return nn.functional.linear(inputs[0].float(), head.weight, head.bias)


def _channels_last(net: nn.Module) -> nn.Module:
    """3D convolutions are faster so; `nn.Module.to` would refuse a network that has 2D convolutions, too."""
    for parameter in net.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.to(memory_format=torch.channels_last_3d)
    return net


class _Function(nn.Module):
    """A callable that gives features and outputs, as a network whose layer `features` can be looked at."""

    def __init__(self, function: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.function = function
        self.features = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        features, outputs = self.function(x)
        self.features(features)
        return outputs


def find_head(net: nn.Module, name: str | None = None) -> nn.Linear:
    """The linear layer of that name, or the last one; a ClipselectError with all names if there is none."""
    layers = {n: module for n, module in net.named_modules() if isinstance(module, nn.Linear)}
    if name in layers:
        return layers[name]
    if name is None and layers:
        return [*layers.values()][-1]
    known = f"its linear layers are {', '.join(layers)}" if layers else "it has no linear layer"
    raise ClipselectError(f"the network has no head {name!r}: {known}" if name else f"no head was found: {known}")


def _find_layer(net: nn.Module, name: str) -> nn.Module:
    layers = dict(net.named_modules())
    if name in layers:
        return layers[name]
    raise ClipselectError(
        f"the network has no feature layer {name!r}: its layers are {_listed([n for n in layers if n])}"
    )


def _listed(names: list[str]) -> str:
    half = NAMED_AT_MOST // 2
    return ", ".join(names if len(names) <= NAMED_AT_MOST else [*names[:half], "...", *names[-half:]]) or "none"
