"""What clip selection costs and saves at the paper's settings: multiply-adds computed, seconds measured.

    python benchmarks/run_cost.py --video VIDEO --out OUT

Computed: SlowFast-R50 on 5 of 30 and 9 of 60 clips, the DDNet on all of them included, against SlowFast on all, at the
paper's 112 x 112 and at 256 x 256. Measured: from the opened file to the answer, with SlowFast-R50 of random weights at
256 x 256 (its speed does not depend on them), all methods in one run. Writes OUT/results.json and OUT/results.md.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from clipselect.zoo.base import MEAN, STD, Base
from rich.progress import track
from shared import heavy_base, write_results

from clipselect import DDNet, DDNetConfig, load_scorer, open_source, score_video, top_k
from clipselect.commands.exit_codes import run_command
from clipselect.evaluation.classify import compare
from clipselect.evaluation.provenance import environment, network_record
from clipselect.media.files import make_folder
from clipselect.scoring.input_spec import InputSpec
from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer

SETTINGS = ((30, 5), (60, 9))
"""Dense clips and K: Kinetics-700 and ActivityNet-1.2 in the paper."""
LARGEST = InputSpec(112, 112, MEAN, STD, frames=16)
"""What a DDNet with a stem that does not stride would see; the shipped one says itself what it sees."""

Rows = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, required=True, help="a file of about 10 s")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json")
    parser.add_argument("--size", type=int, default=256, help="of the clips that SlowFast is timed on")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    make_folder(args.out)
    base, scorer = heavy_base("slowfast_r50", "cpu", args.size), load_scorer(device="cpu")
    rows = [*computed(base, scorer), *measured(args.video, base, scorer, args.repeats)]
    document = {
        "benchmark": "cost",
        "settings": {"video": args.video.name, "weights": "random", "repeats": args.repeats},
        "environment": environment(base.device),
        "base": network_record(base),
        "model": network_record(scorer),
        "data": [{"name": name, "videos": 1} for name in dict.fromkeys(row["data"] for row in rows)],
        "rows": rows,
    }
    write_results(args.out, document)


def computed(base: Base, scorer: Scorer) -> Rows:
    """G multiply-adds per video as fvcore counts them: one multiply-add is one. `fewer` is dense over ddl."""
    rows: Rows = []
    ddnets = {
        f"{seen(scorer.input_spec)} (shipped)": multiply_adds(scorer.net, scorer.input_spec) / 1e9,
        f"{seen(LARGEST)}, full stem": multiply_adds(DDNet(DDNetConfig(dims=3)).eval(), LARGEST) / 1e9,
    }
    for size in (112, 256):
        per_clip = multiply_adds(base.net, InputSpec(size, size, MEAN, STD, base.input_spec.frames)) / 1e9
        for name, scoring in ddnets.items():
            for clips, k in SETTINGS:
                data = f"{k} of {clips} clips at {size} px, DDNet: {name}"
                dense, ddl = clips * per_clip, k * per_clip + clips * scoring
                for method, kept, ddnet in (("ddl", k, clips * scoring), ("dense", clips, 0.0)):
                    parts = {"gflops_ddnet": ddnet, "gflops_base": kept * per_clip}
                    row = {"data": data, "method": method, "k": kept, "videos": 1, "gflops": sum(parts.values())}
                    rows.append(row | parts | ({"fewer": dense / ddl} if method == "ddl" else {}))
    return rows


def seen(spec: InputSpec) -> str:
    """
    >>> seen(LARGEST)
    '16 frames of 112 px'
    """
    return f"{spec.frames} frames of {spec.height} px"


def measured(video: Path, base: Base, scorer: Scorer, repeats: int) -> Rows:
    """Median seconds per method for 5 of 30 clips, decoding included. `faster` is dense over ddl."""
    clips, k = SETTINGS[0]
    duration = float(open_source(video).timeline.duration)
    stride = (duration - base.clip_duration) / (clips - 1) - 1e-6
    times: dict[str, list[float]] = {}
    for _ in track(range(repeats), description=f"{k} of {clips} clips"):
        scores = score_video(open_source(video), scorer, clip_duration=base.clip_duration, stride=stride)
        answers = compare(scores, top_k(scores.scores, k), scorer, base)
        for answer in answers:
            times.setdefault(answer.method, []).append(answer.seconds)
    seconds = {method: statistics.median(values) for method, values in times.items()}
    data = f"measured: {k} of {len(scores.clips)} clips at {base.input_spec.size} px, {duration:.1f} s of video"
    rows: Rows = [
        {"data": data, "method": a.method, "k": a.clips, "videos": 1, "gflops": a.gflops, "seconds": seconds[a.method]}
        for a in answers
    ]
    rows[0]["faster"] = seconds["dense"] / seconds["ddl"]
    return rows


if __name__ == "__main__":
    run_command(main)
