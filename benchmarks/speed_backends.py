"""Part c of run_speed.py: the DDNet by torch, compiled, in bf16, and by OpenVINO."""

import copy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from speed_parts import Row, turns

from clipselect import load_scorer
from clipselect.media.clip_decoding import BATCH
from clipselect.method.ddnet import DDNet
from clipselect.scoring.scorer import Scorer


def backends(repeats: int, device: str, clips: int = BATCH) -> Iterator[Row]:
    """Part c: milliseconds per clip in batches, and the largest difference to fp32 in torch."""
    scorer = load_scorer(device=device)
    input_spec = scorer.input_spec
    shape = (clips, input_spec.frames, input_spec.size, input_spec.size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    batch = input_spec.normalise(pixels, scorer.device)
    ways = {name: way for name, make in _BACKENDS.items() if (way := _available(make, scorer, batch)) is not None}
    with torch.inference_mode():
        expected = ways["torch fp32"]()
        apart = {name: float(np.abs(way() - expected).max()) for name, way in ways.items()}
        seconds = turns(
            {**ways, "pixels to floats": lambda: input_spec.normalise(pixels, scorer.device).sum().item()}, 5 * repeats
        )
    for name, value in seconds.items():
        yield {"back end": name, "ms per clip": 1000 * value / clips, "largest difference": apart.get(name, 0.0)}
    for name in _BACKENDS.keys() - ways.keys():
        yield {"back end": name, "missing": True}


def _available(make: Callable[..., Any], scorer: Scorer, batch: torch.Tensor) -> Callable[[], Any] | None:
    try:
        with torch.inference_mode():
            way = make(copy.deepcopy(scorer.net), batch)
            way()
    except Exception as e:  # no compiler, no openvino
        print(f"left out: {type(e).__name__}: {str(e).splitlines()[0]:.100}", file=sys.stderr)
        return None
    return way


def _torch(net: torch.nn.Module, batch: torch.Tensor) -> Callable[[], Any]:
    return lambda: net(batch).cpu().numpy()


def _torch_bf16(net: torch.nn.Module, batch: torch.Tensor) -> Callable[[], Any]:
    half, pixels = net.bfloat16(), batch.bfloat16()
    return lambda: half(pixels).float().cpu().numpy()


def _torch_compile(net: torch.nn.Module, batch: torch.Tensor) -> Callable[[], Any]:
    compiled = torch.compile(net)
    return lambda: compiled(batch).cpu().numpy()


class _Trunk(torch.nn.Module):
    """All but the head, which openvino 2026.4 converts into another function."""

    def __init__(self, net: DDNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.stages(self.net.stem(x)).mean(dim=(2, 3, 4))


def _openvino(precision: str) -> Callable[..., Callable[[], Any]]:
    def make(net: DDNet, batch: torch.Tensor) -> Callable[[], Any]:
        import openvino

        pixels, net = batch.cpu().contiguous(), net.cpu()
        head, trunk = net.head, _Trunk(net.to(memory_format=torch.contiguous_format))
        model = openvino.convert_model(trunk, example_input=pixels)
        threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
        compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, **threads})
        return lambda: torch.sigmoid(head(torch.from_numpy(compiled(pixels.numpy())[0]))[:, 0]).numpy()

    return make


_BACKENDS: dict[str, Callable[..., Callable[[], Any]]] = {
    "torch fp32": _torch,
    "torch bf16": _torch_bf16,
    "torch.compile fp32": _torch_compile,
    "OpenVINO f32": _openvino("f32"),
    "OpenVINO bf16": _openvino("bf16"),
}
