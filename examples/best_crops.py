"""The best crop of every person that a tracker followed, from boxes in supervision's format (xyxy, tracker_id).

    pip install 'clipselect[faces]'    # for OpenCV; if you have opencv-python, `pip install clipselect` will do
    python examples/best_crops.py street.mp4 boxes.csv

boxes.csv is what supervision's CSVSink writes by `append(detections, custom_data={"frame": number})`; supervision need
not be installed. Writes person_1.png for tracker 1, and so on. All crops are in memory at once.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from clipselect import ReIDFrameSampler


def best_crops(video: str, frame: Any, xyxy: Any, tracker_id: Any) -> dict[int, Any]:
    """The best crop [h, w, 3], BGR, of every tracker, from frame numbers [n], boxes [n, 4] and tracker numbers [n]."""
    crops, capture = defaultdict(list), cv2.VideoCapture(video)
    for number in range(frame.max() + 1):
        there, picture = capture.read()
        for i in np.flatnonzero(frame == number) if there else ():
            left, top, right, bottom = xyxy[i].clip(0).astype(int)
            crops[tracker_id[i]].append(picture[top:bottom, left:right, ::-1].copy())  # RGB
    sampler = ReIDFrameSampler(k=1)
    return {who: found[sampler(found).indices[0]][..., ::-1] for who, found in crops.items()}


if __name__ == "__main__":
    rows = [row for row in csv.DictReader(Path(sys.argv[2]).read_text().splitlines()) if row["tracker_id"]]
    xyxy = np.array([[float(row[side]) for side in ("x_min", "y_min", "x_max", "y_max")] for row in rows])
    frame, tracker_id = (np.array([int(row[name]) for row in rows]) for name in ("frame", "tracker_id"))
    for who, crop in best_crops(sys.argv[1], frame, xyxy, tracker_id).items():
        cv2.imwrite(f"person_{who}.png", crop)
