"""Where the faces of a frame are: what every detector gives, and OpenCV's YuNet, which needs a model file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError
from clipselect.media.images import Image, check_image, opencv, silent_opencv

MIN_FACE = 20.0
MAX_FRAME_SIDE = 1280
MIN_FRAME_SIDE = 64
"""In pixels. With smaller frames, OpenCV 4.14 lets YuNet read uninitialised memory: they are padded."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a frame, in pixels from the frame's top left corner; it may reach beyond the frame.

    Attributes:
        box: x, y of its top left corner, width, height.
        confidence: of YuNet and MTCNN in [0, 1].
        landmarks: [5, 2] float64 x, y of the eyes, the nose and the mouth's corners; of two, the one on
            the left of an upright picture comes first. None from a detector without them.
    """

    box: tuple[float, float, float, float]
    confidence: float
    landmarks: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Detections:
    """What a detector found in one frame.

    Attributes:
        faces: the most confident first.
        too_small: how many more were dropped because a side of their box is too short.
    """

    faces: tuple[Face, ...]
    too_small: int = 0


Detector = Callable[[Image], Detections]
"""Anything that finds faces in a frame [h, w, 3] uint8 RGB."""


class YuNet:
    """OpenCV's `FaceDetectorYN`: boxes, confidences and landmarks.

    Args:
        model: the .onnx file of OpenCV's model zoo (face_detection_yunet_*.onnx).
        confidence: in (0, 1); faces below it are dropped.
        max_frame_side: frames with a longer side are shrunk for detection, in pixels; boxes are of the whole frame.
        min_face: faces with a side below it, in pixels of the whole frame, are dropped and counted.

    Raises:
        ClipselectError: no such file, or it is no such detector.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        confidence: float = 0.6,
        max_frame_side: int = MAX_FRAME_SIDE,
        min_face: float = MIN_FACE,
    ) -> None:
        cv2, path = opencv(), Path(model)
        try:
            content = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError as e:
            remedy = "give the .onnx file of OpenCV's YuNet"
            raise ClipselectError(f"{path}: cannot be read as a face detector; {remedy}") from e
        self.max_frame_side, self.min_face = max_frame_side, min_face
        try:
            with silent_opencv():
                self._net = cv2.FaceDetectorYN.create("onnx", content, np.empty(0, np.uint8), (64, 64), confidence)
                self._net.detect(np.zeros((64, 64, 3), np.uint8))  # other networks fail only now
        except cv2.error as e:
            remedy = "give face_detection_yunet_*.onnx of OpenCV's model zoo"
            raise ClipselectError(f"{path}: not a YuNet face detector; {remedy}") from e

    def __call__(self, frame: Image) -> Detections:
        """The faces of a frame [h, w, 3] uint8 RGB; a ValueError for anything else."""
        image, scale = shrink(frame, self.max_frame_side)
        if min(frame.shape[:2]) < self.min_face:
            return Detections(())
        image = _padded(image)
        cv2 = opencv()
        self._net.setInputSize((image.shape[1], image.shape[0]))
        rows = self._net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        found = np.empty((0, 15)) if rows is None else np.asarray(rows, dtype=np.float64)
        boxes, landmarks = found[:, :4] * np.tile(scale, 2), found[:, 4:14].reshape(-1, 5, 2) * scale
        return drop_small(map(Face, map(tuple, boxes.tolist()), found[:, 14].tolist(), landmarks), self.min_face)


def shrink(frame: Image, max_side: int) -> tuple[Image, NDArray[np.float64]]:
    """The frame with its longer side at most `max_side`, and by how much x and y [2] grow on the way back."""
    check_image(frame)
    height, width = frame.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    if scale == 1:
        return frame, np.ones(2)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    cv2 = opencv()
    image = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return image, np.array([width, height]) / size


def _padded(image: Image) -> Image:
    """The image with black to its right and below it, as far as its sides are shorter than `MIN_FRAME_SIDE`."""
    height, width = image.shape[:2]
    if min(height, width) >= MIN_FRAME_SIDE:
        return image
    return np.pad(image, ((0, max(MIN_FRAME_SIDE - height, 0)), (0, max(MIN_FRAME_SIDE - width, 0)), (0, 0)))


def drop_small(found: Iterable[Face], min_face: float) -> Detections:
    """The faces with no side below `min_face` pixels, the most confident first, and how many others there were."""
    faces = sorted(found, key=lambda face: (-face.confidence, face.box))
    large = tuple(face for face in faces if min(face.box[2:]) >= min_face)
    return Detections(large, len(faces) - len(large))
