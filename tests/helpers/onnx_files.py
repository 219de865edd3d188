"""ONNX files that the tests make themselves, and what the networks in them compute."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, DIM = 16, 24, 5
Shape = Sequence[int | str | None]


def weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    shapes = {"conv": (4, 3, 3, 3), "linear": (DIM, 4)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def network(
    batch: int | str | None,
    layers: Literal["plain", "none"] = "plain",
    *,
    shape: Shape | None = None,
    inputs: int = 1,
    seed: int = 0,
    weight: float | None = None,
) -> onnx.ModelProto:
    """A convolution and a linear layer, or a network without layers.

    Args:
        batch: number of images that it takes; a name or None for any.
        weight: of the linear layer, instead of random ones.
    """
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape or [batch, 3, HEIGHT, WIDTH])
    values = weights(seed)
    if weight is not None:
        values["linear"][:] = weight
    if layers == "none":
        listed = [image, helper.make_tensor_value_info("other", TensorProto.FLOAT, [1])][:inputs]
        graph, used = [helper.make_node("Identity", ["image" if inputs else "linear"], ["feature"])], ["linear"]
    else:
        listed, used = [image], ["conv", "linear"]
        graph = [
            helper.make_node("Conv", ["image", "conv"], ["maps"], strides=[2, 2], pads=[1, 1, 1, 1]),
            helper.make_node("GlobalAveragePool", ["maps"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "linear"], ["feature"], transB=1),
        ]
    feature = helper.make_tensor_value_info("feature", TensorProto.FLOAT, None)
    stored = [numpy_helper.from_array(values[name], name) for name in used]
    made = helper.make_graph(graph, "net", listed, [feature], stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def by_hand(images: Sequence[NDArray[np.uint8]], seed: int = 0) -> NDArray[np.float64]:
    """[n, DIM] of the plain network for images normalised to [-1, 1]."""
    values, out = weights(seed), []
    for image in images:
        padded = np.pad((image / 255 - 0.5) / 0.5, ((1, 1), (1, 1), (0, 0)))
        maps = [
            np.einsum("yxc,ocyx->o", padded[y : y + 3, x : x + 3], values["conv"])
            for y in range(0, HEIGHT, 2)
            for x in range(0, WIDTH, 2)
        ]
        out.append(values["linear"] @ np.mean(maps, 0))
    return np.array(out)


def save(path: Path, model: onnx.ModelProto) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path
