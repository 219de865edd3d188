"""Qualities of frames that need no training, ready to be a `scorer`: functions of n frames that give n numbers.

They take the frames of clips as well; a clip's quality is the mean over its frames. Their names stand in
`clipselect.scoring.named_scorers`.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipselect.errors import ClipselectError
from clipselect.media.images import Image, opencv, silent_opencv, squash_image
from clipselect.scoring.function_scorer import FunctionScorer
from clipselect.scoring.unit_rows import unit_rows

Embed = Callable[[Sequence[Image]], NDArray[np.float32]]
"""Features [n, d] of n images [h, w, 3], such as `Embedder.embed`."""

JPEG_QUALITY = 90
LIGHTQNET_SIDE = 96


def sharpness(elements: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[n] variance of the Laplacian of the grey image: high where there are edges, low where all is blurred.

    >>> checks = np.indices((8, 8)).sum(axis=0) % 2 * 255
    >>> sharp, flat = sharpness(np.stack([checks, checks * 0 + 127])[..., None].repeat(3, -1).astype(np.uint8))
    >>> bool(sharp > flat)
    True
    """
    cv2 = opencv()

    def of_frame(frame: Image) -> float:
        return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())

    return _each_frame(elements, of_frame)


def jpeg_bytes(elements: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[n] bytes of the frames as JPEG of quality 90, which detail needs; compare frames of one size."""
    cv2 = opencv()

    def of_frame(frame: Image) -> float:
        return float(len(cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]))

    return _each_frame(elements, of_frame)


def area(elements: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[n] pixels: of crops of a person or face as they were cut out, the size of the box.

    >>> area(np.zeros((2, 80, 40, 3), np.uint8))
    array([3200., 3200.])
    """
    return np.full(len(elements), float(np.prod(elements.shape[-3:-1])))


def feature_norm(embed: Embed) -> FunctionScorer:
    """The Euclidean norm of a base's feature, which falls with the quality of a face (the idea of MagFace).

    >>> embed = lambda images: np.array([image.mean(axis=(0, 1)) for image in images])
    >>> feature_norm(embed).score(np.full((1, 4, 4, 3), 4, np.uint8)).round(3)
    array([6.928], dtype=float32)
    """
    return FunctionScorer(
        lambda frames: np.linalg.norm(np.asarray(embed([*frames])), axis=1), name="feature-norm", elements="frames"
    )


def agreement(embed: Embed, size: int | tuple[int, int] = 112) -> FunctionScorer:
    """The cosine of a base's feature with the mean feature of the group: low for what is unlike the others.

    The base embeds every frame, so choosing by it saves nothing.

    Args:
        size: of the images that the base gets, a side or (height, width).

    >>> embed = lambda images: np.array([image.mean(axis=(0, 1)) for image in images])
    >>> red, blue = np.zeros((2, 4, 4, 3), np.uint8)
    >>> red[..., 0], blue[..., 2] = 200, 200
    >>> agreement(embed).score_images([red, red, blue]).round(2)
    array([0.89, 0.89, 0.45], dtype=float32)
    """

    return FunctionScorer(
        lambda frames: agreement_with_mean(embed([*frames])),
        name="agreement",
        size=size,
        whole_group=True,
        elements="frames",
    )


def flip_agreement(embed: Embed) -> FunctionScorer:
    """The cosine of a base's features of a frame and of its mirror image: how sure the base is (the idea of SER-FIQ).

    The base embeds every frame twice, so choosing by it saves nothing.

    >>> embed = lambda images: np.array([image.reshape(-1) for image in images])
    >>> same_on_both_sides, one_sided = np.zeros((2, 1, 2, 3), np.uint8)
    >>> same_on_both_sides[:], one_sided[:, 0] = 9, 9
    >>> flip_agreement(embed).score_images([same_on_both_sides, one_sided]).round(2)
    array([1., 0.], dtype=float32)
    """

    def quality(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        views = (frames, np.ascontiguousarray(frames[:, :, ::-1]))
        one, other = (np.asarray(embed([*view]), dtype=np.float64) for view in views)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines: NDArray[np.float64] = (one * other).sum(axis=1) / (lengths + 1e-12)
        return cosines

    return FunctionScorer(quality, name="flip-agreement", elements="frames")


def agreement_with_mean(features: ArrayLike) -> NDArray[np.float64]:
    """[n] cosines of the features [n, d] of a group with the mean of the group, to which all contribute equally.

    >>> agreement_with_mean([[2, 0], [1, 0], [0, 1]]).round(2)
    array([0.89, 0.89, 0.45])
    """
    rows = unit_rows(np.asarray(features, dtype=np.float64))
    mean = rows.mean(axis=0, keepdims=True)
    return rows @ unit_rows(mean, least=1e-9)[0]  # a mean of rounding errors has no direction


def lightqnet(path: str | Path) -> FunctionScorer:
    """LightQNet (Chen and others, 2021; MIT), a quality network for faces aligned as ArcFace's: scores in (0, 1).

    Args:
        path: of lightqnet-dm025.pb, -dm050.pb or -dm100.pb of github.com/KaenChan/lightqnet, which OpenCV runs.

    Raises:
        MissingLibraryError: OpenCV is missing.
        ClipselectError: not such a file.
    """
    cv2 = opencv()
    try:
        with silent_opencv():
            net = cv2.dnn.readNetFromTensorflow(str(path))
    except cv2.error as e:
        raise ClipselectError(f"{path}: not a TensorFlow graph that OpenCV reads; fetch lightqnet-dm100.pb") from e

    def quality(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        squashed = np.stack([squash_image(face, LIGHTQNET_SIDE, LIGHTQNET_SIDE) for face in faces])
        pixels = (squashed[..., ::-1].astype(np.float32) - 128) / 128  # BGR, as its authors' own code feeds it
        net.setInput(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
        return np.asarray(net.forward())

    return FunctionScorer(quality, name=Path(path).stem, elements="frames", multiply_adds=_multiply_adds(net))


def _multiply_adds(net: Any) -> int:
    """Of a LightQNet on one face. OpenCV's own count takes depthwise convolutions for full ones."""
    numbers, _, outputs = net.getLayersShapes([1, 3, LIGHTQNET_SIDE, LIGHTQNET_SIDE])
    total = 0
    for number, [shape, *_] in zip(np.ravel(numbers).tolist(), outputs, strict=True):
        layer = net.getLayer(number)
        if layer.type in ("Convolution", "InnerProduct"):
            places = math.prod(int(side) for side in np.ravel(shape)[2:])
            total += layer.blobs[0].size * places
    return total


def _each_frame(elements: NDArray[np.uint8], of_frame: Callable[[Image], float]) -> NDArray[np.float64]:
    """[n] of frames [n, h, w, 3], or the means over the frames of clips [n, T, h, w, 3]."""
    frames = elements.reshape(-1, *elements.shape[-3:])
    return np.array([of_frame(frame) for frame in frames]).reshape(len(elements), -1).mean(axis=1)
