"""Accuracy and cost of clip selection on labelled videos: `clipselect evaluate clips`, which it passes its options to.

    python benchmarks/run_kinetics.py --data kinetics400 --base slowfast_r50:pretrained --model ddnet.safetensors \\
        --dense 30 --k 1 3 5 9 --out OUT
    python benchmarks/run_kinetics.py --activitynet activity_net.v1-2.json --prefix VIDEOS ... --out OUT
    python benchmarks/run_kinetics.py --data actions --background background --compose mixed hard \\
        --domains benchmarks/actions_domains.csv --out OUT
    python benchmarks/run_kinetics.py --synthetic --out OUT

Writes OUT/results.json (clipselect/evaluation/results.py describes it, `clipselect report OUT` draws it) and
OUT/results.md.
"""

import sys

from clipselect.commands import app
from clipselect.commands.exit_codes import run_command

if __name__ == "__main__":
    sys.argv[:1] = ["clipselect", "evaluate", "clips"]
    run_command(app)
