"""The scores that a DDNet gives to its training elements, whose quantiles travel with its weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.data.identities import read_identities
from clipselect.data.splits import split_folders
from clipselect.data.unlabelled import read_unlabelled
from clipselect.errors import ClipselectError, ImageError
from clipselect.media.candidate_clips import Seconds
from clipselect.media.images import Image, read_image
from clipselect.media.progress import ProgressCallback, no_progress, tracked
from clipselect.media.sources import open_source
from clipselect.media.unreadable import UNREADABLE, OnError, as_clipselect_error, ignore_error
from clipselect.method.selection import evenly
from clipselect.scoring.percentiles import QUANTILES_KEY, score_quantiles
from clipselect.scoring.scorer import Scorer, load_ddnet
from clipselect.scoring.shipped import DDNETS, weights_path
from clipselect.scoring.video_scores import VideoScores, score_video
from clipselect.scoring.weights_file import load_weights, save_weights
from clipselect.training.frame_elements import Variants

MAX_VIDEOS, MAX_IMAGES = 500, 2000
"""Of the training data, evenly taken, that the DDNet looks at once more when it is trained."""


def scored_clips(
    paths: Sequence[str], scorer: Scorer, *, clip_duration: Seconds | None = None, stride: Seconds | None = None,
    fps: float = 30.0, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error,
) -> Iterator[VideoScores]:  # fmt: skip
    """Scores and features of the clips of at most `MAX_VIDEOS` videos, those that can be read."""
    taken = evenly(paths, MAX_VIDEOS)
    for path in tracked(taken, "scores of training videos", len(taken), progress):
        try:
            yield score_video(open_source(path, fps=fps), scorer, clip_duration=clip_duration, stride=stride)
        except UNREADABLE as e:
            on_error(path, as_clipselect_error(path, e))


def frame_scores(
    paths: Sequence[str], variants: Variants, scorer: Scorer, *, progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> NDArray[np.float32]:  # fmt: skip
    """Scores [n] of at most `MAX_IMAGES` images, those that can be read, and of their degraded variants."""
    places = evenly(range(len(paths)), MAX_IMAGES)

    def images() -> Iterator[Image]:
        for i in tracked(places, "scores of training images", len(places), progress):
            try:
                image = read_image(paths[i])
            except ImageError as e:
                on_error(paths[i], e)
                continue
            yield from (variants.apply(image, i, variant) for variant in range(variants.per_image))

    return scorer.score_images(images())


def add_percentiles(
    weights: str | Path,
    data: str | Path,
    output: str | Path,
    *,
    fps: float = 30.0,
    progress: ProgressCallback = no_progress,
    on_error: OnError = ignore_error,
) -> list[float]:
    """Give weights that have none the quantiles of scores of training elements, for percentiles and `threshold="p30"`.

    Weights that `distill` writes have them. The new file has another SHA-256, so indexes must be made again.

    >>> quantiles = add_percentiles("ddnet3d-actions", "video.mp4", "ddnet.safetensors")
    >>> len(quantiles)
    101

    Args:
        weights: a DDNet, a name or a file.
        data: what it was distilled on: videos, or for a DDNet of frames a folder of images per identity, which are
            degraded as its metadata say. Of folders named train and val, the first is taken.
        output: weights to write; may be the same file.
        fps: frames per second of folders of frames.
        progress: gets the videos or images, at most 500 or 2000 of them, evenly taken.
        on_error: gets those that cannot be read.

    Returns:
        The quantiles [101], from the lowest score to the highest.

    Raises:
        ClipselectError: unusable weights, or data of which nothing can be read.
    """
    path, root = weights_path(weights, DDNETS), Path(data)
    scorer = load_ddnet(path)
    if scorer.input_spec.frames is None:
        about = scorer.metadata
        kind = about.get("degradations")
        variants = Variants(kind, int(about.get("variants") or 0), int(about.get("seed") or 0))
        images = read_identities([root], "train").paths
        scores = frame_scores(images, variants, scorer, progress=progress, on_error=on_error)
    else:
        folders = split_folders(root) if root.is_dir() else {}
        videos = [video.path for video in read_unlabelled(folders.get("train", root)).videos]
        stride = scorer.metadata.get("stride")
        found = scored_clips(videos, scorer, stride=stride, fps=fps, progress=progress, on_error=on_error)
        scores = np.concatenate([np.empty(0, np.float32), *(one.scores for one in found)])
    quantiles = score_quantiles(scores)
    if quantiles is None:
        raise ClipselectError(f"{data}: not one element of it can be read; give the data that it was distilled on")
    tensors, metadata = load_weights(path, kind="ddnet")
    save_weights(output, tensors, {**metadata, QUANTILES_KEY: quantiles})
    return quantiles
