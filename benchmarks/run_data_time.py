"""Data time per video through PyTorchVideo's LabeledVideoDataset: dense, uniform K, and DDL without and with an index.

    python benchmarks/run_data_time.py --data DIR --out OUT        (or --synthetic, on videos made here)

All methods take turns in one run on the same files; a figure is the median over the repeats, averaged over the videos.
`seconds` is data time: until all clips of a video are there as tensors. `decode_once` decodes every frame of the file
by PyAV with threads and converts nothing. Writes OUT/results.json and OUT/results.md.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from made_videos import Made, make
from pytorchvideo.data import LabeledVideoDataset
from rich.progress import track
from shared import write_results
from torch.utils.data import SequentialSampler

from clipselect import DDLClipSampler, DenseClips, UniformClips, build_index, open_source
from clipselect.commands.exit_codes import run_command
from clipselect.evaluation.provenance import environment
from clipselect.index.inputs import find_videos
from clipselect.media.files import make_folder
from clipselect.media.video import VideoFile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="folder of videos")
    source.add_argument("--synthetic", action="store_true", help="videos of 20 s, made for the run")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--clip-duration", type=float, default=2.0)
    parser.add_argument("--decoder", choices=("pyav", "decord"), default="pyav", help="PyTorchVideo's back end")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    make_folder(arguments.out)
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.synthetic:
            videos = [make(Path(scratch), Made(size=size, seconds=20)) for size in ("240p", "720p")]
        else:
            videos = find_videos([str(arguments.data)])
        document = measure(videos, Path(scratch), arguments)
    write_results(arguments.out, document)
    for name, ratio in document["ratios"].items():
        print(f"{name}: {ratio:.2f}")


def measure(videos: list[Path], scratch: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every method and the plain decoder, `repeats` times in turns; the first turn warms up and does not count."""
    length, k, index = arguments.clip_duration, arguments.k, scratch / "scores.parquet"
    build_index(videos, index, clip_duration=length, device="cpu")
    methods: dict[str, Callable[[], Any]] = {
        "dense": lambda: DenseClips(length),
        "uniform": lambda: UniformClips(length, k),
        "ddl": lambda: DDLClipSampler(length, k),
        "ddl_index": lambda: DDLClipSampler(length, k, index=index, on_missing="raise"),
    }
    seconds: dict[str, list[list[float]]] = {name: [] for name in (*methods, "decode_once")}
    clips: dict[str, int] = {}
    for _ in track(range(arguments.repeats + 1), description="taking turns"):
        for name, sampler in methods.items():
            times, clips[name] = data_times(videos, sampler(), arguments.decoder)
            seconds[name].append(times)
        seconds["decode_once"].append([decode_once(video) for video in videos])
    medians = {name: np.median(turns[1:], axis=0).tolist() for name, turns in seconds.items()}
    mean = {name: statistics.mean(values) for name, values in medians.items()}
    data = "synthetic" if arguments.synthetic else arguments.data.name
    rows: list[dict[str, Any]] = [
        {
            "data": data,
            "method": name,
            "k": k if name.startswith(("ddl", "uniform")) else None,
            "videos": len(videos),
            "clips": clips[name] / len(videos) if name in clips else None,
            "seconds": mean[name],
            "seconds_decode": mean[name],
        }
        for name in seconds
    ]
    return {
        "benchmark": "data_time",
        "settings": {"clip_duration": length, "decoder": arguments.decoder, "repeats": arguments.repeats},
        "environment": environment(torch.device("cpu")),
        "base": {"name": "none: data time alone"},
        "data": [{"name": data, "videos": len(videos)}],
        "per_file": [describe(video, {n: m[i] for n, m in medians.items()}) for i, video in enumerate(videos)],
        "rows": rows,
        "ratios": {
            "ddl_index / uniform": mean["ddl_index"] / mean["uniform"],
            "(ddl - uniform) / decode_once": (mean["ddl"] - mean["uniform"]) / mean["decode_once"],
            "dense / ddl_index": mean["dense"] / mean["ddl_index"],
            "dense / ddl": mean["dense"] / mean["ddl"],
        },
    }


def data_times(videos: list[Path], sampler: Any, decoder: str) -> tuple[list[float], int]:
    """Seconds per video until its last clip is there as a tensor, in this process, and the number of all clips."""
    paths = [(str(video), {"label": i}) for i, video in enumerate(videos)]
    dataset = LabeledVideoDataset(paths, sampler, SequentialSampler, decode_audio=False, decoder=decoder)
    times = [0.0] * len(videos)
    clips = 0
    before = time.perf_counter()
    for sample in dataset:
        now = time.perf_counter()
        times[sample["label"]] += now - before
        before = now
        clips += 1
    return times, clips


def decode_once(video: Path) -> float:
    """Seconds for all frames by PyAV with threads, nothing converted."""
    before = time.perf_counter()
    for _ in VideoFile.open(video).decode():
        pass
    return time.perf_counter() - before


def describe(video: Path, seconds: dict[str, float]) -> dict[str, Any]:
    source = open_source(video)
    frame = next(source.pictures(0, 0))
    size = f"{frame.width} x {frame.height}"
    return {"video": video.name, "duration": float(source.timeline.duration), "size": size, "seconds": seconds}


if __name__ == "__main__":
    run_command(main)
