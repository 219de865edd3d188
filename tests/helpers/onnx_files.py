"""ONNX files that the tests make themselves, and what the networks in them compute."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, DIM = 16, 24, 5
LAYERS = ("plain", "listed", "tokens")
"""A convolution and a linear layer; the same with its weights listed as inputs, as old files have it; and a matrix
product for every place of the image."""
CONV = 4 * 8 * 12 * 3 * 3 * 3  # 4 channels at 8 x 12 places, of 3 channels at 3 x 3 places
MULTIPLY_ADDS = {"plain": CONV + 4 * DIM, "listed": CONV + 4 * DIM, "tokens": CONV + 8 * 12 * 4 * 6 + 6 * DIM}

Shape = Sequence[int | str | None]


def weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    shapes = {"conv": (4, 3, 3, 3), "linear": (DIM, 4), "each": (4, 6), "last": (6, DIM)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def network(
    batch: int | str | None,
    layers: str = "plain",
    *,
    shape: Shape | None = None,
    inputs: int = 1,
    seed: int = 0,
    weight: float | None = None,
    hidden: bool = False,
) -> onnx.ModelProto:
    """A network of such layers.

    Args:
        batch: number of images that it takes; a name or None for any.
        layers: of `LAYERS`, or "none".
        hidden: its convolution sees an image whose shape only the data tell.
        weight: of the linear layer, instead of random ones.
    """
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape or [batch, 3, HEIGHT, WIDTH])
    values = weights(seed)
    if weight is not None:
        values["linear"][:] = weight
    conv = helper.make_node("Conv", ["image", "conv"], ["maps"], strides=[2, 2], pads=[1, 1, 1, 1])
    pool = [helper.make_node("GlobalAveragePool", ["maps"], ["mean"]), helper.make_node("Flatten", ["mean"], ["flat"])]
    gemm = helper.make_node("Gemm", ["flat", "linear"], ["feature"], transB=1)
    used = ["conv", "linear"]
    if layers == "none":
        listed = [image, helper.make_tensor_value_info("other", TensorProto.FLOAT, [1])][:inputs]
        source = "image" if inputs else "linear"
        graph, used = [helper.make_node("Identity", [source], ["feature"])], ["linear"]
    elif layers == "tokens":
        listed, used = [image], ["conv", "each", "last", "sizes"]
        values["sizes"] = np.array([0, 4, -1])  # type: ignore[assignment]
        graph = [
            conv,
            helper.make_node("Reshape", ["maps", "sizes"], ["rows"]),
            helper.make_node("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["tokens", "each"], ["wide"]),
            helper.make_node("ReduceMean", ["wide"], ["pooled"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["pooled", "last"], ["feature"]),
        ]
    else:
        listed, graph = [image], [conv, *pool, gemm]
    if layers == "listed":
        sizes = {name: [*values[name].shape] for name in used}
        listed = [*(helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes[name]) for name in used), image]
    if hidden:
        graph[0].input[0] = "turned"
        graph = [
            helper.make_node("NonZero", ["linear"], ["places"]),  # as many as there are
            helper.make_node("ReduceMax", ["places"], ["most"], keepdims=0),
            helper.make_node("Sub", ["most", "most"], ["zero"]),
            helper.make_node("Unsqueeze", ["zero", "axis"], ["from"]),
            helper.make_node("Slice", ["image", "from", "end", "last_axis"], ["turned"]),
            *graph,
        ]
        values |= {"axis": np.array([0]), "end": np.array([999]), "last_axis": np.array([3])}  # type: ignore[dict-item]
        used += ["axis", "end", "last_axis"]
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
