"""Embedders out of ONNX files, run on the CPU by onnxruntime."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from clipselect.zoo.embedder import NORMALISATIONS, Embedder
from torch import Tensor

from clipselect.errors import ClipselectError
from clipselect.scoring.input_spec import InputSpec


def load_onnx_embedder(
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
    shape = [*inputs[0].shape] if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in shape[2:]):
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
    input_spec = InputSpec(int(shape[2]), int(shape[3]), mean, std)
    sha256 = hashlib.sha256(data).hexdigest()
    return Embedder.from_module(
        run, input_spec, name=name or path.stem, gflops=gflops or onnx_gflops(data, input_spec),
        metadata={"sha256": sha256}, device="cpu",
    )  # fmt: skip


def onnx_gflops(data: bytes, input_spec: InputSpec) -> float | None:
    """10^9 multiply-adds per image in the convolutions and matrix products of an ONNX network; None without onnx, or
    where a shape among them cannot be told."""
    try:
        import onnx
    except ImportError:
        return None
    try:
        model = onnx.load_from_string(data)
        weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        image = next(i for i in model.graph.input if i.name not in weights)  # old files list the weights as inputs, too
        sides = image.type.tensor_type.shape.dim
        images = sides[0].dim_value or 1
        for side, size in zip(sides, (images, 3, input_spec.height, input_spec.width), strict=True):
            side.dim_value = size
        del model.graph.value_info[:]  # shapes that were written down for a batch of any size
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # shapes of unusual operators cannot be inferred
        return None
    shapes = weights | {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    total = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        out, weight = shapes.get(node.output[0]), shapes.get(node.input[1])
        if node.op_type == "Gemm" and weight and not out:  # behind a reshaping; a linear layer takes a row per image
            total += images * int(np.prod(weight))
            continue
        if not out or not weight or 0 in (*out, *weight):
            return None
        if node.op_type == "Conv":  # [out, in / groups, kh, kw]
            inner = int(np.prod(weight[1:]))
        else:
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            inner = weight[-1] if transposed or len(weight) == 1 else weight[-2]
        total += int(np.prod(out)) * inner
    return total / images / 1e9 or None
