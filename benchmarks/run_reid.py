"""Re-identification of persons: `clipselect evaluate persons`, which it passes its options to.

    python benchmarks/run_reid.py --data MARS/bbox_test --base osnet_x0_25_msmt17.onnx --out OUT
    python benchmarks/run_reid.py --data mars market1501_train --trained-on mars market1501_train --pool \\
        --base osnet_x0_25_msmt17.onnx --degrade 0.5 --k 1 2 4 --out OUT

Writes OUT/results.json (clipselect/evaluation/results.py describes it, `clipselect report OUT` draws it) and
OUT/results.md.
"""

import sys

from clipselect.commands import app
from clipselect.commands.exit_codes import run_command

if __name__ == "__main__":
    sys.argv[:1] = ["clipselect", "evaluate", "persons"]
    run_command(app)
