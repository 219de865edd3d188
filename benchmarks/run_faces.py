"""Verification of sets of faces: `clipselect evaluate faces`, which it passes its options to.

    python benchmarks/run_faces.py --data DATA/faces --base mobilefacenet_foamliu:FILE.pt --set-size 3 5 10 \\
        --blur 11 17 --degrade --far 1e-3 1e-4 --out OUT
    python benchmarks/run_faces.py --data YouTubeFaces/aligned_images_DB --pairs splits.txt --base ... --out OUT
    python benchmarks/run_faces.py --data IJB-C --base ir_101:FILE.pt --far 1e-4 1e-3 --draws 200 --out OUT

Writes OUT/results.json (clipselect/evaluation/results.py describes it, `clipselect report OUT` draws it) and
OUT/results.md.
"""

import sys

from clipselect.commands import app
from clipselect.commands.exit_codes import run_command

if __name__ == "__main__":
    sys.argv[:1] = ["clipselect", "evaluate", "faces"]
    run_command(app)
