"""What clip selection costs and saves at the paper's settings: multiply-adds computed, seconds measured.

    python benchmarks/run_cost.py --video VIDEO --out OUT

Computed: SlowFast-R50 on 5 of 30 and 9 of 60 clips, the DDNet on all of them included, against SlowFast on all, at the
paper's 112 x 112 and at 256 x 256. Measured: from the opened file to the answer, with SlowFast-R50 of random weights at
256 x 256 (its speed does not depend on them), all methods in one run.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from clipselect import DDNet, DDNetConfig, load_scorer, open_source, score_video, top_k
from clipselect.classify import compare, multiply_adds
from clipselect.scorer import Geometry
from clipselect.zoo.base import MEAN, STD, Base
from clipselect.zoo.networks import NETWORKS

SETTINGS = ((30, 5), (60, 9))
"""Dense clips and K: Kinetics-700 and ActivityNet-1.2 in the paper."""
FRAMES, SECONDS = 32, 64 / 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, required=True, help="a file of about 10 s")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json")
    parser.add_argument("--size", type=int, default=256, help="of the clips that SlowFast is timed on")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    document = {
        "benchmark": "cost",
        "environment": {"torch": torch.__version__, "threads": torch.get_num_threads()},
        "computed": computed(),
        "measured": measured(arguments.video, arguments.size, arguments.repeats),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    print(markdown(document))


def computed() -> list[dict[str, Any]]:
    """G multiply-adds per video as fvcore counts them: one multiply-add is one."""
    slowfast = NETWORKS["slowfast_r50"].build(400).eval()
    ddnets = {
        "8 frames, (1, 2, 2) stem (shipped)": (DDNetConfig(dims=3, stem_stride=2), 8),
        "16 frames, full stem": (DDNetConfig(dims=3), 16),
    }
    rows = []
    for size in (112, 256):
        base = multiply_adds(slowfast, size, FRAMES) / 1e9
        for name, (config, frames) in ddnets.items():
            scoring = multiply_adds(DDNet(config).eval(), 112, frames) / 1e9
            for clips, k in SETTINGS:
                dense, ddl = clips * base, k * base + clips * scoring
                rows.append(
                    {"size": size, "ddnet": name, "clips": clips, "k": k, "gflops_per_clip": base}
                    | {"ddnet_gflops_per_clip": scoring, "gflops_dense": dense, "gflops_ddl": ddl, "ratio": dense / ddl}
                )
    return rows


def measured(video: Path, size: int, repeats: int) -> dict[str, Any]:
    """Median seconds per method for 5 of 30 clips, decoding included."""
    clips, k = SETTINGS[0]
    scorer = load_scorer(device="cpu")
    torch.manual_seed(0)
    base = Base.of(NETWORKS["slowfast_r50"].build(400), Geometry(size, FRAMES, MEAN, STD), SECONDS, device="cpu")
    duration = float(open_source(video).timeline.duration)
    stride = (duration - SECONDS) / (clips - 1) - 1e-6
    seconds: dict[str, list[float]] = {}
    for _ in track(range(repeats), description=f"{k} of {clips} clips"):
        scores = score_video(open_source(video), scorer, clip_duration=SECONDS, stride=stride)
        for answer in compare(scores, top_k(scores.scores, k), scorer, base):
            seconds.setdefault(answer.method, []).append(answer.seconds)
    median = {method: statistics.median(times) for method, times in seconds.items()}
    return {
        "size": size,
        "duration": duration,
        "clips": len(scores.clips),
        "k": k,
        "seconds": median,
        "ratio": median["dense"] / median["ddl"],
    }


def markdown(document: dict[str, Any]) -> str:
    lines = ["| SlowFast-R50 | DDNet | clips | dense | DDL | fewer by |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r['size']} px | {r['ddnet']} | {r['k']} of {r['clips']} | {r['gflops_dense']:.0f} G | "
        f"{r['gflops_ddl']:.1f} G | {r['ratio']:.2f} x |"
        for r in document["computed"]
    ]
    r, s = document["measured"], document["measured"]["seconds"]
    lines += [
        "",
        "| measured | clips | dense | DDL | uniform | faster by |",
        "|---|---|---|---|---|---|",
        f"| {r['size']} px, {r['duration']:.1f} s of video | {r['k']} of {r['clips']} | {s['dense']:.1f} s | "
        f"{s['ddl']:.2f} s | {s['uniform']:.2f} s | {r['ratio']:.2f} x |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
