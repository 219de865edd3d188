"""The best crop of every person that a tracker followed, from boxes in supervision's format (xyxy, tracker_id).

    pip install 'clipselect[faces,pandas]'    # faces is for OpenCV: leave it out if you have opencv-python
    python examples/best_crops.py street.mp4 boxes.csv

boxes.csv is what supervision's CSVSink writes by `append(detections, custom_data={"frame": number})`; supervision need
not be installed. Writes person_1.png for tracker 1, and so on. All crops are in memory at once.
"""

import sys
from collections import defaultdict
from typing import Any

import cv2
import numpy as np
import pandas

from clipselect import ReIDFrameSampler


def best_crops(video: str, frame: Any, xyxy: Any, tracker_id: Any) -> dict[int, Any]:
    """The best crop [h, w, 3], BGR, of every tracker, from frame numbers [n], boxes [n, 4] and tracker numbers [n]."""
    crops, capture = defaultdict(list), cv2.VideoCapture(video)
    for number in range(frame.max() + 1):
        there, picture = capture.read()
        for i in np.flatnonzero(frame == number) if there else ():
            left, top, right, bottom = xyxy[i].clip(0).astype(int)
            crop = picture[top:bottom, left:right, ::-1]  # RGB
            if crop.size:  # a tracker may guess boxes outside of the picture
                crops[tracker_id[i]].append(crop.copy())
    sampler = ReIDFrameSampler(k=1)
    return {who: found[sampler(found).indices[0]][..., ::-1] for who, found in crops.items()}


if __name__ == "__main__":
    boxes = pandas.read_csv(sys.argv[2]).dropna(subset="tracker_id").astype({"tracker_id": int})
    xyxy = boxes[["x_min", "y_min", "x_max", "y_max"]].to_numpy()
    for who, crop in best_crops(sys.argv[1], boxes["frame"].to_numpy(), xyxy, boxes["tracker_id"].to_numpy()).items():
        cv2.imwrite(f"person_{who}.png", crop)
