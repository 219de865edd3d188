"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import load_scorer, open_source, score_video, top_k
>>> scores = score_video(open_source("video.mp4"), load_scorer())       # doctest: +SKIP
>>> [scores.clips[i].start for i in top_k(scores.scores, 5).ordered]    # doctest: +SKIP
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clipselect.errors import ClipselectError, ClipselectWarning, VideoError
from clipselect.grid import Clip, candidate_clips
from clipselect.selection import Selection, above, ranking, top_k
from clipselect.sources import open_source

if TYPE_CHECKING:
    from clipselect.aggregation import aggregate, rescale, weights
    from clipselect.ddl import DDLClipSampler, register_clip_sampler
    from clipselect.ddnet import DDNet, DDNetConfig
    from clipselect.discriminable import CentroidAccumulator, class_centroids, d_scores, discriminability, normalisation
    from clipselect.frame_sampler import FaceFrameSampler, FrameSelection, ReIDFrameSampler
    from clipselect.frame_scorer import FrameScorer, load_frame_scorer
    from clipselect.index import ScoreIndex
    from clipselect.samplers import DenseClips, RandomClips, UniformClips
    from clipselect.scorer import ClipScorer, VideoScores, load_scorer, score_video
    from clipselect.video_aggregator import VideoAggregator, VideoAnswers

_SLOW_TO_IMPORT = {
    "clipselect.aggregation": ("aggregate", "rescale", "weights"),
    "clipselect.ddl": ("DDLClipSampler", "register_clip_sampler"),
    "clipselect.ddnet": ("DDNet", "DDNetConfig"),
    "clipselect.discriminable": (
        "CentroidAccumulator",
        "class_centroids",
        "d_scores",
        "discriminability",
        "normalisation",
    ),
    "clipselect.frame_sampler": ("FaceFrameSampler", "FrameSelection", "ReIDFrameSampler"),
    "clipselect.frame_scorer": ("FrameScorer", "load_frame_scorer"),
    "clipselect.index": ("ScoreIndex",),
    "clipselect.samplers": ("DenseClips", "RandomClips", "UniformClips"),
    "clipselect.scorer": ("ClipScorer", "VideoScores", "load_scorer", "score_video"),
    "clipselect.video_aggregator": ("VideoAggregator", "VideoAnswers"),
}
"""What needs torch, pyarrow, PyTorchVideo or OpenCV, imported when it is first used: a process that only decodes, or
only says how it is to be called, needs none of them."""

_MODULE_OF = {name: module for module, names in _SLOW_TO_IMPORT.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'clipselect' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "CentroidAccumulator",
    "Clip",
    "ClipScorer",
    "ClipselectError",
    "ClipselectWarning",
    "DDLClipSampler",
    "DDNet",
    "DDNetConfig",
    "DenseClips",
    "FaceFrameSampler",
    "FrameScorer",
    "FrameSelection",
    "RandomClips",
    "ReIDFrameSampler",
    "ScoreIndex",
    "Selection",
    "UniformClips",
    "VideoAggregator",
    "VideoAnswers",
    "VideoError",
    "VideoScores",
    "above",
    "aggregate",
    "candidate_clips",
    "class_centroids",
    "d_scores",
    "discriminability",
    "load_frame_scorer",
    "load_scorer",
    "normalisation",
    "open_source",
    "ranking",
    "register_clip_sampler",
    "rescale",
    "score_video",
    "top_k",
    "weights",
]
