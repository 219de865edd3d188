"""Why was this clip picked: what a base sees in it, and how clearly.

    python examples/explain_pick.py video.mp4

Without a file it takes the cartoon of `clipselect demo`. The base is the small one that is shipped; name yours as for
`clipselect score --explain`. D is eq. 3 of the paper: at 1 the base cannot distinguish the two classes, below 1 the
hardest negative is nearer.
"""

import sys
from pathlib import Path

from clipselect import load_base, select
from clipselect.commands.output.demo_video import write_demo_video

video = Path(sys.argv[1] if len(sys.argv) > 1 else "cartoon.mp4")
if len(sys.argv) == 1:
    write_demo_video(video)

base = load_base(sys.argv[2] if len(sys.argv) > 2 else "r3d-actions")
picks = select(video, k=3, explain=base)
for pick in picks:
    why = pick.explanation
    assert why is not None
    print(f"{pick.start:.0f} to {pick.end:.0f} s, rank {pick.rank}, score {pick.score:.2f}:")
    print(f"    nearest class {why.nearest}, hardest negative {why.hardest_negative}, D = {why.discriminability:.2f}")
for sentence in picks.doubts:
    print(sentence)
