"""The faces of a video: found in every so-many-th frame, linked to tracks, cut out as face networks take them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clipselect.errors import VideoError
from clipselect.faces.alignment import align
from clipselect.faces.detection import Detector, Face
from clipselect.faces.tracks import track
from clipselect.frame_results import FrameOrigin
from clipselect.images import Image
from clipselect.orientation import orientation
from clipselect.sources import open_source


@dataclass(frozen=True)
class FaceTrack:
    """The faces of one person, as far as boxes tell, in time order.

    Attributes:
        origins: [n] frame, time and box of every face.
        crops: [n] aligned faces [112, 112, 3].
        by_landmarks: whether the crops are aligned by landmarks, or squares around boxes.
    """

    origins: list[FrameOrigin]
    crops: list[Image]
    by_landmarks: bool


@dataclass(frozen=True)
class FacesOfVideo:
    """What was found.

    Attributes:
        frames: how many frames were looked at.
        too_small: faces that were left out because they are too small.
    """

    tracks: list[FaceTrack]
    frames: int
    too_small: int


def faces_of_video(
    path: Path,
    detect: Detector,
    *,
    every: int = 1,
    shortest: int = 1,
    progress: Callable[[float], Any] | None = None,
) -> FacesOfVideo:
    """Find, track and align the faces of a video; one pass, in memory the crops alone.

    Args:
        every: look at every so-many-th frame, from the first on.
        shortest: tracks of fewer faces are left out.
        progress: called with the share of the frames done, in [0, 1].

    Raises:
        VideoError: not one frame decodes.
    """
    source = open_source(path)
    times = source.timeline.pts
    crops: dict[int, tuple[Image, bool]] = {}  # by the identity of the face, which its track keeps alive
    looked: list[int] = []
    too_small = 0

    def detections() -> Iterator[tuple[Face, ...]]:
        nonlocal too_small
        for number, frame in enumerate(source.pictures(0, len(times) - 1)):
            if number % every:
                continue
            pixels: Any = frame.to_ndarray(format="rgb24")
            picture = np.ascontiguousarray(orientation(frame).apply(pixels))
            found = detect(picture)
            too_small += found.too_small
            for face in found.faces:
                aligned = align(picture, face)
                crops[id(face)] = aligned.image, aligned.by_landmarks
            looked.append(number)
            if progress:
                progress(min(number / len(times), 1.0))
            yield found.faces

    tracks = []
    for one in track(detections(), shortest=shortest):
        numbers = [looked[i] for i in one.frames]
        seconds = [float(times[min(n, len(times) - 1)] * source.timeline.time_base) for n in numbers]
        origins = [
            FrameOrigin(frame=n, time=s, box=face.box) for n, s, face in zip(numbers, seconds, one.faces, strict=True)
        ]
        kept = [crops[id(face)] for face in one.faces]
        tracks.append(FaceTrack(origins, [image for image, _ in kept], all(landmarks for _, landmarks in kept)))
    if not looked:
        raise VideoError(f"{path}: not one frame of its video stream can be decoded")
    return FacesOfVideo(tracks, len(looked), too_small)
