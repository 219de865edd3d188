"""From frames to tracks of aligned faces: detect, align, track. What is worth looking at is not decided here."""

from clipselect.faces.alignment import TEMPLATE, Aligned, align, similarity_transform
from clipselect.faces.detection import Detections, Detector, Face, Haar, YuNet
from clipselect.faces.tracks import Track, iou, track

__all__ = [
    "TEMPLATE",
    "Aligned",
    "Detections",
    "Detector",
    "Face",
    "Haar",
    "Track",
    "YuNet",
    "align",
    "iou",
    "similarity_transform",
    "track",
]
