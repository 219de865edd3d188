"""The best shots of a film: PySceneDetect finds where shots begin and end, clipselect ranks them and cuts out the best.

    pip install clipselect scenedetect-headless
    python examples/best_shots.py film.mp4 --k 3 --folder shots

The package `scenedetect` is the same with opencv-python. Its files overwrite those of opencv-python-headless, which the
extra `faces` installs: have one of the two. The DDNet looks at 4 frames of a shot, however long it is.
"""

import argparse

from scenedetect import AdaptiveDetector, detect

from clipselect import select

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("film")
parser.add_argument("--k", type=int, default=3)
parser.add_argument("--folder", default="shots")
arguments = parser.parse_args()

shots = detect(arguments.film, AdaptiveDetector(), start_in_scene=True)  # without a cut, the film is one shot
picks = select(arguments.film, arguments.k, candidates=shots)
for pick, path in zip(picks, picks.save(arguments.folder), strict=True):
    print(f"{pick.rank:3} of {len(shots)}: {pick.start:.2f} to {pick.end:.2f} s, score {pick.score:.3f}, {path}")
