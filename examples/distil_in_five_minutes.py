"""From a folder of labelled videos to a DDNet of your own: train a base, distil, rank.

    pip install 'clipselect[train]'
    python examples/distil_in_five_minutes.py videos

Without a folder it makes small videos in which a square blinks or moves for a while. A base of your own takes the place
of the first step, such as "torchvision:r3d_18:checkpoint.pth". Real videos want the default numbers of steps.
"""

import sys
from pathlib import Path

from clipselect import distill, select, train_base
from clipselect.evaluation.synthetic import write_class_folders

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else write_class_folders(Path("made_videos"), videos=10)
    small = dict[str, int]() if len(sys.argv) > 1 else {"steps": 40, "batch": 16}
    base = train_base(folder, "base.safetensors", size=64 if small else None, **small)
    print(f"the base is right about {base.metadata['accuracy']['top1']:.0f} % of the held-out videos")
    made = distill(folder, "base.safetensors", "ddnet.safetensors", **small)
    print(f"Spearman's rho of scores and D-scores on held-out videos: {made.held_out['spearman']:.2f}")
    for pick in select(next(folder.glob("*/*.mp4")), k=2, scorer=made.scorer):
        print(f"{pick.start:.2f} to {pick.end:.2f} s, score {pick.score:.2f}")
