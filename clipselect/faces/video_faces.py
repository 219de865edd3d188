"""The faces of a video: found in its frames, linked to tracks, cut out as face networks take them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clipselect.errors import VideoError, check_argument
from clipselect.faces.alignment import Aligned, align
from clipselect.faces.detection import Detector, Face
from clipselect.faces.tracks import track
from clipselect.media.images import FrameOrigin, Image
from clipselect.media.progress import Progress, ProgressCallback, no_progress
from clipselect.media.scaling import upright
from clipselect.media.sources import Source, open_source
from clipselect.media.video import VideoFile, broken_at, nothing_decodes


@dataclass(frozen=True)
class FaceTrack:
    """The faces that were linked to one person, in time order.

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
        warnings: what was odd about the video, such as frames that do not decode.
    """

    tracks: list[FaceTrack]
    frames: int
    too_small: int
    warnings: tuple[str, ...] = ()


def faces_of_video(
    path: Path | str, detect: Detector, *, every: int = 1, shortest: int = 1, progress: ProgressCallback = no_progress
) -> FacesOfVideo:
    """Find, track and align the faces of a video; one pass, in memory the crops alone.

    Args:
        every: look at every n-th frame, from the first on; 1 is all of them.
        shortest: tracks of fewer faces are left out.
        progress: reports the frames looked at, as stage "finding faces".

    Raises:
        VideoError: not one frame decodes.
        ArgumentError: `every` or `shortest` below 1.

    >>> from clipselect.faces.detection import Detections
    >>> left = Face((10.0, 10.0, 40.0, 40.0), confidence=0.9)
    >>> found = faces_of_video("video.mp4", lambda frame: Detections((left,)), every=10)
    >>> [origin.frame for origin in found.tracks[0].origins]
    [0, 10, 20, 30, 40, 50, 60]
    """
    check_argument(every >= 1, "every", f"must be at least 1, got {every}")
    check_argument(shortest >= 1, "shortest", f"must be at least 1, got {shortest}")
    source = open_source(path)
    total = len(source.timeline.pts)
    crops: dict[int, Aligned] = {}  # by the identity of the face, which its track keeps alive
    looked: list[int] = []
    seen: set[int] = set()
    too_small = 0

    def detections() -> Iterator[tuple[Face, ...]]:
        nonlocal too_small
        for number, picture in _pictures(source, every, seen):
            found = detect(picture)
            too_small += found.too_small
            faces = tuple(replace(face) for face in found.faces)  # a detector may give the same object again
            crops.update({id(face): align(picture, face) for face in faces})
            looked.append(number)
            progress(Progress("finding faces", number, total))
            yield faces
        progress(Progress("finding faces", total, total))

    tracks = [
        _track(source, [(looked[i], face, crops[id(face)]) for i, face in zip(one.frames, one.faces, strict=True)])
        for one in track(detections(), shortest=shortest)
    ]
    if not looked:
        raise nothing_decodes(path)
    return FacesOfVideo(tracks, len(looked), too_small, (*source.warnings, *_lost(source, seen)))


def faces_of_tracks(path: Path | str, tracks: Sequence[Mapping[int, Face]]) -> list[FaceTrack]:
    """Cut the faces of tracks that are known already, from another detector or tracker, out of a video; one pass.

    Args:
        tracks: of each its faces by the number of the frame, counted from 0.

    Raises:
        VideoError: a frame that the video does not have.
        ValueError: no tracks, or one without faces.

    >>> left = Face((10.0, 10.0, 40.0, 40.0), confidence=0.9)
    >>> faces_of_tracks("video.mp4", [{0: left, 25: left}])[0].crops[1].shape
    (112, 112, 3)
    """
    if not tracks or not all(tracks):
        raise ValueError("every track needs at least one face")
    source = open_source(path)
    wanted = {number for one in tracks for number in one}
    crops: list[dict[int, Aligned]] = [{} for _ in tracks]
    for number, picture in _pictures(source, 1, set()):
        for one, kept in zip(tracks, crops, strict=True):
            if number in one:
                kept[number] = align(picture, one[number])
        wanted.discard(number)
        if not wanted:
            break
    if wanted:
        problem = "which a track names, is not there or does not decode; count frames from 0"
        raise VideoError(f"{path}: frame {min(wanted)}, {problem}")
    return [
        _track(source, [(number, one[number], kept[number]) for number in sorted(one)])
        for one, kept in zip(tracks, crops, strict=True)
    ]


def _pictures(source: Source, every: int, seen: set[int]) -> Iterator[tuple[int, Image]]:
    """Number and pixels [h, w, 3], upright, of every n-th frame; the numbers of all that decode go to `seen`.

    A frame's number is its place among those that the file promises: frames that do not decode leave a gap.
    """
    promised = source.timeline.pts
    all_frames = source.decode(whole=True) if isinstance(source, VideoFile) else source.pictures(0, len(promised) - 1)
    for frame in all_frames:
        number = min(int(np.searchsorted(promised, frame.pts or 0)), len(promised) - 1)
        if number in seen:  # a frame that the file does not promise
            continue
        seen.add(number)
        if number % every == 0:
            yield number, upright(frame)


def _lost(source: Source, seen: set[int]) -> tuple[str, ...]:
    promised = len(source.timeline.pts)
    if len(seen) == promised:
        return ()
    first = next(number for number in range(promised) if number not in seen)
    second = float(source.timeline.pts[first] * source.timeline.time_base)
    return (broken_at(second, len(seen), promised, "looked at"),)


def _track(source: Source, faces: Sequence[tuple[int, Face, Aligned]]) -> FaceTrack:
    """A track of (number of the frame, face, crop)."""
    pts, time_base = source.timeline.pts, source.timeline.time_base
    origins = [FrameOrigin(frame=n, time=float(pts[n] * time_base), box=face.box) for n, face, _ in faces]
    return FaceTrack(origins, [crop.image for *_, crop in faces], all(crop.by_landmarks for *_, crop in faces))
