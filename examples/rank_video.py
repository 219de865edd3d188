"""The best clips of a video, as a table, a picture and files.

    pip install 'clipselect[report]'
    python examples/rank_video.py video.mp4

Without a file it takes the cartoon of `clipselect demo`, in which two figures scuffle from second 5 to 8. Writes
rank_video.png and the picked clips to the folder `picks`.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from clipselect import select
from clipselect.commands.output.demo_video import write_demo_video

video = Path(sys.argv[1] if len(sys.argv) > 1 else "cartoon.mp4")
if len(sys.argv) == 1:
    write_demo_video(video)

picks = select(video, k=3)
for pick in picks:
    print(
        f"{pick.start:5.2f} to {pick.end:5.2f} s  score {pick.score:.3f}  rank {pick.rank} of {len(picks.candidates)}"
    )
for path in picks.save("picks"):
    print(path)

figure, axis = plt.subplots(figsize=(8, 2.4), layout="constrained")
chosen = {pick.rank for pick in picks}
for clip in picks.candidates:
    colour = "#00796b" if clip.rank in chosen else "#c5cccc"
    axis.bar(clip.start, clip.score, clip.end - clip.start, align="edge", color=colour, edgecolor="white")
axis.set(xlabel="seconds", ylabel="score", ylim=(0, 1), title=f"{video.name}: the three picks in green")
figure.savefig("rank_video.png", dpi=110)
