"""From the frames of a video to tracks of aligned faces: detect, align, track.

Which of the faces are picked is decided elsewhere, in `clipselect.samplers.frame_sampler`.
"""

from clipselect.faces.alignment import TEMPLATE, Aligned, align, similarity_transform
from clipselect.faces.detection import Detections, Detector, Face, YuNet
from clipselect.faces.mtcnn import MTCNN
from clipselect.faces.tracks import Track, iou, track
from clipselect.faces.video_faces import FacesOfVideo, FaceTrack, faces_of_tracks, faces_of_video

__all__ = [
    "MTCNN",
    "TEMPLATE",
    "Aligned",
    "Detections",
    "Detector",
    "Face",
    "FaceTrack",
    "FacesOfVideo",
    "Track",
    "YuNet",
    "align",
    "faces_of_tracks",
    "faces_of_video",
    "iou",
    "similarity_transform",
    "track",
]
