"""How near the scores of `--fast` are to the exact ones, and what it saves.

    python benchmarks/run_fast.py --data FOLDER... --out OUT

Every video of the folders is decoded without conversion, scored exactly and scored fast, in turns; seconds are medians
from the closed file on. Spearman's rho over all clips of a folder and per video (of five clips or more), the share of
the exact best five clips that are among the fast best five, and the seconds fast scoring takes over those of decoding
and of exact scoring; "cpu": the same in seconds of all cores, which a busy machine disturbs less. `pass` is the fast
reading of the frames that the DDNet looks at, without the DDNet. Writes OUT/fast.json.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.stats import spearmanr
from shared import environment, run

from clipselect import ClipselectError, load_scorer, open_source, score_video, top_k
from clipselect.index.inputs import find_videos
from clipselect.media.clips import candidates, clip_batches
from clipselect.media.files import make_folder, write_whole
from clipselect.media.video import VideoFile
from clipselect.scoring.scorer import Scorer

Scores = NDArray[np.float32]
TOP, FEWEST = 5, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of videos, a line each")
    parser.add_argument("--out", type=Path, required=True, help="folder for fast.json")
    parser.add_argument("--stride", type=float, default=None, help="seconds between candidates (default: 1 clip)")
    parser.add_argument("--every", type=int, default=1, help="take only every so many-th video of a folder")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    make_folder(arguments.out)
    scorer = load_scorer(device="cpu")
    rows = []
    for folder in arguments.data:
        paths = find_videos([str(folder)])[:: arguments.every]
        found = [
            video
            for path in track(paths, description=folder.name)
            if (video := measured(path, scorer, arguments.stride, arguments.repeats)) is not None
        ]
        rows.append({"data": folder.name, **summary(found)})
        print(json.dumps(rows[-1]))
    settings = {"stride": arguments.stride, "every": arguments.every, "repeats": arguments.repeats}
    document = {
        "benchmark": "fast",
        "settings": settings,
        "environment": environment(torch.device("cpu")),
        "rows": rows,
    }
    write_whole(arguments.out / "fast.json", json.dumps(document, indent=1, allow_nan=False) + "\n")


def measured(path: Path, scorer: Scorer, stride: float | None, repeats: int) -> dict[str, Any] | None:
    """Exact and fast scores of a video and the median seconds of both and of decoding; None for one that fails."""
    kept: dict[str, Scores] = {}

    def score(name: str, fast: bool) -> None:
        kept[name] = score_video(open_source(path), scorer, stride=stride, fast=fast).scores

    def decode() -> None:
        for _ in VideoFile.open(path).decode():
            pass

    def read() -> None:
        source, input_spec = open_source(path), scorer.input_spec
        cut = candidates(scorer.clip_duration, stride)
        for _ in clip_batches(source, cut, input_spec.size, input_spec.clip_frames, fast=True):
            pass

    ways: dict[str, Callable[[], None]] = {
        "decode": decode,
        "pass": read,
        "exact": lambda: score("exact", False),
        "fast": lambda: score("fast", True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for turn in range(repeats + 1):
            for name, way in ways.items():
                before, cpu_before = time.perf_counter(), time.process_time()
                way()
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - before)
                    cpu[name].append(time.process_time() - cpu_before)
    except ClipselectError:
        return None
    return {**kept, "seconds": _medians(seconds), "cpu": _medians(cpu)}


def _medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in times.items()}


def summary(videos: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is said of one folder."""
    ranked = [spearmanr(v["exact"], v["fast"])[0] for v in videos if len(v["exact"]) >= FEWEST]
    ranked = [rho for rho in ranked if np.isfinite(rho)]
    exact, fast = (np.concatenate([v[name] for v in videos]) for name in ("exact", "fast"))
    return {
        "videos": len(videos),
        "clips": len(exact),
        "rho": float(spearmanr(exact, fast)[0]),
        "rho_per_video_mean": float(np.mean(ranked)) if ranked else None,
        "rho_per_video_min": float(np.min(ranked)) if ranked else None,
        "top5_overlap": float(np.mean([overlap(v["exact"], v["fast"]) for v in videos])),
        "largest_difference": float(np.abs(exact - fast).max()),
        "seconds": _times([v["seconds"] for v in videos]),
        "cpu": _times([v["cpu"] for v in videos]),
    }


def _times(videos: Sequence[dict[str, float]]) -> dict[str, float]:
    total = {name: sum(seconds[name] for seconds in videos) for name in videos[0]}
    pairs = (("pass", "decode"), ("fast", "decode"), ("exact", "decode"), ("fast", "exact"))
    return total | {f"{one} / {other}": total[one] / total[other] for one, other in pairs}


def overlap(exact: Scores, fast: Scores) -> float:
    """The share of the best clips that both have."""
    both = set(top_k(exact, TOP).ranked.tolist()) & set(top_k(fast, TOP).ranked.tolist())
    return len(both) / min(TOP, len(exact))


if __name__ == "__main__":
    run(main)
