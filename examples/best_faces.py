"""The best face of every person in a video: one picture and one feature per track, for a search or a gallery.

    pip install 'clipselect[faces,onnx]'
    python examples/best_faces.py party.mp4 --detector face_detection_yunet_2023mar.onnx --embedder arcface.onnx

The detector is YuNet of OpenCV's model zoo. The embedder is any ONNX file that makes features of aligned faces, RGB in
[-1, 1], such as those of InsightFace. Writes track_1.png, ... and features.npy, one row per track.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from clipselect import FaceFrameSampler, YuNet, faces_of_video, load_embedder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video")
parser.add_argument("--detector", required=True)
parser.add_argument("--embedder", required=True)
parser.add_argument("--folder", type=Path, default=Path("best_faces"))
arguments = parser.parse_args()

embedder = load_embedder(arguments.embedder, normalisation="half")  # [0, 255] -> [-1, 1]
sampler = FaceFrameSampler(k=1)
found = faces_of_video(arguments.video, YuNet(arguments.detector), shortest=5)  # tracks of five faces at least
arguments.folder.mkdir(parents=True, exist_ok=True)
best_faces = []
for number, track in enumerate(found.tracks, start=1):
    best = int(sampler(track.crops).indices[0])
    best_faces.append(track.crops[best])
    path = arguments.folder / f"track_{number}.png"
    Image.fromarray(track.crops[best]).save(path)
    print(f"{path}: the best of {len(track.crops)} faces, at {track.origins[best].time:.2f} s")
np.save(arguments.folder / "features.npy", embedder.embed(best_faces))  # [tracks, d]
