"""Parts b and i of run_speed.py: from opening the file to a heavy base's answer, through our pipeline and
PyTorchVideo's; and heavy bases in bf16."""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clipselect.zoo.base import Base
from pytorchvideo.data import LabeledVideoDataset
from shared import heavy_base
from speed_parts import in_turns
from torch.nn.functional import interpolate
from torch.utils.data import SequentialSampler

from clipselect import DDLClipSampler, DenseClips, UniformClips, load_scorer, open_source
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.outcomes import Cost
from clipselect.evaluation.timing import timed_methods
from clipselect.media.candidate_clips import Seconds, exact_seconds
from clipselect.method.aggregation import aggregate
from clipselect.scoring.input_spec import InputSpec

HEAVY = ("slowfast_r50", "slow_r50", "x3d_m", "r3d_18", "r2plus1d_18", "mvit_v2_s", "swin3d_t")
OWN, PYTORCHVIDEO = "own pipeline", "LabeledVideoDataset"


def base_rows(videos: list[tuple[Path, int, int]], repeats: int, size: int, device: str) -> Iterator[dict[str, Any]]:
    """Median seconds per method and pipeline; all methods take turns."""
    base, scorer = heavy_base("slowfast_r50", device, size), load_scorer(device=device)
    networks = Networks(scorer, base)
    base.probabilities(np.zeros((1, base.input_spec.clip_frames, size, size, 3), np.uint8))  # first calls are slow
    for path, clips, k in videos:
        duration = float(open_source(path).timeline.duration)
        length = base.clip_duration if duration > base.clip_duration else duration / 2
        stride = (duration - length) / (clips - 1) - 1e-6
        ways = _own(path, length, stride, k, networks) | _pytorchvideo(path, length, stride, k, base)
        seconds: dict[tuple[str, str], list[dict[str, float]]] = {key: [] for key in ways}
        for _ in range(repeats):
            for key, way in ways.items():
                seconds[key].append(way())
        medians = {
            key: {name: statistics.median(turn[name] for turn in found) for name in found[0]}
            for key, found in seconds.items()
        }
        for (pipeline, method), found in medians.items():
            row = {"pipeline": pipeline, "method": method, "k": k, "clips": clips, "video": path.stem, **found}
            dense = medians[pipeline, "dense"]["seconds"]
            yield row | ({"dense / ddl": dense / found["seconds"]} if method == "ddl" else {})


Way = Callable[[], dict[str, float]]


def _own(path: Path, length: float, stride: float, k: int, networks: Networks) -> dict[tuple[str, str], Way]:
    grid = ClipGrid(exact_seconds(length, "length"), exact_seconds(stride, "stride"))
    cost = Cost(None, 0)  # no uniform clips for equal cost
    found = timed_methods([k], grid, networks, cost, 30, min_gap=None)  # overlap, so that all K reach the base

    def way(method: Callable[[str], Any]) -> dict[str, float]:
        _, seconds = method(str(path))
        return {"seconds" if part == "total" else f"seconds_{part}": value for part, value in seconds.items()}

    return {(OWN, name): lambda method=method: way(method) for (name, _), method in found.items()}


def _pytorchvideo(path: Path, length: Seconds, stride: Seconds, k: int, base: Base) -> dict[tuple[str, str], Way]:
    samplers: dict[str, Callable[[], Any]] = {
        "ddl": lambda: DDLClipSampler(length, k, stride=stride, device=str(base.device), min_gap=None),
        "uniform": lambda: UniformClips(length, k, stride=stride),
        "dense": lambda: DenseClips(length, stride=stride),
    }

    def way(sampler: Callable[[], Any]) -> dict[str, float]:
        chosen = sampler()  # loads the DDNet, once per data set and not per video
        begin, in_base = time.perf_counter(), 0.0
        dataset = LabeledVideoDataset([(str(path), {"label": 0})], chosen, SequentialSampler, decode_audio=False)
        rows, weights = [], []
        for sample in dataset:
            clip = _pixels(sample["video"], base.input_spec)
            tick = time.perf_counter()
            rows.append(base.probabilities(clip))
            in_base += time.perf_counter() - tick
            weights.append(sample["clip_weight"])
        aggregate(torch.cat(rows), np.array(weights))
        return {"seconds": time.perf_counter() - begin, "seconds_base": in_base}

    return {(PYTORCHVIDEO, name): lambda sampler=sampler: way(sampler) for name, sampler in samplers.items()}


def _pixels(video: torch.Tensor, input_spec: InputSpec) -> np.ndarray[Any, Any]:
    """[3, t, h, w] 0 to 255 -> [1, T, size, size, 3] uint8."""
    shown = torch.linspace(0, video.shape[1] - 1, input_spec.clip_frames).long()
    small = interpolate(video[:, shown].float().transpose(0, 1), size=(input_spec.size,) * 2, mode="bilinear")
    return small.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()[None]


def precisions(repeats: int, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Part i: seconds of a clip on a CPU, in float32 and in bf16, and how far features move, in parts of their
    length."""
    for name in names:
        base = heavy_base(name, "cpu")
        spec, fast = base.input_spec, base.with_precision("bf16")
        clip = np.random.default_rng(0).integers(0, 256, (1, *spec.shape), np.uint8)
        exact, near = base.features(clip), fast.features(clip)
        ways = {
            "32": lambda base=base, clip=clip: base.outputs(clip),
            "bf16": lambda base=fast, clip=clip: base.outputs(clip),
        }
        seconds = {key: statistics.median(found) for key, found in in_turns(ways, repeats).items()}
        yield {
            "base": name, "clip": f"{spec.clip_frames} x {spec.size} px", **seconds,
            "32 / bf16": seconds["32"] / seconds["bf16"],
            "distance of features": float((near - exact).norm() / exact.norm()),
        }  # fmt: skip
