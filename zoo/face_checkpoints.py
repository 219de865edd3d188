"""Public checkpoints of face networks: from the names that their authors gave the weights to ours.

The IR and IR-SE networks of TreB1eN/InsightFace_Pytorch have other units than ArcFace's (nothing between the first
convolution and its PReLU, bare shortcuts, squeeze-excitation): they fit no network here and are refused by name.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from clipselect.zoo.face_networks import FACE_NETWORKS
from clipselect.zoo.loading import fit, read_checkpoint
from torch import Tensor, nn

from clipselect.errors import ClipselectError

Layout = Literal["clipselect", "insightface", "foamliu", "treb1en"]
"""Whose names: ours; InsightFace's `iresnet`; MobileFaceNet of foamliu/MobileFaceNet or TreB1eN/InsightFace_Pytorch."""

TELLTALES: dict[str, Layout] = {
    "layer1.0.bn1.weight": "insightface",
    "dw_conv.depthwise.weight": "foamliu",
    "conv2_dw.conv.weight": "treb1en",
}
"""A name that no other layout has."""

Rules = tuple[tuple[str, str], ...]
RULES: dict[Layout, Rules] = {
    "clipselect": (),
    "insightface": (
        (r"conv1\.", "stem.0."),
        (r"bn1\.", "stem.1."),
        (r"prelu\.", "stem.2."),
        *((rf"layer{i + 1}\.", f"stages.{i}.") for i in range(4)),
        *(
            (rf"(stages\.\d\.\d+)\.{name}\.", rf"\1.residual.{i}.")
            for i, name in enumerate(("bn1", "conv1", "bn2", "prelu", "conv2", "bn3"))
        ),
        (r"(stages\.\d\.\d+)\.downsample\.", r"\1.shortcut."),
        (r"bn2\.", "last."),
        (r"fc\.", "linear."),
        (r"features\.", "norm."),
    ),
    "foamliu": (
        (r"bn\.", "norm."),
        (r"conv1\.0\.", "stem.conv."),
        (r"conv1\.1\.", "stem.norm."),
        (r"dw_conv\.depthwise\.", "depthwise.conv."),
        (r"dw_conv\.bn1\.", "depthwise.norm."),
        (r"dw_conv\.pointwise\.", "pointwise.conv."),
        (r"dw_conv\.bn2\.", "pointwise.norm."),
        (r"features\.(\d+)\.conv\.0\.0\.", r"blocks.\1.expand.conv."),
        (r"features\.(\d+)\.conv\.0\.1\.", r"blocks.\1.expand.norm."),
        (r"features\.(\d+)\.conv\.1\.0\.", r"blocks.\1.depthwise.conv."),
        (r"features\.(\d+)\.conv\.1\.1\.", r"blocks.\1.depthwise.norm."),
        (r"features\.(\d+)\.conv\.2\.", r"blocks.\1.project.conv."),
        (r"features\.(\d+)\.conv\.3\.", r"blocks.\1.project.norm."),
        (r"conv2\.0\.", "last.conv."),
        (r"conv2\.1\.", "last.norm."),
        (r"gdconv\.depthwise\.", "everywhere.conv."),
        (r"gdconv\.bn\.", "everywhere.norm."),
        (r"conv3\.", "linear."),
    ),
    "treb1en": (
        (r"bn\.", "norm."),
        (r"conv1\.", "stem."),
        (r"conv2_dw\.", "depthwise."),
        (r"conv_23\.", "blocks.0."),
        *((rf"conv_3\.model\.{i}\.", f"blocks.{i + 1}.") for i in range(4)),
        (r"conv_34\.", "blocks.5."),
        *((rf"conv_4\.model\.{i}\.", f"blocks.{i + 6}.") for i in range(6)),
        (r"conv_45\.", "blocks.12."),
        *((rf"conv_5\.model\.{i}\.", f"blocks.{i + 13}.") for i in range(2)),
        (r"(blocks\.\d+)\.conv\.", r"\1.expand."),
        (r"(blocks\.\d+)\.conv_dw\.", r"\1.depthwise."),
        (r"conv_6_sep\.", "last."),
        (r"conv_6_dw\.", "everywhere."),
        (r"(.+)\.bn\.", r"\1.norm."),
        (r"(.+)\.prelu\.", r"\1.activation."),
    ),
}
"""Beginnings of names and what they become, applied one after the other; what no rule knows keeps its name."""


def load_face_network(network: str, checkpoint: str | Path) -> nn.Module:
    """A network of `FACE_NETWORKS` with the weights of a file, ready to embed.

    Args:
        network: a name of `FACE_NETWORKS`.
        checkpoint: a state dict with our names or those of a public one, see `Layout`; its embedding may have any
            number of dimensions.

    Raises:
        ClipselectError: unknown network, a file that is no checkpoint, or weights that do not fit.
    """
    if network not in FACE_NETWORKS:
        raise ClipselectError(f"no face network {network!r}; there are {', '.join(FACE_NETWORKS)}")
    architecture = FACE_NETWORKS[network]
    state = rename(read_checkpoint(Path(checkpoint)))
    linear = state.get("linear.weight")
    net = architecture.build(architecture.embedding if linear is None or linear.ndim != 2 else len(linear))
    fit(net, state, checkpoint)
    return net.eval()


def detect_layout(state: Mapping[str, Tensor]) -> Layout:
    """Whose names a state dict has; ours where none is known."""
    return next((layout for name, layout in TELLTALES.items() if name in state), "clipselect")


def rename(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the names of `clipselect.zoo.face_networks`.

    The tensors stay the same, but for foamliu's last 1x1 convolution: it becomes a matrix, and its bias moves into the
    mean of the normalisation that follows, which subtracts it again.
    """
    layout = detect_layout(state)
    out = {_renamed(name, RULES[layout]): tensor for name, tensor in state.items()}
    if layout == "foamliu":
        if (weight := out.get("linear.weight")) is not None:
            out["linear.weight"] = weight.flatten(1)
        if (bias := out.pop("linear.bias", None)) is not None and "norm.running_mean" in out:
            out["norm.running_mean"] = out["norm.running_mean"] - bias
    return out


def _renamed(name: str, rules: Rules) -> str:
    for beginning, replacement in rules:
        name = re.sub(rf"^{beginning}", replacement, name)
    return name
