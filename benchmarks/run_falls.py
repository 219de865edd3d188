"""Does selection find what neither network knows? The falls of UR Fall, an untrimmed action outside of all training.

    python benchmarks/run_falls.py --data DIR --out OUT

DIR holds the videos and falls.csv with the columns video, fall_first_frame and fall_last_frame. `hit` is the share of
videos in which at least one of the K chosen clips overlaps the fall; candidates start every --stride seconds. No base
is run. Writes OUT/results.json and OUT/results.md like the other benchmarks.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shared import environment, network_record, run, write_results

from clipselect.commands.common import check
from clipselect.commands.stages import Failures, stage
from clipselect.errors import ClipselectError, VideoError
from clipselect.evaluation.metrics import bootstrap_interval, proportion_interval
from clipselect.media.files import make_folder
from clipselect.media.sources import open_source
from clipselect.media.text import printable
from clipselect.method.selection import top_k, uniform
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.scoring.video_scores import score_video

DRAWS = 1000
"""Random choices per video: the chance of a hit, near enough."""


@dataclass(frozen=True)
class Fall:
    """One video: scores [n] of its candidates, and which of them overlap the fall."""

    path: str
    scores: NDArray[np.float32]
    overlaps: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="UR Fall: videos and falls.csv")
    parser.add_argument("--model", metavar="NAME|FILE", help="DDNet (default: the zoo's)")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5], help="clips that are kept (default: 1 3 5)")
    parser.add_argument("--stride", type=float, default=0.5, help="seconds between candidates (default: 0.5)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for results.json and results.md")
    args = parser.parse_args(arguments)
    check(min(args.k) >= 1, f"--k must be at least 1, got {min(args.k)}")
    make_folder(args.out)

    scorer = load_scorer(args.model, args.device)
    failures = Failures()
    falls = scored(args.data, scorer, args.stride, failures)
    model, name = network_record(scorer), "urfall"
    scoring = model["gflops"] * float(np.mean([len(fall.scores) for fall in falls]))
    rows, differences = [], []
    for k in sorted(set(args.k)):
        hits = hits_at(falls, k)
        rows += [row(name, method, k, found, scoring if method == "ddl" else 0.0) for method, found in hits.items()]
        for than in ("uniform", "random"):
            gain = hits["ddl"] - hits[than]
            low, high = bootstrap_interval(gain)
            differences.append(
                {"data": name, "metric": "hit", "method": "ddl", "k": k, "than": than, "than_k": k}
                | {
                    "differing": int(np.count_nonzero(gain)),
                    "difference": 100 * float(gain.mean()),
                    "low": 100 * low,
                    "high": 100 * high,
                }
            )
    unreadable = [{"path": printable(path), "error": printable(error)} for path, error in failures.errors.items()]
    document = {
        "benchmark": "falls",
        "settings": {"data": printable(args.data), "stride": args.stride, "clip_duration": scorer.clip_duration},
        "environment": environment(scorer.device),
        "base": {"name": scorer.metadata.get("base", "none"), "sha256": scorer.metadata.get("base_sha256")},
        "model": model,
        "data": [{"name": name, "videos": len(falls), "unreadable": unreadable}],
        "rows": rows,
        "differences": differences,
    }
    write_results(args.out, document)


def scored(folder: Path, scorer: Scorer, stride: float, failures: Failures) -> list[Fall]:
    """Every video of falls.csv that can be read."""
    table = folder / "falls.csv"
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = [
                (row["video"], int(row["fall_first_frame"]), int(row["fall_last_frame"]))
                for row in csv.DictReader(file)
            ]
    except OSError as e:
        raise ClipselectError(f"{table}: cannot be read ({e.strerror}); give the folder of UR Fall") from e
    except (KeyError, TypeError, ValueError) as e:
        raise ClipselectError(f"{table}: has no video, fall_first_frame and fall_last_frame in every line") from e
    falls = []
    with stage("scoring", len(lines), quiet=False) as step:
        for video, first, last in step.over(lines):
            try:
                found = score_video(open_source(folder / video), scorer, stride=stride)
            except VideoError as e:
                failures.add(str(folder / video), e)
                continue
            overlaps = np.array([clip.first <= last and clip.last >= first for clip in found.clips])
            falls.append(Fall(str(folder / video), found.scores, overlaps))
    if not falls:
        raise ClipselectError(f"{table}: not one of its {len(lines)} videos can be read; check the folder")
    return falls


def hits_at(falls: Sequence[Fall], k: int) -> dict[str, NDArray[np.float64]]:
    """Whether a kept clip overlaps the fall [n], by method; for random the share of draws."""
    ddl, even, chance = [], [], []
    for number, fall in enumerate(falls):
        n = len(fall.scores)
        rng = np.random.default_rng([k, number])
        ddl.append(fall.overlaps[top_k(fall.scores, k).ranked].any())
        even.append(fall.overlaps[uniform(n, min(k, n))].any())
        chance.append(np.mean([fall.overlaps[rng.permutation(n)[:k]].any() for _ in range(DRAWS)]))
    found = {"ddl": ddl, "uniform": even, "random": chance}
    return {method: np.array(values, dtype=np.float64) for method, values in found.items()}


def row(data: str, method: str, k: int, hits: NDArray[np.float64], gflops: float) -> dict[str, Any]:
    low, high = proportion_interval(hits)
    metrics = {"hit": 100 * float(hits.mean()), "hit_low": 100 * low, "hit_high": 100 * high}
    cost = {"gflops": gflops, "gflops_ddnet": gflops, "gflops_base": 0.0}
    return {"data": data, "method": method, "k": k, "videos": len(hits), **metrics, **cost}


if __name__ == "__main__":
    run(main)
