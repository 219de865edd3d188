"""Which faces of successive frames are one person: boxes that overlap are linked. A pure function over detections."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torchvision.ops import box_convert, box_iou

from clipselect.errors import check_argument
from clipselect.faces.detection import Face
from clipselect.media.optional import require


@dataclass(frozen=True)
class Track:
    """The faces of one person through the frames: a group for the DDNet.

    Attributes:
        frames: the frame of every face, counted from 0 among the frames looked at; rising, with gaps where it was
            missed.
        faces: as many.
    """

    frames: tuple[int, ...]
    faces: tuple[Face, ...]


def track(
    detections: Iterable[Sequence[Face]], *, overlap: float = 0.3, patience: int = 5, shortest: int = 1
) -> list[Track]:
    """Link faces from frame to frame.

    In every frame the faces are given to the tracks so that the intersection over union with each track's last face is
    greatest in total (the Hungarian method); a face left over begins a track. Nothing but boxes is looked at: somebody
    who leaves for longer than the patience, or moves by more than their box, is a new track.

    Args:
        detections: the faces of every frame, in time order; empty where there are none.
        overlap: in (0, 1]; boxes with less intersection over union are not linked.
        patience: how many frames in a row may miss a face before its track ends.
        shortest: tracks of fewer faces are left out.

    Returns:
        The tracks, by the frame and then the place in it of their first face; the same for the same detections.

    Raises:
        ArgumentError: an option outside its range.

    >>> here, there = Face((0.0, 0.0, 50.0, 50.0), 0.9), Face((200.0, 0.0, 50.0, 50.0), 0.8)
    >>> [one.frames for one in track([[here], [here, there], [there]])]
    [(0, 1), (1, 2)]
    """
    check_argument(0 < overlap <= 1, "overlap", f"must lie in (0, 1], got {overlap}")
    check_argument(patience >= 0, "patience", f"must be at least 0, got {patience}")
    check_argument(shortest >= 1, "shortest", f"must be at least 1, got {shortest}")
    tracks: list[list[tuple[int, Face]]] = []
    for index, faces in enumerate(detections):
        live = [members for members in tracks if index - members[-1][0] <= patience + 1]
        linked = _links([members[-1][1] for members in live], faces, overlap)
        for i, face in enumerate(faces):
            if i in linked:
                live[linked[i]].append((index, face))
            else:
                tracks.append([(index, face)])
    kept = [members for members in tracks if len(members) >= shortest]
    return [Track(tuple(index for index, _ in members), tuple(face for _, face in members)) for members in kept]


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union [n, m] in [0, 1] of boxes [n, 4] and [m, 4] (x, y, w, h); 0 for empty ones.

    >>> iou([(0, 0, 10, 10)], [(0, 0, 10, 10), (5, 0, 10, 10), (20, 0, 5, 5)]).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    boxes = (torch.from_numpy(np.asarray(xywh, dtype=np.float64).reshape(-1, 4)) for xywh in (a, b))
    overlap = box_iou(*(box_convert(corners, "xywh", "xyxy") for corners in boxes))
    return np.asarray(overlap.nan_to_num(0.0))  # 0 / 0 for empty boxes


def _links(last: Sequence[Face], faces: Sequence[Face], overlap: float) -> dict[int, int]:
    """The index in `last` of the face that each of `faces`, by its index, is linked to."""
    if not last or not faces:
        return {}
    gain = iou([face.box for face in last], [face.box for face in faces])
    gain[gain < overlap] = 0
    require("scipy", "linking faces to tracks")
    from scipy.optimize import linear_sum_assignment  # slow to import

    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0}
