"""Parts a, e and f of run_speed.py, and how all parts take turns and start processes."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import log
from pathlib import Path
from typing import Any

import av
import made_videos
from made_videos import Made

from clipselect import load_scorer, open_source, score_video
from clipselect.media.container import threads_for_all

Row = dict[str, Any]

MEMORY = """
import sys
from pathlib import Path
import torch  # which scoring imports while it runs
from clipselect import load_scorer, open_source, score_video

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":")) / 1024

scorer = load_scorer(device="cpu")
before = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
clips = len(score_video(open_source(sys.argv[1]), scorer).clips)
print(before, status("VmHWM"), clips)
"""


def in_turns(
    ways: dict[str, Callable[[], Any]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each by a clock; they take turns, and the first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            before = clock()
            way()
            if turn:
                seconds[name].append(clock() - before)
    return seconds


def turns(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each, see `in_turns`."""
    return {name: statistics.median(times) for name, times in in_turns(ways, repeats).items()}


def decode(path: Path, *, our_threads: bool = False) -> None:
    """Every frame, by as many threads as FFmpeg thinks pay, or as many as we use; nothing converted."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads_for_all(stream) if our_threads else 0
        for _ in container.decode(stream):
            pass


def decord(path: Path) -> None:
    """Every frame by decord at the DDNet's size."""
    from decord import VideoReader

    for frame in VideoReader(str(path), width=112, height=112):
        frame.asnumpy()


def reading(files: Sequence[tuple[str, Path]], repeats: int, device: str) -> Iterator[Row]:
    """Part a."""
    scorer = load_scorer(device=device)
    for name, path in files:
        ways: dict[str, Callable[[], Any]] = {
            "decode": lambda path=path: decode(path),
            "decode by our threads": lambda path=path: decode(path, our_threads=True),
            "score": lambda path=path: score_video(open_source(path), scorer),
            "fast": lambda path=path: score_video(open_source(path), scorer, fast=True),
        }
        row: Row = {"video": name}
        try:
            decord(path)
            ways["decord"] = lambda path=path: decord(path)
        except Exception as e:  # decord does not read everything
            row["decord_error"] = f"{type(e).__name__}: {str(e).strip().splitlines()[0]:.100}"
        seconds = turns(ways, repeats)
        row |= seconds
        row |= {
            f"{way} / decode": seconds[way] / seconds["decode"] for way in ("decode by our threads", "score", "fast")
        }
        yield row | ({"score / decord": seconds["score"] / seconds["decord"]} if "decord" in seconds else {})


def run_python(arguments: Sequence[str]) -> str:
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    return done.stdout


def growth(folder: Path, durations: Sequence[int], repeats: int) -> Iterator[Row]:
    """Part e: longer videos at one candidate per second; more candidates on one video."""
    scorer = load_scorer(device="cpu")
    paths = {seconds: made_videos.make(folder, Made("h264", "240p", 250, seconds)) for seconds in durations}
    grown = turns({str(s): lambda p=p: score_video(open_source(p), scorer) for s, p in paths.items()}, repeats)
    for seconds in durations:
        yield {
            "duration": seconds,
            "seconds": grown[str(seconds)],
            "ms per second of video": 1000 * grown[str(seconds)] / seconds,
        }
    first, last = durations[-2:]
    yield {
        "durations": f"{first} to {last} s",
        "exponent": log(grown[str(last)] / grown[str(first)]) / log(last / first),
    }
    strides = {1.0: 1, 0.5: 2, 0.1: 10, 0.05: 20}
    path = paths[durations[1]]
    found = turns({str(s): lambda s=s: score_video(open_source(path), scorer, stride=s) for s in strides}, repeats)
    counts = {s: len(score_video(open_source(path), scorer, stride=s).clips) for s in strides}
    for stride in strides:
        more = (found[str(stride)] - found["1.0"]) / max(counts[stride] - counts[1.0], 1)
        yield {
            "stride": stride,
            "candidates": counts[stride],
            "seconds": found[str(stride)],
            "ms per further candidate": 1000 * more,
        }


def memory(path: Path) -> Iterator[Row]:
    """Part f."""
    before, peak, clips = run_python(["-c", MEMORY, str(path)]).split()
    above = float(peak) - float(before)
    yield {
        "video": path.stem,
        "clips": int(clips),
        "imports_mb": float(before),
        "peak_mb": float(peak),
        "above_imports_mb": above,
    }
