"""Which faces of successive frames are one person: boxes that overlap are linked. A pure function over detections."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from clipselect.faces.detection import Face


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

    def __len__(self) -> int:
        return len(self.faces)


def track(
    detections: Iterable[Sequence[Face]], *, overlap: float = 0.3, patience: int = 5, shortest: int = 1
) -> list[Track]:
    """Link faces from frame to frame.

    In every frame the faces are given to the tracks so that the intersection over union with each track's last face is
    greatest in total (the Hungarian method); a face left over begins a track. Nothing but boxes is looked at: somebody
    who leaves for longer than the patience, or moves by more than their box, is a new track.

    Args:
        detections: the faces of every frame, in time order; empty where there are none.
        overlap: in (0, 1], the least intersection over union of a link.
        patience: how many frames in a row may miss a face before its track ends.
        shortest: tracks of fewer faces are left out.

    Returns:
        The tracks, by the frame and then the place in it of their first face; the same for the same detections.

    Raises:
        ValueError: an option outside its range.
    """
    if not 0 < overlap <= 1:
        raise ValueError(f"overlap must lie in (0, 1], got {overlap}")
    if patience < 0 or shortest < 1:
        raise ValueError(f"patience must be at least 0 and shortest at least 1, got {patience} and {shortest}")
    tracks: list[list[tuple[int, Face]]] = []
    for index, faces in enumerate(detections):
        live = [members for members in tracks if index - members[-1][0] <= patience + 1]
        linked = _links([members[-1][1] for members in live], faces, overlap)
        for i, face in enumerate(faces):
            if i in linked:
                live[linked[i]].append((index, face))
            else:
                tracks.append([(index, face)])
    return [
        Track(tuple(index for index, _ in members), tuple(face for _, face in members))
        for members in tracks
        if len(members) >= shortest
    ]


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union [n, m] in [0, 1] of boxes [n, 4] and [m, 4] (x, y, w, h); 0 for empty ones."""
    p, q = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (a, b))
    low = np.maximum(p[:, None, :2], q[None, :, :2])
    high = np.minimum(p[:, None, :2] + p[:, None, 2:], q[None, :, :2] + q[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    union = p[:, None, 2:].prod(axis=2) + q[None, :, 2:].prod(axis=2) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _links(last: Sequence[Face], faces: Sequence[Face], overlap: float) -> dict[int, int]:
    """Of the faces: to which of `last` each is linked."""
    if not last or not faces:
        return {}
    gain = iou([face.box for face in last], [face.box for face in faces])
    gain[gain < overlap] = 0
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0}
