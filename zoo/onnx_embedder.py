"""Embedders out of ONNX files, run on the CPU by onnxruntime."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipselect.errors import ClipselectError
from clipselect.images import ImageGeometry
from clipselect.zoo.embedder import NORMALISATIONS, Embedder


def of_onnx(
    path: Path, *, normalisation: str = "imagenet", name: str | None = None, gflops: float | None = None
) -> Embedder:
    """An embedder out of an ONNX file with one image input [n, 3, height, width]; its first output is the feature.

    Runs on the CPU, by onnxruntime. Its multiply-adds are counted in its convolutions and matrix products.

    Raises:
        ClipselectError: onnxruntime is missing, not an ONNX file, or another kind of input.
    """
    try:
        import onnxruntime as ort
    except ImportError as e:
        raise ClipselectError(f"{path}: needs onnxruntime: pip install 'clipselect[onnx]'") from e
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ClipselectError(f"{path}: cannot be read ({e.strerror}); check the path") from e
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # the runtime's own exceptions have no common base
        raise ClipselectError(f"{path}: not an ONNX network that onnxruntime can run; export it again") from e
    inputs = session.get_inputs()
    shape = inputs[0].shape
    if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in shape[2:]):
        raise ClipselectError(
            f"{path}: must take one input [n, 3, height, width] of a fixed size, not {[i.shape for i in inputs]}"
        )
    fixed = shape[0] if isinstance(shape[0], int) else None

    def run(images: Tensor) -> Tensor:
        rows = images.numpy()
        step = fixed or len(rows)
        short = -len(rows) % step
        filled = np.concatenate([rows, rows[:1].repeat(short, axis=0)]) if short else rows
        parts = [session.run(None, {inputs[0].name: filled[i : i + step]})[0] for i in range(0, len(filled), step)]
        return torch.from_numpy(np.concatenate(parts)[: len(rows)]).flatten(1)

    mean, std = NORMALISATIONS[normalisation]
    geometry = ImageGeometry(int(shape[2]), int(shape[3]), mean, std)
    sha256 = hashlib.sha256(data).hexdigest()
    return Embedder.of(
        run, geometry, name=name or path.stem, gflops=gflops or onnx_gflops(data, geometry),
        metadata={"sha256": sha256}, device="cpu",
    )  # fmt: skip


def onnx_gflops(data: bytes, geometry: ImageGeometry) -> float | None:
    """10^9 multiply-adds per image in the convolutions and linear layers of an ONNX network; None without onnx."""
    try:
        import onnx
    except ImportError:
        return None
    model = onnx.load_from_string(data)
    first = model.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(first, (1, 3, geometry.height, geometry.width), strict=True):
        dim.dim_value = size
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception:  # shapes of unusual operators cannot be inferred
        return None
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        weight = weights.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type == "Conv" and weight and node.output[0] in shapes:  # [out, in / groups, kh, kw]
            total += int(np.prod(shapes[node.output[0]][1:]) * np.prod(weight[1:]))
        elif node.op_type in ("Gemm", "MatMul") and weight:
            total += int(np.prod(weight))
    return total / 1e9 or None
