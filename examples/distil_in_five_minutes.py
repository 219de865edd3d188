"""From raw videos and a network of yours to a DDNet that ranks clips for it. No labels are needed.

    pip install 'clipselect[train]'
    python examples/distil_in_five_minutes.py FOLDER torchvision:r3d_18:checkpoint.pth

Without arguments it makes small videos in which a square blinks or moves for a while, and a network that knows the two.
Real videos want the default numbers of steps and variants.
"""

import sys
from pathlib import Path

from clipselect import distill, select
from clipselect.evaluation.synthetic import make_synthetic, write_class_folders

if __name__ == "__main__":
    if len(sys.argv) > 2:
        folder, base, small = Path(sys.argv[1]), sys.argv[2], dict[str, float]()
    else:
        base = str(make_synthetic(Path("made_network"), videos=2).base)
        folder = write_class_folders(Path("made_videos"), videos=16)
        small = {"steps": 250, "batch": 16, "stride": 0.25, "variants": 0}
    made = distill(folder, base, "ddnet.safetensors", unlabelled=True, **small)
    print(f"Spearman's rho of scores and D-scores on held-out videos: {made.held_out['spearman']:.2f}")
    for pick in select(next(folder.rglob("*.mp4")), k=2, scorer=made.scorer):
        print(f"{pick.start:.2f} to {pick.end:.2f} s, score {pick.score:.2f}")
