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

    Runs on the CPU, by onnxruntime. Its multiply-adds are not counted.

    Args:
        normalisation: a name of `clipselect.zoo.embedder.NORMALISATIONS`.
        gflops: 10^9 multiply-adds per image, where they are known.

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
        run, input_spec, name=name or path.stem, gflops=gflops, metadata={"sha256": sha256}, device="cpu"
    )
