"""Parts g, h and k of run_speed.py: processor time, user and system, of all threads or of whole processes."""

import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from speed_parts import decode, in_turns, run_python

from clipselect import load_scorer, open_source, score_video
from clipselect.media.clip_decoding import clip_batches, clip_grid

BUDGETS = (0.2, 0.3, 0.4)
DECODE = """
import sys, av
with av.open(sys.argv[1]) as container:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    for _ in container.decode(stream):
        pass
"""


def _row(name: str, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and the medians of the ratios of each turn to its first way."""
    first, *others = seconds
    ratios = {way: [a / b for a, b in zip(seconds[way], seconds[first], strict=True)] for way in others}
    return {
        "video": name,
        **{way: statistics.median(found) for way, found in seconds.items()},
        **{f"{way} / {first}": statistics.median(found) for way, found in ratios.items()},
        f"{others[-1]} / {first}, range": [round(min(ratios[others[-1]]), 3), round(max(ratios[others[-1]]), 3)],
    }


def working(files: Sequence[tuple[str, Path]], repeats: int, scorer: str | None) -> Iterator[dict[str, Any]]:
    """Part g: decoding with FFmpeg's choice of threads and with ours, the DDNet's frames, scoring."""
    loaded = load_scorer(scorer, "cpu", elements="clips")
    spec, length = loaded.input_spec, loaded.clip_duration

    def frames(path: Path) -> None:
        for _ in clip_batches(open_source(path), clip_grid(length), spec.size, spec.clip_frames):
            pass

    for name, path in files:
        ways: dict[str, Callable[[], Any]] = {
            "decode": lambda path=path: decode(path),
            "decode by our threads": lambda path=path: decode(path, our_threads=True),
            "frames": lambda path=path: frames(path),
            "score": lambda path=path: score_video(open_source(path), loaded),
        }
        yield _row(name, in_turns(ways, repeats, time.process_time))


def starting(files: Sequence[tuple[str, Path]], repeats: int, scorer: str | None) -> Iterator[dict[str, Any]]:
    """Part h."""
    options = ["--scorer", scorer] if scorer else []
    for name, path in files:
        ways = {
            "decode": lambda path=path: run_python(["-c", DECODE, str(path)]),
            "help": lambda: run_python(["-m", "clipselect", "--help"]),
            "score": lambda path=path: run_python(["-m", "clipselect", "score", str(path), "--quiet", *options]),
        }
        yield _row(name, in_turns(ways, repeats, processes_time))


def within_budgets(files: Sequence[tuple[str, Path]], repeats: int, scorer: str | None) -> Iterator[dict[str, Any]]:
    """Part k: long videos scored whole, fast, and within budgets."""
    loaded = load_scorer(scorer, "cpu", elements="clips")
    for name, path in files:
        ways: dict[str, Callable[[], Any]] = {
            "decode": partial(decode, path),
            "score": partial(score_video, path, loaded),
            "fast": partial(score_video, path, loaded, fast=True),
            **{f"budget {budget}": partial(score_video, path, loaded, budget=budget) for budget in BUDGETS},
        }
        yield _row(name, in_turns(ways, repeats, time.process_time))


def processes_time() -> float:
    """Seconds of processor time of all processes that this one has started and that have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
